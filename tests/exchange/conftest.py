"""Puts this folder's helpers within reach of its tests, and gives the hand-made tests both exchanges to run on."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def _reference(instruments: Any, balances: Any, rules: dict[str, Any], decimals: Any) -> Any:
    from reference import Reference, Rules

    return Reference(instruments, balances, Rules(**rules), decimals)


def _kernel(instruments: Any, balances: Any, rules: dict[str, Any], decimals: Any) -> Any:
    from engine.exchange import Exchange, FillRules

    return Exchange(instruments, balances, FillRules(**rules), decimals)


@pytest.fixture(params=[_reference, _kernel], ids=["reference", "kernel"])
def open_desk(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Open a desk at the reference exchange and at the engine's: numbers worked out by hand hold at both."""
    from desk import Desk

    return partial(Desk, request.param)
