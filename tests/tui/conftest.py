"""What the deck's tests share: the stand-ins beside this file, and snapshots that are kept as .svg."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_textual_snapshot

if TYPE_CHECKING:
    from test_tmux import Terminal

sys.path.insert(0, str(Path(__file__).parent))

# The name syrupy looks for changed from one major version to the next; without it snapshots would be kept as .raw.
pytest_textual_snapshot.SVGImageExtension.file_extension = "svg"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show every frame at once, and look more often than Textual's pilot does whether a key has had its effect."""
    monkeypatch.setattr("tui.app.SHORTEST", 0.0)
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.008)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal of its own, and nothing left in it."""
    from test_tmux import Terminal

    made = Terminal(tmp_path)
    yield made
    made.close()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(made.pid, signal.SIGKILL)
