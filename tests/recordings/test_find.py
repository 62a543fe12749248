"""What a recording's name means, and in which order places are looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.config import find_config, load_config
from engine.errors import NoRecording, RecordingError
from engine.paths import bundled, user_data
from engine.recordings import destination, find_recording, list_recordings


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return here


def test_the_order_of_places(place: Path, stored: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    for folder in (beside / "recordings", place / "recordings", user_data() / "recordings"):
        folder.mkdir(parents=True)
        shutil.copytree(stored, folder / "mine")
    for name in ("mine", "recordings/mine"):
        assert find_recording(name, beside).resolve() == beside / "recordings" / "mine"
        assert find_recording(name).resolve() == place / "recordings" / "mine"
    shutil.rmtree(place / "recordings")
    assert find_recording("mine") == user_data() / "recordings" / "mine"
    assert find_recording(stored) == stored
    assert find_recording(str(stored), beside) == stored
    shutil.copytree(stored, place / "mine")
    assert find_recording("mine").resolve() == place / "mine"


def test_the_demo_is_always_there(place: Path) -> None:
    for name in ("demo", "recordings/demo"):
        assert find_recording(name).is_absolute()
        assert find_recording(name).name == "demo"


def test_what_ships_with_tickdeck_flies_on_its_own_demo(place: Path, stored: Path) -> None:
    shutil.copytree(stored, place / "recordings" / "demo")
    assert find_recording("demo").resolve() == place / "recordings" / "demo", "the user's, where the user asks"
    shipped = load_config(find_config("demo"))
    assert find_recording(shipped.recording, shipped.beside) == bundled() / "recordings" / "demo"


def test_what_is_not_found_is_said_with_where_it_was_looked_for(place: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RecordingError, match=r"there is no recording nope; looked for recordings/nope, nope, .*data/tickdeck"
    ) as error:
        find_recording("nope")
    assert "tickdeck recordings" in error.value.hint
    assert "`tickdeck download BTCUSDT --from 2025-01 --to 2025-03 --into nope`" in error.value.hint
    assert "`tickdeck import FILES --into nope`" in error.value.hint
    with pytest.raises(NoRecording) as missing:
        find_recording("my own", None, ("ETHUSDT", "$(rm)", "-x"))
    assert "`tickdeck download ETHUSDT '$(rm)' COIN --from 2025-01 --to 2025-03 --into 'my own'`" in missing.value.hint
    assert (missing.value.name, missing.value.coins) == ("my own", ["ETHUSDT", "$(rm)", "-x"])
    (place / "half").mkdir()
    with pytest.raises(RecordingError, match=r"half is not a recording: it has no manifest\.toml"):
        find_recording("half")
    for odd in ("", ".", "a" * 5000, "nul\0byte", "\x1b[2J"):
        with pytest.raises(RecordingError) as error:
            find_recording(odd)
        assert "\x1b" not in str(error.value)


def test_where_into_means(place: Path) -> None:
    assert destination("mine") == user_data() / "recordings" / "mine"
    (place / "recordings").mkdir()
    assert destination("mine") == Path("recordings/mine")
    for path in ("./mine", "sub/mine", "/abs/mine", "mine/", "."):
        assert destination(path) == Path(path)
    assert destination("~/mine") == Path.home() / "mine"


def test_listing(place: Path, stored: Path) -> None:
    shutil.copytree(stored, place / "recordings" / "good")
    shutil.copytree(stored, place / "recordings" / "bad")
    (place / "recordings" / "none").mkdir()
    (place / "recordings" / "bad" / "manifest.toml").write_text("tickdeck = 1\n")
    found = list_recordings()
    assert [item.path.name for item in found] == ["bad", "good", "demo"]
    assert found[0].recording is None
    assert "damaged or was edited" in found[0].problem
    assert found[1].recording is not None
    assert found[1].recording.coins == ("BTCUSDT",)
    assert found[2].recording is not None
    assert found[2].recording.synthetic
