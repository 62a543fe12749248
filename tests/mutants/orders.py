"""`python tests/mutants/orders.py`: whether each fault planted in the order core is caught.

The faults are in orders.toml. Each is tried in a fork of its own, where the module is imported with the fault in it: the tests
of single cases run, then the SIM flies seed after seed up to the first in which something is wrong. Files are only read.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import os
import random
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIST = HERE / "orders.toml"
CORE = ROOT / "engine" / "binance"
SEEDS = 60
TESTS = ("test_life.py", "test_ledger.py", "test_evidence.py", "test_safety.py", "test_orders.py")
"""What is tried before the SIM."""


class Fault(NamedTuple):
    """A line of a module, what stands there instead, and what that comes to."""

    module: str
    what: str
    old: str
    new: str

    @property
    def source(self) -> str:
        """The module's source with the fault in it; LookupError where the line is not there, or is there twice."""
        lines = (CORE / f"{self.module}.py").read_text(encoding="utf-8").splitlines(keepends=True)
        places = [n for n, line in enumerate(lines) if line.strip() == self.old]
        if len(places) != 1:
            raise LookupError(f"a fault is planted in a line of {self.module} that is there {len(places)} times: {self.old}")
        lines[places[0]] = lines[places[0]].replace(self.old, self.new)
        return "".join(lines)


def read() -> list[Fault]:
    """Return the list, in its order."""
    tables = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Fault(module, **its) for module, faults in tables.items() for its in faults]


class Planter(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Finds the module of a fault, as it is with the fault."""

    def __init__(self, fault: Fault) -> None:
        self.name = f"engine.binance.{fault.module}"
        self.path = str(CORE / f"{fault.module}.py")
        self.source = fault.source

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.util.spec_from_loader(name, self, origin=self.path) if name == self.name else None

    def get_filename(self, name: str) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        return self.source.encode()


def wrong(fault: Fault, seeds: int = SEEDS) -> str:
    """Fly the SIM with a fault planted; return what was wrong first, "" where nothing was."""
    sys.meta_path.insert(0, Planter(fault))
    for name in TESTS:
        how = ["-q", "-x", "--tb=no", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
        if pytest.main([*how, str(ROOT / "tests" / "binance" / name)]):
            return name
    from tests.binance.sim import World

    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            try:
                world = World(seed, Path(folder) / f"{seed}.db").play()
            # a fault may as well end the run
            except Exception as error:
                return f"seed {seed}: {type(error).__name__} {error}"[:160]
            if world.wrong:
                return f"seed {seed}: {world.wrong[0]}"[:160]
    return ""


def tried(faults: list[Fault], workers: int) -> dict[str, str]:
    """Return what was wrong with each fault, as they end."""
    # what every fork needs, but not what the faults are in
    import tests.worlds  # noqa: F401

    waiting, running, found = list(faults), {}, {}
    while waiting or running:
        while waiting and len(running) < workers:
            fault = waiting.pop(0)
            out, into = os.pipe()
            child = os.fork()
            if not child:
                status = 1
                try:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                    os.write(into, wrong(fault).encode())
                    status = 0
                finally:
                    os._exit(status)
            os.close(into)
            running[child] = fault, out
        child, status = os.wait()
        fault, out = running.pop(child)
        with open(out, encoding="utf-8") as told:
            found[fault.what] = told.read() or ("" if not status else "it ended the process")
        print(
            f"{'caught' if found[fault.what] else 'SURVIVED'}  {fault.module}: {fault.what}\n        {found[fault.what]}",
            flush=True,
        )
    return found


def main() -> int:
    """Try the faults; 0 where all are caught."""
    parser = argparse.ArgumentParser(description="Plant faults in the order core and see that they are caught")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes at a time")
    parser.add_argument("--sample", type=int, metavar="N", help="only N faults, always the same")
    parser.add_argument("words", nargs="*", help="only faults that have all of these in what they are")
    asked = parser.parse_args()
    faults = [fault for fault in read() if all(word in f"{fault.module} {fault.what}" for word in asked.words)]
    if asked.sample is not None:
        faults = random.Random(0).sample(faults, asked.sample)
    try:
        for fault in faults:
            assert fault.source
    except LookupError as gone:
        parser.error(str(gone))
    found = tried(faults, asked.workers)
    print(f"{sum(map(bool, found.values()))} of {len(found)} caught")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
