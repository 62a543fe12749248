"""`python tests/mutants/mutants.py`: whether some test of the exchange catches each fault planted in its kernel.

The faults are in kernel.toml: a table a function, and for a line of it what stands there instead, one mutant each. The tests
are collected once, over the kernel as plain Python, and every mutant has a fork of that process to itself, where its code
takes the kernel's place before they run up to the first that fails. Files are only read.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KERNEL = ROOT / "engine" / "exchange" / "kernel.py"
LIST = HERE / "kernel.toml"
AS_IT_IS = "the kernel as it is"

# The cheapest catch comes first. A test that starts another process would find the mutant unlike the kernel on disk.
TESTS = (
    *("placing", "market_orders", "limit_orders", "stop_orders", "turns", "money", "amending", "pairs_and_exits", "door"),
    *("overflow", "ticks", "scan", "agreement"),
)
OVER_REST = (
    *("waits_above", "trailed", "lock_of", "reference_of", "judge", "rest", "leave", "finish", "act_alone", "place_pair"),
    *("amend", "cancel", "waits", "turn_of", "acts_at", "goes_before", "slipped", "fee_in_bnb", "fill", "meet", "trail"),
    *("line_up", "pool_of", "trail_all", "on_tick"),
)
"""The functions that match orders and move balances, which a client of the rehearsal exchange meets.

It cannot tell all of their faults: logs, positions, exits of an entry and the ends of the 64-bit range are not its business.
"""
LEFT_OUT = "not reference and not corner and not leave_the_same_logs"


class Mutant(NamedTuple):
    """A line of a function of the kernel, and what stands there instead."""

    function: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.function}: {self.old}  ->  {self.new}"

    def source(self, kernel: str) -> str:
        """Return the kernel's source with this fault; LookupError where the line is not there, or is there twice."""
        if self.function not in functions(kernel):
            raise LookupError(f"the kernel has no function {self.function}, in which {LIST.name} plants a fault")
        lines = kernel.splitlines(keepends=True)
        places = [n for n in functions(kernel)[self.function] if lines[n].strip() == self.old]
        if len(places) != 1:
            raise LookupError(f"a fault is planted in a line of {self.function} that is there {len(places)} times: {self.old}")
        lines[places[0]] = lines[places[0]].replace(self.old, self.new)
        return "".join(lines)


@cache
def functions(kernel: str) -> dict[str, range]:
    """Return the functions of a source by name, each as the numbers of its lines."""
    nodes = (node for node in ast.parse(kernel).body if isinstance(node, ast.FunctionDef))
    return {node.name: range(node.lineno - 1, node.end_lineno or 0) for node in nodes}


def read() -> list[Mutant]:
    """Return the list, in its order."""
    tables = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Mutant(name, old, new) for name, lines in tables.items() for old, news in lines.items() for new in news]


def plant(source: str) -> None:
    """Give the functions of the imported kernel, whoever holds them, the code of this source."""
    from engine.exchange import kernel

    namespace = dict(vars(kernel))
    exec(compile(source, str(KERNEL), "exec"), namespace)
    for name in functions(source):
        getattr(kernel, name).__code__ = namespace[name].__code__


class Trial:
    """A pytest plugin that runs the collected tests on each kernel, and fails for each mutant that they let pass."""

    def __init__(self, kernels: dict[str, str], workers: int) -> None:
        self.kernels = kernels
        self.workers = workers
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        survivors, caught = [], 0
        for name, caught_by in self.outcomes(session):
            if name == AS_IT_IS and caught_by:
                pytest.exit(f"{caught_by} fails on {AS_IT_IS}", 1)
            if name != AS_IT_IS:
                print(f"{'caught' if caught_by else 'SURVIVED'}  {name}\n        {caught_by}", flush=True)
                caught += bool(caught_by)
                survivors += [] if caught_by else [name]
        print("", *(f"SURVIVED  {name}" for name in survivors), f"{caught} of {caught + len(survivors)} caught", sep="\n")
        session.testsfailed = len(survivors)
        return True

    def outcomes(self, session: pytest.Session) -> Iterator[tuple[str, str]]:
        """Yield each kernel's name with the test that caught it, "" for none, as they end."""
        waiting, running = list(self.kernels.items()), {}
        while waiting or running:
            while waiting and len(running) < self.workers:
                name, source = waiting.pop(0)
                out, into = os.pipe()
                child = os.fork()
                if not child:
                    self.try_alone(session, source, into)
                os.close(into)
                running[child] = name, out
            child, status = os.wait()
            name, out = running.pop(child)
            with open(out, encoding="utf-8") as told:
                caught_by = told.read()
            if status:
                pytest.exit(f"the tests could not be run on {name}", 3)
            yield name, caught_by

    def try_alone(self, session: pytest.Session, source: str, into: int) -> None:
        """Run the tests on this kernel up to the first that fails, tell its name, and end the process."""
        status = 1
        try:
            plant(source)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self.failed:
                    break
            os.write(into, self.failed.encode())
            status = 0
        finally:
            os._exit(status)


def main() -> int:
    """Try the mutants; 0 where all are caught."""
    parser = argparse.ArgumentParser(description="Plant faults in the exchange kernel and see that its tests catch them")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes at a time")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, always the same")
    parser.add_argument("--rest", action="store_true", help="what the rehearsal exchange tells over REST of them")
    parser.add_argument("words", nargs="*", help="only mutants that have all of these in function or line")
    asked = parser.parse_args()
    kernel = KERNEL.read_text(encoding="utf-8")
    try:
        kernels = {str(mutant): mutant.source(kernel) for mutant in read()}
    except LookupError as gone:
        parser.error(str(gone))
    chosen = [name for name in kernels if all(word in name for word in asked.words)]
    if asked.rest:
        chosen = [name for name in chosen if name.partition(":")[0] in OVER_REST]
    if asked.sample is not None:
        chosen = random.Random(0).sample(chosen, asked.sample)
    else:
        kernels[AS_IT_IS] = kernel
        chosen.insert(0, AS_IT_IS)
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "HYPOTHESIS_PROFILE": "ci"}
    tests = [str(ROOT / "tests" / "exchange" / f"test_{name}.py") for name in TESTS]
    if asked.rest:
        tests = [str(ROOT / "tests" / "rehearsal" / "test_over_rest.py")]
    how = ["-q", "-s", "--tb=no", "-p", "no:cacheprovider", "-k", LEFT_OUT, "--rootdir", str(ROOT)]
    return pytest.main([*how, *tests], plugins=[Trial({name: kernels[name] for name in chosen}, asked.workers)])


if __name__ == "__main__":
    sys.exit(main())
