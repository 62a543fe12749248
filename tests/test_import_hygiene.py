"""The UI's process loads nothing heavy, and `engine` hands out its names one by one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("numba", "llvmlite", "talib", "pandas", "pyarrow")
NAMES = (
    "CoinName",
    "Feature",
    "FeatureStore",
    "Indicator",
    "LocalTradeSystem",
    "MovingAverage",
    "OrderStatus",
    "RollingZScore",
    "Signal",
    "State",
    "Statistics",
    "Strategy",
    "TimeInForce",
    "Timeline",
    "Timestamp",
    "TradeSystemAPI",
    "backtest",
    "main",
)


def loaded_after(code: str) -> set[str]:
    """The top-level modules a fresh interpreter holds once it has run `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


WALK = """
import importlib, pkgutil, tui
names = [found.name for found in pkgutil.walk_packages(tui.__path__, "tui.")]
assert {"tui.app", "tui.cli", "tui.link"} <= set(names), names
for name in names:
    importlib.import_module(name)
"""


@pytest.mark.parametrize(
    "code",
    ["import engine", "import engine.config, engine.errors, engine.model, engine.host.protocol", "import tui.cli", WALK],
    ids=["engine", "what the UI takes of it", "the command line", "everything of tui"],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert not loaded_after(code) & set(HEAVY)


def test_the_engine_knows_no_screen() -> None:
    code = "import importlib, pkgutil, engine\nfor found in pkgutil.walk_packages(engine.__path__, 'engine.'):\n"
    code += "    if not found.name.endswith('__main__'):\n        importlib.import_module(found.name)"
    assert not loaded_after(code) & {"textual", "rich", "typer", "tui"}


@pytest.mark.parametrize("name", NAMES)
def test_engine_exports(name: str) -> None:
    import engine

    assert name in engine.__all__
    assert name in dir(engine)
    assert getattr(engine, name) is not None


def test_engine_names_an_unknown_export() -> None:
    import engine

    with pytest.raises(AttributeError, match="no attribute 'Strategie'"):
        _ = engine.Strategie
