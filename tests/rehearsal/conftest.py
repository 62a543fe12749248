"""The real market that every client trades on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.recordings import Recording, import_files, open_recording


@pytest.fixture(scope="session")
def btc_eth(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Ninety days of the real BTC and ETH, by the minute."""
    folder = tmp_path_factory.mktemp("real") / "btc-eth"
    files = [data / "klines" / "spot-1m-2025-05_08" / f"{coin}_USDT-1m.feather" for coin in ("BTC", "ETH")]
    import_files(files, into=folder, lot="0.00001", min_notional="5")
    return open_recording(folder)
