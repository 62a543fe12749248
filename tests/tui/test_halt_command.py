"""`tickdeck halt`: what it says of what was done, and that it ends no flight that has something left to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.host.protocol import Command, Halt, Reply, Shutdown
from tests.tui.fake_world import World
from tui import flights
from tui.cli import app


class Talk:
    """A flight that answers a halt as it is told to."""

    def __init__(self, ok: bool) -> None:
        self.sent: list[Command] = []
        self._says = [World().hello(), Reply(0, ok, "1 of 1 cancelled" if ok else "not all is done: 0 of 1 cancelled")]

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def next(self) -> Any:
        return self._says.pop(0)


@pytest.mark.parametrize("ok", [True, False])
def test_a_flight_is_ended_only_when_all_is_done(ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk(ok)

    @contextmanager
    def talking(path: Path, seconds: float) -> Iterator[Talk]:
        yield talk

    monkeypatch.setattr(flights, "the_flight", lambda name: Path("rehearsal-1.sock"))
    monkeypatch.setattr(flights, "talking", talking)
    done = CliRunner().invoke(app, ["halt", "--flatten", "--end"])
    assert done.exit_code == (0 if ok else 1)
    assert talk.sent == [Halt(0, True), *([Shutdown()] if ok else [])]
    assert ("the flight goes on" in done.output) is not ok
