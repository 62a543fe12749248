"""How long one waits: for the kernel's first compilation, and for a host or a rehearsal that has it compiled."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from engine.host.protocol import Failure, Frame
from tui.link import EngineLink, HostGone, HostSpec

ROOT = Path(__file__).resolve().parents[1]


def cold_kernel() -> dict[str, float]:
    """Seconds until a fresh process with an empty cache has the exchange kernel, its start and imports included."""
    with tempfile.TemporaryDirectory(prefix="tickdeck-cold-") as cache:
        empty = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | {"XDG_CACHE_HOME": cache}
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import engine.exchange"], cwd=ROOT, env=empty, check=True)
        return {"wall_s": time.perf_counter() - began}


def warm_host() -> dict[str, float]:
    """Seconds from starting the host on the demo to its first frame, as the deck waits for it."""
    return asyncio.run(_first_frame())


def warm_rehearsal() -> dict[str, float]:
    """Seconds from `tickdeck rehearse demo` to its first answer."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tui.cli", "rehearse", "demo", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rest = json.loads(process.stdout.readline())["rest"]
        with urllib.request.urlopen(f"{rest}/api/v3/time", timeout=10) as reply:
            json.load(reply)
        seconds = time.perf_counter() - began
        process.terminate()
    return {"wall_s": seconds}


async def _first_frame() -> dict[str, float]:
    link = EngineLink(HostSpec())
    began = time.perf_counter()
    running = asyncio.create_task(link.run())
    frame: Frame | None = None
    while frame is None:
        await link.changed()
        reports, frame = link.take()
        for report in reports:
            if isinstance(report, HostGone | Failure):
                raise SystemExit(f"the host did not start: {report}")
    seconds = time.perf_counter() - began
    await link.close()
    await running
    return {"wall_s": seconds}
