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
from reference import EXPIRED, INSUFFICIENT, LIMIT, LIMIT_MAKER, MARKET, NO_VOLUME, REJECTED, STOP, WOULD_TAKE

COMPILED = not numba.config.DISABLE_JIT
CHUNK = 600


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
            if action[0] == "place" and flow.world.order(answer).refusal:
                refused.add(answer)
        for order in flow.world.orders:
            seen[order.type, order.side, order.status] += 1
            seen["refusal", order.refusal] += 1
            seen["late refusal", order.status, order.refusal] += order.id not in refused
            seen["partial", order.type, order.status] += 0 < order.filled < order.amount
        for fill in flow.world.fills:
            seen["maker", fill.maker] += 1
            seen["fee in base", fill.fee_in] += 1
            seen["worth nothing", fill.notional == 0] += 1
    corners = [
        *((kind, side, status) for kind in (MARKET, LIMIT, STOP) for side in (1, -1) for status in (0, 2, 3, 4)),
        *((kind, side, EXPIRED) for kind in (MARKET, STOP) for side in (1, -1)),
        *((LIMIT_MAKER, side, status) for side in (1, -1) for status in (0, 2, 3, 4)),
        *(("refusal", code) for code in range(9)),
        ("late refusal", REJECTED, WOULD_TAKE),
        ("late refusal", REJECTED, INSUFFICIENT),
        ("late refusal", EXPIRED, NO_VOLUME),
        *(("partial", kind, EXPIRED) for kind in (MARKET, STOP)),
        *(("partial", LIMIT, status) for status in (1, 3, EXPIRED)),
        *(("maker", is_maker) for is_maker in (True, False)),
        *(("fee in base", in_base) for in_base in (True, False)),
        ("worth nothing", True),
        "at this very step",
        ("cancel", False),
        ("place", pair.OVERFLOW),
        ("on_bar", pair.OVERFLOW),
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
