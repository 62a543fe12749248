"""Verifying: a session flown in every way there is; each must come to the same at every step.

The ways: in one run, step by step, in pieces, looked at in between, gone back and forth, saved and resumed, and in other
processes with other hashes of texts, another environment and other memory. What a strategy keeps where tickdeck cannot see it
(a module's global, a file, the clock, chance of its own) comes out differently in one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from engine import seam
from engine.config import SessionConfig
from engine.config.text import parse_toml
from engine.errors import StrategyError, TickdeckError
from engine.exchange import kernel as k
from engine.loop import Engine
from engine.session import Session, prepare
from engine.session_file import Keeper, resume
from engine.statehash import canonical, state_hash

POINTS = 48
"""At so many steps, spread over the recording, the ways are compared; where two differ, all steps between are."""
SEEKS = 200
ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "PYTHONPATH", "VIRTUAL_ENV")
"""What another process is given of this one's environment, and what begins with XDG."""

Parts = dict[str, str]
"""A hash of each part of what a session has come to, by its name."""
Way = Callable[[Sequence[int]], dict[int, Parts]]
"""Flies a session from the start and returns its parts at the steps asked for, ascending."""


class Difference(NamedTuple):
    """Where a way came to something else: the first step, and which parts differ."""

    step: int
    what: tuple[str, ...]


class Verdict(NamedTuple):
    """What came of one way; `hash` is the state hash at the end."""

    way: str
    steps: int
    hash: str
    difference: Difference | None


def parts_of(engine: Engine) -> Parts:
    """Return a hash of each part; raises StrategyError naming an attribute that has no value to be compared."""
    trade, strategy, raw = engine.trade, engine.strategy, engine.raw.latest
    whole = state_hash(trade, strategy)
    exchange = trade.exchange
    parts: dict[str, bytes] = {
        "exchange": exchange.head[: k.OPEN + exchange.n_open].tobytes()
        + exchange.balances.tobytes()
        + exchange.coins.tobytes(),
        "orders": exchange.orders[: exchange.n_orders].tobytes(),
        "fills": exchange.fills[: exchange.n_fills].tobytes(),
        "signals": repr(list(map(tuple, trade.signals))).encode(),
        "limits": repr(trade.risk.stops).encode(),
        "halted": str(engine.halted).encode(),
        "recorded": b"".join(
            name.encode() + strategy.timeline[name].tobytes() for name in ("time", *strategy.timeline.names) if name != "time"
        ),
    }
    store = strategy.stats.features
    if columns := store.columns_by_step:
        for frame, track in zip(store.frames, raw.decisions, strict=True):
            parts[f"features of {frame.coin}"] = frame.block[: track.rows_by(raw.step + 1), columns].tobytes()
    for name, value in {"rng": strategy.rng, **vars(strategy)}.items():
        if name not in strategy.transient:
            parts[f"the attribute {name!r}"] = canonical(name, value)
    return {"": whole} | {name: hashlib.blake2b(its, digest_size=16).hexdigest() for name, its in parts.items()}


def verify(config: SessionConfig, tell: Callable[[str], None] = lambda text: None) -> Iterator[Verdict]:
    """Yield what came of each way, the plain one first; the first that differs is the last.

    Raises StrategyError where the strategy fails, or keeps what cannot be compared.
    """
    engine = _engine(prepare(config))
    length = engine.run()
    if engine.halted is not None:
        raise engine.halted
    points = sorted({round(n * (length - 1) / POINTS) for n in range(POINTS + 1)})
    plain = _way(config, _in_pieces)
    tell("with rests")
    wanted = plain(points)
    yield Verdict("with rests", length, wanted[points[-1]][""], None)
    for name, way in ways(config).items():
        tell(name)
        got = way(points)
        difference = _first(plain, way, points, wanted, got)
        yield Verdict(name, length, got[points[-1]][""], difference)
        if difference is not None:
            return


def ways(config: SessionConfig) -> dict[str, Way]:
    """Return every way but the plain one, by its name."""
    found = {f"in pieces of {size}": _way(config, _in_pieces, size) for size in (1, 7, 1000)}
    found |= {
        "in one run": _way(config, _unbroken),
        "looked at in between": _way(config, _looked_at),
        "gone back and forth": _way(config, _back_and_forth),
        "saved and resumed": _way(config, _resumed),
    }
    for seed in ("0", "1", "random"):
        found[f"in another process, PYTHONHASHSEED={seed}"] = _way(config, _elsewhere, seed)
    return found


def _way(config: SessionConfig, fly: Callable[..., dict[int, Parts]], *more: Any) -> Way:
    """Return a way with what it is given beside the steps."""
    return lambda steps: fly(config, steps, *more)


def _first(one: Way, other: Way, points: Sequence[int], wanted: dict[int, Parts], got: dict[int, Parts]) -> Difference | None:
    """Return the first step at which two ways differ, looked for between the last that are equal and the first that are not."""
    found: Difference | None = None
    while True:
        n = next((n for n, step in enumerate(points) if wanted[step] != got.get(step, wanted[step])), None)
        if n is None:
            # what comes out by chance may come out as it should when it is looked at again
            return found
        step = points[n]
        names = wanted[step].keys() | got[step].keys()
        what = sorted(name for name in names if name and wanted[step].get(name) != got[step].get(name))
        found = Difference(step, tuple(what) or ("it does not come to the same twice",))
        before = points[n - 1] if n else -1
        if step - before <= 1:
            return found
        stride = max(1, (step - before) // POINTS)
        points = [*range(before + 1, step, stride), step]
        wanted, got = one(points), other(points)


# the ways


def _engine(session: Session, memory: bool = False) -> Engine:
    more = {} if memory else {"memory": 0}
    return Engine(session.feed, session.trade, session.strategy, session.begin, **more)


def _go(engine: Engine, step: int, size: int | None = None) -> None:
    while (left := step - engine.raw.latest.step) > 0:
        engine.run(left if size is None else min(left, size))


def _unbroken(config: SessionConfig, steps: Sequence[int]) -> dict[int, Parts]:
    """Fly to the last step without a rest."""
    engine = _engine(prepare(config))
    _go(engine, steps[-1])
    return {steps[-1]: parts_of(engine)}


def _in_pieces(config: SessionConfig, steps: Sequence[int], size: int | None = None) -> dict[int, Parts]:
    engine, found = _engine(prepare(config)), {}
    for step in steps:
        _go(engine, step, size)
        found[step] = parts_of(engine)
    return found


def _looked_at(config: SessionConfig, steps: Sequence[int]) -> dict[int, Parts]:
    """As a deck looks at it: everything, at any time."""
    engine, found = _engine(prepare(config)), {}
    for step in steps:
        for at in (step - 2, step - 1, step):
            _go(engine, at)
            if engine.raw.latest.step < 0:
                continue
            account, strategy = engine.trade.account, engine.strategy
            _ = (account.equity, account.positions, account.orders(), account.balances, engine.trade.timeline.latest)
            _ = [strategy.position(coin) for coin in strategy.coins]
            _ = (repr(vars(strategy)), list(engine.trade.signals)[-5:])
        found[step] = parts_of(engine)
    return found


def _back_and_forth(config: SessionConfig, steps: Sequence[int]) -> dict[int, Parts]:
    """Go to the end, then to the steps by chance, from before and from behind; each is come to last by a step back."""
    engine, dice = _engine(prepare(config), memory=True), seam.Dice(1)
    _go(engine, steps[-1])
    last = len(engine.history.world.feed) - 1
    found: dict[int, Parts] = {}
    for step in [*dice.choices(steps, k=SEEKS), *reversed(steps)]:
        if dice.random() < 0.5:
            engine.seek(min(step + dice.randrange(1, 20), last))
        engine.seek(step)
        here = parts_of(engine)
        before = found.get(step, here)
        # two answers at one step are a difference of their own
        found[step] = here | {name: "not the same twice" for name in here if before.get(name) != here[name]}
    return found


def _resumed(config: SessionConfig, steps: Sequence[int]) -> dict[int, Parts]:
    """Save, and go on from the file, in the midst of it."""
    session = prepare(config)
    engine, found = _engine(session, memory=True), {}
    for n, step in enumerate(steps):
        _go(engine, step)
        if n == len(steps) // 2:
            with tempfile.TemporaryDirectory(prefix="tickdeck-") as folder:
                Keeper(path := Path(folder, "session.toml"), session, engine).save()
                session, engine, _, _ = resume(path)
        found[step] = parts_of(engine)
    return found


def _elsewhere(config: SessionConfig, steps: Sequence[int], seed: str) -> dict[int, Parts]:
    """Fly in another process, with another environment."""
    asked = {
        "config": tomli_w.dumps(config.tables),
        "source": config.source,
        "beside": str(config.beside) if config.beside is not None else "",
        "steps": list(steps),
    }
    given = {name: value for name, value in os.environ.items() if name in ENVIRONMENT or name.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-m", "engine.verifying"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        env={**given, "PYTHONHASHSEED": seed, "TICKDECK_ELSEWHERE": seam.token(8)},
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        answer = {"error": (done.stderr.strip().splitlines() or ["it ended"])[-1]}
    if "error" in answer:
        raise StrategyError(f"it cannot be flown in another process: {answer['error']}")
    return {int(step): parts for step, parts in answer.items()}


def main() -> None:
    """Fly what is asked for on stdin, and print its parts."""
    asked: Mapping[str, Any] = json.load(sys.stdin)
    answer, sys.stdout = sys.stdout, sys.stderr  # what a strategy prints is no answer
    try:
        beside = Path(asked["beside"]) if asked["beside"] else None
        tables = parse_toml(asked["config"], asked["source"])
        config = SessionConfig.from_dict(tables, source=asked["source"], beside=beside)
        found: Any = _in_pieces(config, asked["steps"])
    except TickdeckError as error:
        found = {"error": error.message}
    answer.write(json.dumps(found))
    # it is sys.stdout no more, which alone is sure to be flushed at the end
    answer.flush()


if __name__ == "__main__":
    main()
