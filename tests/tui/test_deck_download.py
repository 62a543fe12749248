"""The download form on the deck, from an error and from a key, with a download that does as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from fake_link import NOW, FakeLink, flying, screen_text, settle
from textual.pilot import Pilot
from textual.widgets import Input

from engine.errors import DownloadError
from engine.host import protocol as p
from tui.app import DeckApp
from tui.downloading import Done, Far, Wish
from tui.mailbox import HostSpec
from tui.screens.download import DownloadScreen
from tui.screens.error import ErrorScreen
from tui.settings import Settings

MISSING = p.Failure(
    "Recording", "there is no recording mine", "`tickdeck download ...`", True, p.Wanted("mine", ["ETHUSDT", "SOLUSDT"])
)


class Archive:
    """Stands in for a download: keeps what is wished, tells what it is to tell, waits until it may end."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.told: Callable[[Far], None] = lambda far: None
        self.ends: asyncio.Future[Done] = asyncio.get_running_loop().create_future()

    async def download(self, wish: Wish, told: Callable[[Far], None]) -> Done:
        self.wishes.append(wish)
        self.told = told
        self.ends = asyncio.get_running_loop().create_future()
        return await self.ends


@pytest.fixture
async def archive(monkeypatch: pytest.MonkeyPatch) -> Archive:
    made = Archive()
    monkeypatch.setattr("tui.screens.download.download", made.download)
    return made


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


def text(app: DeckApp) -> str:
    return "\n".join(screen_text(app))


async def test_a_missing_recording_leads_to_its_download_and_is_flown_as_it_was_meant(archive: Archive) -> None:
    links = [FakeLink(greet=False), FakeLink()]
    specs: list[HostSpec] = []

    def connect(spec: HostSpec) -> FakeLink:
        specs.append(spec)
        return links[len(specs) - 1]

    app = DeckApp(connect, HostSpec(config="mine.toml", speed=5), Settings(), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        links[0].put(MISSING)
        links[0].die("the engine ended with exit code 2", "")
        await settle(pilot)
        assert "Download it (d)" in text(app)
        await press(pilot, "d")
        assert isinstance(app.screen, DownloadScreen)
        assert "tickdeck download ETHUSDT SOLUSDT --from 2025-03" in text(app)
        assert "Download (enter)" in text(app), "all of it fits"
        await press(pilot, "escape")
        assert isinstance(app.screen, ErrorScreen), "the error is still there"
        await pilot.click("#download")
        await settle(pilot)
        await press(pilot, "enter")
        assert archive.wishes == [Wish(("ETHUSDT", "SOLUSDT"), "2025-03", "2025-05", "1m", "mine")]
        archive.told(Far("ETHUSDT-1m-2025-04.zip", 3, 6, 12_345_678))
        await pilot.pause(0.15)
        assert "━" * 15 + "─" * 15 + "   3 of 6 files   12.3 MB" in text(app)
        assert "ETHUSDT-1m-2025-04.zip" in text(app)
        archive.ends.set_result(Done("mine", "/data/recordings/mine"))
        await settle(pilot)
        await settle(pilot)
        assert specs[1:] == [HostSpec(config="mine.toml", recording="/data/recordings/mine", speed=5)]
        assert app.deck.session.hello is not None
        await press(pilot, "right")
        assert p.Step(1) in links[1].sent


async def test_a_key_of_the_deck_downloads_and_flies_what_came(archive: Archive) -> None:
    async with flying() as (app, link, pilot):
        connected: list[HostSpec] = []
        app._connect = lambda spec: connected.append(spec) or FakeLink()  # type: ignore[func-returns-value]
        await press(pilot, "D")
        assert app.focused is app.screen.query_one("#into")
        assert "type a name for the recording" in text(app)
        await press(pilot, *"new", "enter")
        archive.ends.set_result(Done("new", "/data/new"))
        await settle(pilot)
        await settle(pilot)
        assert connected == [HostSpec(recording="/data/new")]
        assert link.closed, "the engine that flew before has ended"


async def test_a_download_can_be_stopped_and_tried_again(archive: Archive) -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "D", *"new", "enter")
        assert all(field.disabled for field in app.screen.query(Input))
        assert "Stop (escape)" in text(app)
        await press(pilot, "escape")
        assert archive.ends.cancelled()
        assert "stopped; nothing was imported" in text(app)
        await press(pilot, "2", "enter")
        assert archive.wishes[1].into == "new2"
        archive.ends.set_exception(DownloadError("the line is dead", hint="mend it"))
        await settle(pilot)
        assert "the line is dead" in text(app)
        assert "mend it" in text(app)
        await press(pilot, "3", "enter")
        await pilot.click("#leave")
        await settle(pilot)
        assert archive.ends.cancelled()
        await press(pilot, "escape")
        assert not isinstance(app.screen, DownloadScreen)


WRONG = (
    ("coins", "", "type a coin"),
    ("coins", "btc usdt; rm", "USDT; is no coin"),
    ("first", "soon", "from soon is no day"),
    ("first", "2025-06-15", "2025-06-15 has not passed yet"),
    ("last", "2025", "to 2025 is no day"),
    ("last", "2025-01", "it ends before it begins"),
    ("into", " ", "type a name"),
)


async def test_what_is_wrong_is_told_and_not_sent(archive: Archive) -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "D", *"new")
        for name, typed, told in WRONG:
            field = app.screen.query_one(f"#{name}", Input)
            before, field.value = field.value, typed
            await press(pilot, "enter")
            assert told in text(app)
            assert app.focused is field
            field.value = before
        assert archive.wishes == []


async def test_a_failure_that_no_download_mends_offers_none() -> None:
    link = FakeLink(greet=False)
    async with flying(link) as (app, _, pilot):
        link.put(p.Failure("Config", "no such key", "", True))
        await settle(pilot)
        assert "Download" not in text(app)
        await press(pilot, "d")
        assert isinstance(app.screen, ErrorScreen)
