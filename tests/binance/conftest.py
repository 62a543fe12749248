"""Worlds to write down what happens in: see sim.py."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.binance.sim import World


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., World]:
    """Let something happen in a world where nothing else goes wrong; `given` is for the trade system."""

    def run(work: Callable[[World], Coroutine[Any, Any, None]], **given: Any) -> World:
        world = World(1, tmp_path / "j.db")
        world.given = given
        world.script(work)
        return world

    return run
