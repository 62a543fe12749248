"""`tickdeck import` and `tickdeck recordings` as a person or a script meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from engine.paths import bundled, user_data
from engine.recordings import open_recording
from tui.commands.recordings import register


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command line in a folder and a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    app = typer.Typer()
    register(app)

    def call(*words: str | Path) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)

    return call


@pytest.fixture
def source(tmp_path: Path, make_bars, as_csv) -> Path:
    path = tmp_path / "BTC_USDT-1m.csv"
    lines = as_csv(make_bars(50)).splitlines()
    del lines[20:23]
    lines += [lines[5]]
    path.write_text("\n".join(lines))
    return path


def test_import_tells_what_it_did(run, source: Path) -> None:
    done = run("import", source, "--into", "sub/mine", "--lot", "0.00001")
    assert done.exit_code == 0
    for told in (
        "BTCUSDT",
        "47",
        "gap: BTCUSDT 1m has no bars from 2025-01-01 00:19:00 to 2025-01-01 00:22:00 (3 missing)",
        "1 exact duplicates dropped, 1 rows sorted into place",
        "tick 0.01 (inferred), lot 0.00001, min notional 0 (inferred)",
        "1 file imported into sub/mine",
    ):
        assert told in done.stdout
    assert len(open_recording("sub/mine").bars("BTCUSDT")) == 47


def test_json_is_one_object_and_nothing_else(run, source: Path) -> None:
    done = run("import", source, "--into", "./mine", "--json")
    told = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert (told["recording"], told["files"], told["spot"]) == ("mine", 1, True)
    (coin,) = told["coins"]
    assert (coin["rows"], coin["added"], coin["duplicates_dropped"], coin["rows_sorted"]) == (47, 47, 1, 1)
    assert coin["gaps"] == [["2025-01-01 00:19:00", "2025-01-01 00:22:00", 3]]
    assert coin["inferred"] == ["tick", "lot", "min_notional"]

    shown = json.loads(run("recordings", "show", "./mine", "--json").stdout)
    assert shown["series"][0]["missing"] == 3
    assert shown["series"][0]["coverage_pct"] == 94.0
    assert shown["sources"][0]["file"] == "BTC_USDT-1m.csv"
    assert shown["coins"][0]["tick"] == "0.01"

    listed = json.loads(run("recordings", "--json").stdout)["recordings"]
    assert [item["recording"] for item in listed] == ["demo"]
    assert listed[0]["synthetic"] is True


def test_a_bare_name_goes_where_the_help_says(run, source: Path) -> None:
    assert run("import", source, "--into", "mine").exit_code == 0
    assert (user_data() / "recordings" / "mine" / "manifest.toml").is_file()
    Path("recordings").mkdir()
    assert run("import", source, "--into", "mine").exit_code == 0
    assert Path("recordings/mine/manifest.toml").is_file()
    listed = run("recordings").stdout
    assert listed.count("mine") >= 2
    assert "demo" in listed


def test_the_list_has_a_line_for_a_recording_in_80_columns(run, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    assert run("import", source, "--into", "mine").exit_code == 0
    Path("recordings").mkdir()
    assert run("import", source, "--into", "mine").exit_code == 0
    monkeypatch.setenv("COLUMNS", "80")
    lines = [line.rstrip() for line in run("recordings").stdout.splitlines()]
    rows = [line for line in lines if line.startswith(("mine ", "demo "))]
    assert rows[:2] == ["mine       BTCUSDT  1m    2025-01-01  2025-01-01  spot"] * 2
    assert all(row.endswith(("spot", "synthetic")) for row in rows)
    assert lines[lines.index(rows[0]) - 2] == "recordings"
    assert "~/data/tickdeck/recordings" in lines


def test_a_list_is_never_cut(run, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "rehearsal-20261126T183024Z"
    shutil.copytree(bundled() / "recordings" / "demo", Path("recordings") / name)
    row = f"{name}  BTCUSDT +2  1m    2025-03-10  2025-03-24  synthetic"
    for columns in ("80", "20"):
        monkeypatch.setenv("COLUMNS", columns)
        (line,) = [line for line in run("recordings").stdout.splitlines() if line.startswith(name)]
        assert line == row, "in a pipe all of it is there, whatever the terminal's width"
        assert "2025-03-10 00:00  2025-03-24 00:00     1   98.65 %" in run("recordings", "show", name).stdout
    assert len(row) <= 80


def test_what_cannot_be_imported_is_exit_code_2(run, source: Path) -> None:
    source.write_text("open_time,open,high,low,close,volume\n1735689600000,1,1,1,nan,1\n")
    done = run("import", source, "--into", "mine")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "BTC_USDT-1m.csv, line 2: close 'nan' is not a number" in done.stderr
    for words in (
        ["import", "nothing.csv", "--into", "mine"],
        ["import", source, "--into", "mine", "--interval", "7m"],
        ["import", source, "--into", "mine", "--coin", "?"],
        ["import", source, "--into", "mine", "--tick", "0"],
        ["import", source],
        ["recordings", "show", "nope"],
        ["recordings", "verify", "nope"],
    ):
        done = run(*words)
        assert (done.exit_code, done.stdout) == (2, ""), words
        assert done.stderr


def test_show_and_verify(run, source: Path) -> None:
    run("import", source, "--into", "./mine", "--futures")
    shown = run("recordings", "show", "mine").stdout
    for told in ("mine: not spot, 2025-01-01 00:00:00 to 2025-01-01 00:50:00 UTC", "94.00 %", "source csv", "gap: BTCUSDT 1m"):
        assert told in shown
    assert "demo: synthetic spot" in run("recordings", "show", "demo").stdout

    done = run("recordings", "verify", "./mine")
    assert done.exit_code == 0
    assert "is whole" in done.stdout
    assert json.loads(run("recordings", "verify", "./mine", "--json").stdout)["problems"] == []

    data = Path("mine/BTCUSDT.bars-1m.parquet")
    content = bytearray(data.read_bytes())
    content[200] ^= 1
    data.write_bytes(bytes(content))
    done = run("recordings", "verify", "./mine")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "BTCUSDT.bars-1m.parquet: its sha256 is not the one in the manifest" in done.stderr
    done = run("recordings", "verify", "./mine", "--json")
    assert done.exit_code == 1
    assert len(json.loads(done.stdout)["problems"]) == 2


def test_a_damaged_recording_is_listed_as_such(run, source: Path) -> None:
    Path("recordings").mkdir()
    run("import", source, "--into", "mine")
    Path("recordings/mine/manifest.toml").write_text("tickdeck = 1")
    done = run("recordings")
    assert done.exit_code == 0
    assert "damaged" in done.stdout
    assert "its checksum line does not match" in " ".join(done.stderr.split())
    assert "problem" in json.loads(run("recordings", "--json").stdout)["recordings"][0]


def test_hostile_names_do_not_reach_the_terminal(run, make_bars, as_csv, tmp_path: Path) -> None:
    evil = tmp_path / "x\x1b]0;owned\x07\u202e.csv"
    evil.write_text(as_csv(make_bars(3)))
    for words in (
        ["import", evil, "--into", "./e\x1b[2Jvil", "--coin", "BTC/USDT", "--interval", "1m"],
        ["recordings", "show", "./e\x1b[2Jvil"],
        ["recordings", "verify", "./e\x1b[2Jvil"],
        ["recordings", "show", "[bold]\x1b[2J"],
        ["import", "no\x1b[2J.csv", "--into", "x"],
    ):
        done = run(*words)
        assert "\x1b" not in done.output
        assert "\u202e" not in done.output


def test_what_looks_like_markup_is_text(run, source: Path) -> None:
    Path("recordings").mkdir()
    assert "imported into recordings/[bold]x" in run("import", source, "--into", "./recordings/[bold]x").stdout
    assert "[bold]x" in run("recordings").stdout
    assert "[bold]x: spot" in run("recordings", "show", "./recordings/[bold]x").stdout
