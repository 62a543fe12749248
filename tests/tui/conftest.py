"""What the deck's tests share: the stand-ins beside this file, and snapshots that are kept as .svg."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import pytest_textual_snapshot

sys.path.insert(0, str(Path(__file__).parent))

# The name syrupy looks for changed from one major version to the next; without it snapshots would be kept as .raw.
pytest_textual_snapshot.SVGImageExtension.file_extension = "svg"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show every frame at once, and look more often than Textual's pilot does whether a key has had its effect."""
    monkeypatch.setattr("tui.app.SHORTEST", 0.0)
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.008)
