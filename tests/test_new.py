"""`tickdeck new strategy`: what it writes works as it is, and nothing of the user's is in danger."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine import backtest
from engine.errors import UsageError
from engine.paths import bundled
from tui.cli import app
from tui.commands.new import check_free, class_name


def new(*words: str) -> Result:
    done = CliRunner().invoke(app, ["new", "strategy", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def said(done: Result) -> str:
    """What a panel says, without its frame and line breaks."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.output).split())


def test_what_it_writes_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = new("dip_buyer")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dip_buyer.py", "dip_buyer.toml", "test_dip_buyer.py"]
    for line in ("tickdeck check dip_buyer.toml", "tickdeck backtest dip_buyer.toml", "pytest test_dip_buyer.py"):
        assert line in done.output
    for path in tmp_path.iterdir():
        assert not any(word in path.read_text() for word in ("my_strategy", "MyStrategy"))

    result = backtest("dip_buyer.toml")
    assert type(result.session.strategy).__name__ == "DipBuyer"
    assert len(result.fills) > 10
    told = " ".join(result.orders.reason)
    assert "below its average" in told
    assert "back at its average" in told
    assert (result.orders.type == "stop").any()


def test_the_step_that_the_readme_asks_about_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the strategy read, said and did, and an order that did not fill."""
    (line,) = re.findall(r"^tickdeck (why dip_buyer\.toml .*?) +#", (bundled() / "README.md").read_text(), re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    new("dip_buyer")
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert {"read", "signals", "orders"} <= set(lines)
    assert any(line.endswith("sell stop 1.4744 stop 2,084.43: waits") for line in lines)
    assert any(" above its trigger of " in line for line in lines)


def test_it_goes_into_another_folder_and_says_how_to_go_there(tmp_path: Path) -> None:
    folder = tmp_path / "my work" / "new"
    done = new("calm", "--into", str(folder))
    assert done.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["calm.py", "calm.toml", "test_calm.py"]
    assert f"tickdeck check '{folder}/calm.toml'" in done.output


@pytest.mark.parametrize("there", ["calm.py", "calm.toml", "test_calm.py"])
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    done = new("calm", "--into", str(tmp_path))
    assert done.exit_code == 2
    assert "is there already" in said(done)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_link_to_nowhere_is_there_too(tmp_path: Path) -> None:
    (tmp_path / "calm.py").symlink_to(tmp_path / "elsewhere.py")
    assert new("calm", "--into", str(tmp_path)).exit_code == 2
    assert not (tmp_path / "elsewhere.py").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = new("calm", "--into", str(tmp_path / "file"))
    assert done.exit_code == 2
    assert "cannot be written" in said(done)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DipBuyer", "such as dip_buyer"),
        ("dip-buyer", "such as dip_buyer"),
        ("dip buyer.py", "such as dip_buyer_py"),
        ("../dip", "such as dip"),
        ("2x", "such as x"),
        ("class", "such as dip_buyer"),
        ("", "such as dip_buyer"),
        ("ü\x1b[31m", "such as"),
        ("a" * 41, "small letters"),
    ],
)
def test_names_that_are_none_are_refused_with_one_that_is(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        class_name(name)
    assert hint in error.value.hint
    near = error.value.hint.rpartition(" ")[2]
    assert class_name(near).isidentifier()


@pytest.mark.parametrize(("name", "kind"), [("dip", "Dip"), ("rsi_2_dip", "Rsi2Dip"), ("x__y_", "XY")])
def test_a_class_is_named_after_the_file(name: str, kind: str) -> None:
    assert class_name(name) == kind


@pytest.mark.parametrize(
    "name", ["random", "engine", "tui", "numpy", "pytest", "strategy", "signal", "feature", "path", "stretch"]
)
def test_a_name_that_hides_another_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="would"):
        check_free(name, class_name(name))
    check_free(f"my_{name}", class_name(f"my_{name}"))
