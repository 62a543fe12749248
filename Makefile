# One environment, .venv, made from requirements.lock by the newest supported Python at hand; everything else runs in it.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := backtesting backtrader nautilus freqtrade hftbacktest vectorbt
TESTS ?= tests
WORKERS ?= 2
SEED ?= 1

# A python is taken when it starts, is supported (pyproject.toml: requires-python) and can make environments.
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
FIND_PYTHON = for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(USABLE)' >/dev/null 2>&1 && { echo $$p; break; }; done

.PHONY: help install run test coverage chaos mutants check format bench bench-peers lock clean

help: ## Tell the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(STAMP) ## Make .venv from requirements.lock (PYTHON=... chooses the Python)

$(STAMP): requirements.lock pyproject.toml
	@python=$${PYTHON:-$$($(FIND_PYTHON))}; \
	[ -n "$$python" ] || { echo "make: tickdeck needs Python 3.11 to 3.14 with venv; found none (PYTHON=/path/to/python chooses one)" >&2; exit 2; }; \
	[ -x $(BIN)/python ] || { echo "Making $(VENV) with $$($$python -V)"; $$python -m venv $(VENV); }
	@echo "Installing the tested set of packages (once, a few minutes at most)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q engine tui
	@touch $@

run: install ## Open the deck on the demo recording
	@$(BIN)/tickdeck

test: install ## Run all tests (TESTS=path chooses some, WORKERS=n the processes)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q $(TESTS)

coverage: install ## Run all tests with the kernel as plain Python and tell what they miss
	@NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q --timeout 600 --cov --cov-report=term --cov-report=html $(TESTS)

chaos: install ## 200 blows of the network, 500 killed engines, 10,000 worlds of orders, an hour's flight (SEED=n chooses which)
	@TICKDECK_CHAOS=200 TICKDECK_CHAOS_SEED=$(SEED) $(BIN)/python -m pytest -q -s tests/binance/test_chaos.py tests/binance/test_cuts.py
	@TICKDECK_KILLS=500 TICKDECK_CHAOS_SEED=$(SEED) $(BIN)/python -m pytest -n $(WORKERS) -q tests/host/test_kill.py
	@TICKDECK_CHAOS=200 TICKDECK_CHAOS_SEEDS=10000 TICKDECK_CHAOS_SEED=$(SEED) \
		$(BIN)/python -m pytest -n $(WORKERS) -q tests/binance/test_sim.py tests/binance/test_crash.py
	@TICKDECK_SOAK_S=3600 $(BIN)/python -m pytest -q tests/test_benchmarks.py -k takes_no_more_room

mutants: install ## Plant faults in the exchange kernel and in the order core, one at a time: some test must catch each
	@$(BIN)/python tests/mutants/mutants.py --workers $(WORKERS)
	@$(BIN)/python tests/mutants/orders.py --workers $(WORKERS)

check: install ## Lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: install ## Format and mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: install ## Measure speed and memory; keeps JSON in bench-results/
	@$(BIN)/python -m benchmarks

bench-peers: install $(PEERS:%=.peers/%/.installed) ## The same beside other engines, in one run: those that install here
	@$(BIN)/python -m benchmarks --peers .peers

# An engine that does not install here is left out, and tried again the next time.
.peers/%/.installed: benchmarks/peer_%.txt | install
	@echo "Installing $* to measure beside (once)"
	@{ $(BIN)/python -m venv .peers/$* \
		&& .peers/$*/bin/python -m pip install --quiet --disable-pip-version-check --compile -r $< && touch $@; } \
		|| { rm -rf .peers/$*; echo "make: $* does not install here" >&2; }

lock: ## Make requirements.lock anew from pyproject.toml (asks the package index for the newest)
	@[ -x build/lock/bin/uv ] || { $${PYTHON:-$$($(FIND_PYTHON))} -m venv build/lock && build/lock/bin/python -m pip install --quiet uv; }
	@build/lock/bin/uv pip compile pyproject.toml --quiet --group dev --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --custom-compile-command "make lock" --upgrade --output-file requirements.lock

clean: ## Remove everything that can be made again, environments included
	rm -rf $(VENV) .peers build dist bench-results htmlcov .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
