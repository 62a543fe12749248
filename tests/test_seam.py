"""Clock and chance come into the engine by one door, so that everything else can be run again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[1] / "engine"
MODULES = sorted(path for path in ENGINE.rglob("*.py") if path.name != "seam.py")
CLOSED = {"time", "random", "secrets", "uuid"}
CALLS = {"now", "utcnow", "today", "urandom", "getrandbits", "default_rng"}
SEEDED = {"default_rng"}


def breaches(source: str) -> Iterator[str]:
    """Name what reads a clock or chance: the modules that do nothing else, and calls that do."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (f"import {name.name}" for name in node.names if name.name in CLOSED)
        elif isinstance(node, ast.ImportFrom) and node.module in CLOSED:
            yield f"from {node.module}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            owner = ast.unparse(node.func.value)
            if owner in ("seam", "self", "self._manners") or ("." not in owner and owner == "manners"):
                continue
            if node.func.attr in SEEDED and node.args:
                continue
            yield f"{owner}.{node.func.attr}()"


@pytest.mark.parametrize("module", MODULES, ids=[str(path.relative_to(ENGINE)) for path in MODULES])
def test_no_module_reads_a_clock_or_chance_but_through_the_seam(module: Path) -> None:
    assert list(breaches(module.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from random import random",
        "import uuid",
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "os.urandom(8)",
        "np.random.default_rng()",
    ],
)
def test_the_lint_sees_every_way_in(source: str) -> None:
    assert list(breaches(source))
