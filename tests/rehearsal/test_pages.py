"""What the pages say of the rehearsal: their programs run, their scenario is one, and every key is told of."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.rehearsal.faults import FrameFault, Happening, RequestFault, load_scenario
from tests.rehearsal.day import day

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "rehearsal.md").read_text()
README = (ROOT / "README.md").read_text()


def block(text: str, kind: str) -> str:
    (body,) = re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(body)


def test_a_stranger_pastes_three_lines_of_ccxt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (command,) = re.findall(r"^tickdeck (rehearse .*) > exchange.json &$", README, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    words = [sys.executable, "-m", "tui.cli", *command.split()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        Path("exchange.json").write_text(process.stdout.readline())
        exec(compile(block(README, "python ccxt"), "README.md", "exec"), {})
        process.terminate()
    price, held = re.fullmatch(r"([0-9.]+) (\{.*\})\n", capsys.readouterr().out).groups()  # type: ignore[union-attr]
    assert float(price) > 0
    assert "'BTC': 0.00999" in held


def test_the_scenario_of_the_page_is_one(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(block(PAGE, "toml faults"))
    scenario = load_scenario(path)
    assert (len(scenario.requests), len(scenario.frames), len(scenario.happenings)) == (4, 3, 3)

    async def begin() -> None:
        async with day() as it:
            it.server.inject(scenario)

    asyncio.run(begin())


def test_every_key_is_told_of() -> None:
    told = set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))))
    assert told == {name for table in (RequestFault, FrameFault, Happening) for name in table.model_fields}
