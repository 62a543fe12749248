"""The link to a host process: a stand-in speaks the real protocol over the real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fake_link import screen_text, settle

from engine import paths
from engine.host import protocol as p
from tui.app import DeckApp
from tui.link import EngineLink
from tui.mailbox import HostGone, HostSpec, Link, Printed, Received
from tui.settings import Settings

HOST = (sys.executable, str(Path(__file__).with_name("fake_host.py")))


class Listener:
    """Collects what a link delivers."""

    def __init__(self, link: EngineLink) -> None:
        self.link = link
        self.reports: list[Received] = []
        self.frames: list[p.Frame] = []

    async def until(self, holds: Callable[[], object], seconds: float = 10.0) -> None:
        """Take from the link until `holds` does."""
        deadline = time.monotonic() + seconds
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, self.reports
            try:
                await asyncio.wait_for(self.link.changed(), left)
            except TimeoutError:
                continue
            reports, frame = self.link.take()
            self.reports += reports
            if frame is not None:
                self.frames.append(frame)

    def of(self, kind: type) -> list:
        return [report for report in self.reports if isinstance(report, kind)]


@asynccontextmanager
async def linked(fault: str | None = None, at: str | None = None, command: tuple[str, ...] = HOST) -> AsyncIterator[Listener]:
    link = EngineLink(HostSpec(recording=fault, at=at), command)
    running = asyncio.create_task(link.run())
    try:
        yield Listener(link)
    finally:
        await link.close()
        await asyncio.wait_for(running, 5)


def sockets() -> list[Path]:
    return list(paths.runtime_dir().glob(f"{os.getpid()}-*.sock"))


async def test_a_host_is_started_greets_and_obeys() -> None:
    async with linked(at="750") as listener:
        await listener.until(lambda: listener.frames)
        assert [type(report).__name__ for report in listener.reports[:3]] == ["Progress", "Hello", "Events"]
        assert listener.frames[0].step == 750
        (socket,) = sockets()
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert listener.link.send(p.Step(5))
        await listener.until(lambda: listener.frames[-1].step == 755)
        assert listener.link.send(p.CancelAll(9))
        await listener.until(lambda: listener.of(p.Reply))
        assert listener.of(p.Reply) == [p.Reply(9, True, "2 orders canceled")]
        await listener.until(lambda: listener.of(Printed))
        assert listener.of(Printed)[0].lines == ["hello from the strategy"]
        process = listener.link._process
    assert process is not None
    assert process.returncode == 0
    assert sockets() == []
    assert not listener.link.send(p.Play())


async def test_the_host_has_a_session_of_its_own() -> None:
    async with linked() as listener:
        await listener.until(lambda: listener.frames)
        assert listener.link._process is not None
        assert os.getsid(listener.link._process.pid) == listener.link._process.pid


async def test_a_killed_host_is_told_within_a_second() -> None:
    async with linked() as listener:
        await listener.until(lambda: listener.frames)
        assert listener.link._process is not None
        began = time.monotonic()
        os.kill(listener.link._process.pid, signal.SIGKILL)
        await listener.until(lambda: listener.of(HostGone), 3)
        assert time.monotonic() - began < 1
        assert listener.of(HostGone) == [HostGone("the engine was ended by SIGKILL", "")]
        assert listener.reports[-1] == listener.of(HostGone)[0], "nothing comes after the end"


async def test_the_last_words_of_a_host_are_kept() -> None:
    async with linked("exit3") as listener:
        await listener.until(lambda: listener.of(HostGone))
        assert listener.of(HostGone) == [HostGone("the engine ended with exit code 3", "MemoryError: no more of it")]


async def test_what_a_host_says_before_it_ends_arrives() -> None:
    async with linked("fatal") as listener:
        await listener.until(lambda: listener.of(HostGone))
        (failure,) = listener.of(p.Failure)
        assert failure.fatal
        assert "no such recording" in failure.message


async def test_a_host_that_lingers_is_ended_and_that_is_not_called_its_own_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.link.GRACE_SECONDS", 0.2)
    async with linked("lingers") as listener:
        await listener.until(lambda: listener.of(HostGone))
        assert listener.of(p.Failure)
        assert listener.of(HostGone)[0].how == "the engine closed the connection and did not end, so the deck ended it"
        assert listener.link._process is not None
        assert listener.link._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("fault", "code", "least", "most"),
    [("tidy", 7, 0.3, 1.5), ("stubborn", -signal.SIGKILL, 0.5, 1.5), ("lingers", -signal.SIGTERM, 0, 0.4)],
)
async def test_an_engine_is_given_time_to_end_and_no_more_than_that(fault: str, code: int, least: float, most: float) -> None:
    """With no event loop turning meanwhile, as where the deck's terminal is gone."""
    async with linked(fault) as listener:
        await listener.until(lambda: listener.frames or (fault == "lingers" and listener.of(p.Failure)))
        process = listener.link._process
        assert process is not None
        began = time.monotonic()
        listener.link.end(0.5 if fault == "stubborn" else 3.0)
        assert least <= time.monotonic() - began <= most
        assert await asyncio.wait_for(process.wait(), 5) == code


async def test_sockets_of_decks_that_were_killed_are_swept() -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await killed.wait()
    dead, alive = (paths.runtime_dir() / f"{pid}-0.sock" for pid in (killed.pid, os.getpid()))
    for path in (dead, alive):
        path.touch()
    try:
        async with linked() as listener:
            await listener.until(lambda: listener.frames)
            assert not dead.exists()
            assert alive.exists()
    finally:
        alive.unlink()


async def test_garbage_on_the_socket_ends_the_host() -> None:
    async with linked("garbage") as listener:
        await listener.until(lambda: listener.of(HostGone), 5)
        assert "a message of 4294967295 bytes" in listener.of(HostGone)[0].how


@pytest.mark.parametrize(
    ("command", "how"),
    [
        (("/no/such/python",), "the engine could not be started: No such file or directory"),
        ((sys.executable, "-c", "import sys; sys.exit('no engine here')"), "the engine ended with exit code 1"),
    ],
)
async def test_a_host_that_cannot_start_is_told(command: tuple[str, ...], how: str) -> None:
    async with linked(command=command) as listener:
        await listener.until(lambda: listener.of(HostGone))
        assert listener.of(HostGone)[0].how == how


async def test_a_host_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.link.START_SECONDS", 0.2)
    async with linked(command=(sys.executable, "-c", "import time; time.sleep(60)")) as listener:
        await listener.until(lambda: listener.of(HostGone), 5)
        assert listener.of(HostGone)[0].how.startswith("the engine did not answer")
        assert listener.link._process is not None
        assert listener.link._process.returncode == -signal.SIGKILL


async def test_a_host_that_does_not_listen_to_shutdown_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.link.GRACE_SECONDS", 0.2)
    async with linked("silent") as listener:
        await listener.until(lambda: listener.frames)
        began = time.monotonic()
        await listener.link.close()
        assert time.monotonic() - began < 2
        assert listener.link._process is not None
        assert listener.link._process.returncode == -signal.SIGTERM


async def test_prints_without_end_keep_only_the_newest() -> None:
    code = "import sys\nfor n in range(300000): print('line', n)\nsys.stderr.write('x' * 1_000_000)"
    async with linked(command=(sys.executable, "-c", code)) as listener:
        await listener.until(lambda: listener.of(HostGone))
        lines = [line for report in listener.of(Printed) for line in report.lines]
        assert "line 299999" in lines
        assert max(len(line) for line in lines) <= 4096


async def test_the_deck_ends_a_host_that_hangs_and_starts_another() -> None:
    links: list[EngineLink] = []

    def connect(spec: HostSpec) -> Link:
        links.append(EngineLink(spec, HOST))
        return links[-1]

    app = DeckApp(connect, HostSpec(recording="hung"), Settings())
    async with app.run_test(size=(120, 40)) as pilot:

        async def shown(text: str) -> None:
            deadline = time.monotonic() + 10
            while text not in "\n".join(screen_text(app)):
                assert time.monotonic() < deadline, "\n".join(screen_text(app))
                await asyncio.sleep(0.02)

        await shown("700 / 3,999")
        await pilot.press("n")
        app._heard -= 60
        app._asked = app._heard + 1
        app._every_second()
        await shown("× stale")
        await pilot.press("r")
        await shown("‖ paused")
        hung, started = links[0]._process, links[1]._process
        assert hung is not None
        assert started is not None
        assert await asyncio.wait_for(hung.wait(), 10) == -signal.SIGKILL
        assert started.returncode is None


async def test_the_deck_shows_a_killed_host_within_a_second_and_restarts_it() -> None:
    links: list[EngineLink] = []

    def connect(spec: HostSpec) -> Link:
        links.append(EngineLink(spec, HOST))
        return links[-1]

    app = DeckApp(connect, HostSpec(), Settings())
    async with app.run_test(size=(120, 40)) as pilot:

        async def shown(text: str, seconds: float) -> float:
            began = time.monotonic()
            while text not in "\n".join(screen_text(app)):
                assert time.monotonic() - began < seconds, "\n".join(screen_text(app))
                await asyncio.sleep(0.02)
            return time.monotonic() - began

        await shown("700 / 3,999", 10)
        await pilot.press("n")
        await shown("710 / 3,999", 5)
        process = links[0]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert await shown("ENGINE GONE  the engine was ended by SIGKILL", 3) < 1
        await pilot.press("r")
        await shown("710 / 3,999", 10)
        await settle(pilot)
        assert "ENGINE GONE" not in "\n".join(screen_text(app))
        process = links[1]._process
        assert process is not None
        assert process.returncode is None
    assert process.returncode == 0
