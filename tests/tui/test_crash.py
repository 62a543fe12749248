"""Crash reports hold what happened, and nothing that must not leave the process."""

from __future__ import annotations

import re
import stat

import pytest
from fake_link import FakeLink, deck_on, settle
from textual.worker import WorkerFailed

from tui import crash

SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


@pytest.mark.parametrize(
    "text",
    [
        f"key is {SECRET}",
        f"https://host/api?symbol=BTCUSDT&signature={SECRET[:20]}",
        f"{{'X-MBX-APIKEY': '{SECRET[:12]}'}}",
        f'apiKey="{SECRET[:12]}"',
        f"password: {SECRET[:12]}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET[:12]}\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert SECRET[:12] not in crash.redact(text)
    assert "[redacted]" in crash.redact(text)


def test_ordinary_text_stays() -> None:
    text = 'File "/home/me/strategies/sma.py", line 41, in gen_signal'
    assert crash.redact(text) == text


def test_a_report_has_the_traceback_but_no_locals() -> None:
    def fails() -> None:
        hidden = "a local " + SECRET
        raise ValueError(f"bad token={SECRET} in {len(hidden)}")

    with pytest.raises(ValueError, match="bad") as caught:
        fails()
    path = crash.report(caught.value)
    assert path is not None
    text = path.read_text()
    assert "test_crash.py" in text
    assert "ValueError: bad token=[redacted]" in text
    assert SECRET not in text
    assert "a local vm" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    line = crash.summary(caught.value, path)
    assert re.fullmatch(r"tickdeck crashed: ValueError: bad token=\[redacted\] in \d+ \(a report is in .*\)", line)
    assert "\n" not in line


async def test_a_deck_that_crashes_leaves_with_a_report_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    link = FakeLink()
    failed = RuntimeError(f"broken, secret={SECRET}")

    def breaks(_frame: object) -> None:
        raise failed

    app = deck_on(link)

    async def fly() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            app.deck.apply = breaks  # type: ignore[method-assign]
            link.show(link.world.frame())
            await pilot.pause(0.2)

    with pytest.raises(WorkerFailed):
        await fly()
    assert app.return_code == 1
    assert app.crashed is failed
    assert app.crash_report is not None
    assert SECRET not in app.crash_report.read_text()
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    assert link.closed or link.killed
