"""The pages do what they say: their programs run, their commands and links are there, their pictures are the engine's."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import typer

from engine import backtest
from engine.config import load_config
from engine.recordings import import_files
from engine.session import prepare
from tui.cli import app
from tui.commands.check import findings_of

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A block with words after its language is another program's, and not run."""
page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, kind: str) -> list[str]:
    return [body for language, body in BLOCK.findall(page.read_text()) if language == kind]


@page
def test_programs_and_sessions_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one folder; a block that begins with the name of a file is that file, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    for name in ("demo", "btc-eth", "btc-5m"):
        (tmp_path / "recordings" / name).symlink_to(ROOT / "recordings" / "demo")
    for kind in ("python", "toml"):
        for body in blocks(page, kind):
            if named := re.match(r"# (\w+\.(?:py|toml))\n", body):
                Path(named[1]).write_text(body)
    for body in blocks(page, "python"):
        exec(compile(body, page.name, "exec"), {"__name__": "page"})
    for config in tmp_path.glob("*.toml"):
        if load_config(config).mode == "replay":
            assert len(prepare(config).feed)
        else:
            assert [its for its in findings_of(str(config), {}) if its.level != "ok"] == []


@page
def test_commands_of_a_page_are_ours(page: Path) -> None:
    for line in "".join(blocks(page, "sh")).splitlines():
        words = [*itertools.takewhile(lambda word: word not in (">", "&"), shlex.split(line, comments=True))]
        if words[:1] == ["tickdeck"]:
            command = typer.main.get_command(app)
            while len(words) > 1 and words[1] in getattr(command, "commands", {}):
                words = words[1:]
                command = command.commands[words[0]]
            command.make_context(words[0], words[1:])


@page
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith("http"):
            name, _, anchor = target.partition("#")
            there = (page.parent / name).resolve() if name else page
            assert there.exists(), target
            if anchor:
                assert anchor in {slug(title) for title in re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)}, target


def slug(title: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("drawing_of_fills", ROOT / "docs" / "fills.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_what_the_engine_does(drawing: ModuleType) -> None:
    shown = set(re.findall(r"\(fills/(\w+)\.svg\)", (ROOT / "docs" / "fills.md").read_text()))
    assert shown == set(drawing.PICTURES) == {path.stem for path in drawing.FOLDER.glob("*.svg")}
    for name, cases in drawing.PICTURES.items():
        assert (drawing.FOLDER / f"{name}.svg").read_text() == drawing.picture(cases), f"run docs/fills.py to draw {name} anew"


def test_the_freqtrade_port_comes_to_what_its_page_says(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "from-freqtrade.md"
    monkeypatch.chdir(tmp_path)
    Path("cross.py").write_text(blocks(page, "python")[0])
    Path("cross.toml").write_text(blocks(page, "toml")[0])
    file = data / "klines" / "spot-5m-2022-12_2023-10" / "BTC_USDT-5m.feather"
    import_files([file], into=Path("btc-5m"), lot="0.00001", min_notional="5")
    result = backtest("cross.toml")
    said = re.search(r"at the end \| [\d.]+ \| ([\d.]+)", page.read_text())
    assert said is not None
    assert f"{result.final_equity:.2f}" == said[1]
    assert len(result.fills) == 2 * 944


def test_every_room_is_told_of() -> None:
    told = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.stem for path in (ROOT / "engine").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} <= set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE))
