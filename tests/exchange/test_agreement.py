"""The kernel agrees with the slow reference, order by order and fill by fill, over thousands of random flows."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import flows
import numba
import pair
import pytest
from reference import (
    AT_OPEN,
    BAD_RELATION,
    EXPIRED,
    FILLED,
    FOK,
    INSIDE,
    INSUFFICIENT,
    IOC,
    LIMIT,
    LOT_SIZE,
    MARKET,
    NO_ENTRY,
    NO_VOLUME,
    NOT_LESS,
    NOTIONAL,
    OTHER_LEG,
    PENDING,
    REJECTED,
    STOP,
    STOP_LIMIT,
    TAKE_PROFIT_LIMIT,
    TRIGGERED,
    UNSURE,
    WOULD_TAKE,
)

COMPILED = not numba.config.DISABLE_JIT
CHUNK = 1250


@pytest.mark.parametrize("chunk", range(8))
def test_random_flows_agree(chunk):
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        pair.run(seed)


def test_the_flows_reach_every_corner():
    seen = Counter()
    for seed in range(2 * CHUNK):
        flow, refused = flows.Flow(seed), set()
        for action in flow.actions():
            seen["at this very step"] += (
                any(o.open and o.step == action[1][1] for o in flow.world.orders) and action[0] == "on_bar"
            )
            answer = pair.act(flow.world, action)
            if answer == pair.OVERFLOW:
                seen[action[0], answer] += 1
                break
            seen[action[0], bool(answer)] += 1
            if action[0] == "amend":
                seen["amend", answer] += 1
            refused |= {o.id for o in flow.world.orders if o.status == REJECTED and o.step == action[1][-2]}
        for order in flow.world.orders:
            seen[order.type, order.side, order.status] += 1
            seen["refusal", order.refusal] += 1
            seen["late refusal", order.status, order.refusal] += order.id not in refused
            seen["partial", order.type, order.status] += 0 < order.filled < order.amount
            seen["trailing", order.type, order.side, order.status] += order.trail > 0
            seen["at once", order.tif, order.type, order.status, order.filled > 0] += 1
            seen["exit", order.type, order.status] += order.entry is not None
            seen["entered", order.how] += any(exit.filled for exit in order.exits)
            seen["after a part"] += any(exit.filled for exit in order.exits) and order.status != FILLED
        for fill in flow.world.fills:
            seen["maker", fill.maker] += 1
            seen["fee in", fill.fee_in] += 1
            seen["worth nothing", fill.notional == 0] += 1
        seen["ambiguous"] += flow.world.ambiguous_bars
    corners = [
        *((kind, side, status) for kind in range(7) for side in (1, -1) for status in (0, 2, 3, 4)),
        *((kind, side, EXPIRED) for kind in (MARKET, STOP) for side in (1, -1)),
        *(("refusal", code) for code in range(OTHER_LEG + 1)),
        *(("amend", code) for code in (0, LOT_SIZE, NOTIONAL, BAD_RELATION, NO_ENTRY, NOT_LESS)),
        *(("trailing", kind, side, FILLED) for kind in TRIGGERED for side in (1, -1)),
        *(("at once", tif, LIMIT, EXPIRED, some) for tif, some in ((IOC, True), (IOC, False), (FOK, False))),
        *(("at once", tif, kind, FILLED, True) for tif in (IOC, FOK) for kind in (LIMIT, STOP_LIMIT, TAKE_PROFIT_LIMIT)),
        *(("exit", kind, status) for kind in (LIMIT, STOP, STOP_LIMIT) for status in (PENDING, 0, FILLED, 3, 4, EXPIRED)),
        *(("entered", how) for how in (AT_OPEN, INSIDE, UNSURE)),
        "after a part",
        "ambiguous",
        ("late refusal", REJECTED, WOULD_TAKE),
        ("late refusal", REJECTED, INSUFFICIENT),
        ("late refusal", EXPIRED, NO_VOLUME),
        *(("partial", kind, EXPIRED) for kind in (MARKET, STOP)),
        *(("partial", LIMIT, status) for status in (1, 3, EXPIRED)),
        *(("maker", is_maker) for is_maker in (True, False)),
        *(("fee in", asset) for asset in range(3)),
        ("worth nothing", True),
        "at this very step",
        ("cancel", False),
        ("place", pair.OVERFLOW),
        ("on_bar", pair.OVERFLOW),
        ("on_tick", True),
        ("on_tick", False),
        ("on_tick", pair.OVERFLOW),
    ]
    assert [corner for corner in corners if not seen[corner]] == []


def test_compiled_and_plain_python_leave_the_same_logs():
    seeds = 200
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "NUMBA_DISABLE_JIT": str(int(COMPILED)),
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
    }
    command = [sys.executable, "-W", "error", "-c", f"import pair; print(pair.digest(range({seeds})))"]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert other.returncode == 0, other.stderr
    assert other.stdout.strip() == pair.digest(range(seeds))
