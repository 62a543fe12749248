"""The power may go at any write of the journal: what comes back knows everything, and sends nothing twice.

A few of the writes here, spread over the run; `make chaos` goes through all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = 15
CHOSEN = range(PARTS) if "TICKDECK_CHAOS" in os.environ else (7,)


@pytest.mark.parametrize("part", CHOSEN)
def test_wherever_the_power_goes_nothing_is_lost_or_sent_twice(part: int) -> None:
    command = [sys.executable, "-m", "tests.binance.sim_crash", str(part), str(PARTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split("\n")[1].split()[0]) >= 200
