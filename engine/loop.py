"""The loop: the five stages of a step, once, for every mode; and `backtest()` and `main()`, which run it to the end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine import seam
from engine.errors import StrategyError, TickdeckError, UsageError
from engine.history import MEMORY, History, Input
from engine.history.world import World
from engine.market import ReplayFeed
from engine.model import CoinName, Timestamp
from engine.params import parameters, place_of
from engine.result import Result
from engine.session import Session, prepare
from engine.state import Raw
from engine.strategy import Statistics, Strategy
from engine.strategy.blame import no_signals, place_of_error, users_line
from engine.strategy.change import change
from engine.strategy.loader import make
from engine.strategy.standins import Grounded, Warming
from engine.trading.api import Number
from engine.trading.local import LocalTradeSystem
from engine.trading.system import TradeSystem

BLOCK = 8192


class Feed(Protocol):
    """Raw data in motion: the times to come, the way to the next, and what is known there."""

    latest: Raw

    def upcoming(self, steps: int | None) -> Sequence[Timestamp]: ...
    def advance(self, timestamp: Timestamp) -> None: ...


class Engine:
    """Raw data, a trade system and a strategy, driven step by step; the same steps in every mode.

    A strategy that fails is halted (`halted` tells why) and asked no more; market and orders go on. Before the time `begin` it
    is not asked either: its features warm up.

    On a recording, with an account that is simulated, it remembers: `seek` and `step_back` take the whole world along, and
    going forward again gives the same. `memory` is how many bytes that may take, 0 for an engine that only goes forward.
    """

    lets_by: type[BaseException] | tuple[()] = KeyboardInterrupt
    """What out of a strategy's code is no failure of its own: a person wants the run to end."""

    def __init__(
        self, raw: Feed, trade: TradeSystem, strategy: Strategy, begin: Timestamp = 0, *, memory: int = MEMORY
    ) -> None:
        self.raw = raw
        self.trade = trade
        self.strategy = strategy
        self.begin = begin
        self.halted: StrategyError | None = None
        self.inputs: list[Input] = []
        self._memory = memory
        self._history: History | None = None

    def step(self) -> bool:
        """Do one step; False where there is none to do."""
        return self.run(1) == 1

    def run(self, steps: int | None = None) -> int:
        """Do up to this many steps, all there are for None, and return how many were done.

        Raises StrategyError where what the strategy keeps could not go back in time.
        """
        history = self._remembers()
        return self.fly(steps) if history is None else history.run(steps)

    def _remembers(self) -> History | None:
        """Return the history, begun where there can be one."""
        if self._history is None and self._memory:
            if isinstance(self.raw, ReplayFeed) and isinstance(self.trade, LocalTradeSystem):
                self._history = History(self, World(self.raw, self.trade, self.strategy), self._memory)
            else:
                self._memory = 0
        return self._history

    @property
    def goes_back(self) -> bool:
        """Whether it remembers, and can go back in time."""
        return self._remembers() is not None

    @property
    def history(self) -> History:
        """What it remembers; raises UsageError where it only goes forward."""
        history = self._remembers()
        if history is None:
            raise UsageError(
                "this engine only goes forward", hint="a replay on a simulated account goes back, unless its memory is 0"
            )
        return history

    def seek(self, step: int | None = None, *, time: Timestamp | None = None) -> None:
        """Go to a step, or to the last one by a time (ns), back or ahead; -1 is before the first.

        What was done by hand up to there is in it. Raises UsageError where there is no such step.
        """
        if (step is None) == (time is None):
            raise UsageError("seek goes to a step or to a time", hint="seek(1200), or seek(time=1_735_689_600_000_000_000)")
        history = self.history
        history.seek(bisect_right(history.world.feed.times, time) - 1 if step is None else step)

    def step_back(self) -> bool:
        """Go back one step; False where there is none."""
        step = self.raw.latest.step
        if step < 0:
            return False
        self.seek(step - 1)
        return True

    def branch(self, name: str = "") -> None:
        """Begin another future here: `history.branches` lists, switches and compares them.

        Whatever is done by hand behind the farthest step begins one by itself.
        """
        self.history.branches.part(name)

    def reload(self, kind: type[Strategy], name: str = "") -> None:
        """Fly another class, such as an edited one, from the beginning up to here, with the same inputs: a branch.

        It takes the parameters it has of the old one's. Raises StrategyError where it cannot be made; then nothing changes.
        """
        history, old = self.history, self.strategy
        known = parameters(kind)
        new = make(kind, {its: value for its, value in history.values.items() if its in known})
        new.rng = deepcopy(history.rng)
        own = old.features()
        new.stats.features.add(its for its in old.stats.features.features if its not in own)
        world = World(history.world.feed, history.world.trade, new)
        history.branches.reload(world, world.beginning(history.branches.now.start), name)

    def begin_again(self, world: World) -> World:
        """Fly in this world from now on, and return it."""
        self.strategy = self.trade.strategy = world.strategy
        return world

    def fly(self, steps: int | None = None) -> int:
        """Do steps as `run` does, from where it is, past inputs and without remembering."""
        before = self.raw.latest.step
        ahead = self.raw.upcoming(None if steps is None else max(steps, 0))
        warm = bisect_left(ahead, self.begin) if self.begin else 0
        try:
            if self.halted is not None:
                self._fly(Grounded(), ahead)
            else:
                if warm:
                    self._fly(Warming(self.strategy), ahead[:warm])
                self._fly(self.strategy, ahead[warm:] if warm else ahead)
        except self.lets_by:
            raise
        except BaseException as error:
            # whatever its code raises: nothing is awaited here, so no cancellation is the host's
            self.halted = self._fault(error)
        return self.raw.latest.step - before

    def _fly(self, strategy: Strategy | Grounded, timestamps: Iterable[Timestamp]) -> None:
        raw, trade, now = self.raw, self.trade, self.raw.latest
        idle, due = _idle(strategy), 0
        for timestamp in timestamps:
            raw.advance(timestamp)  # 1 raw data: what is known at this instant
            if now.step >= due:
                trade.update(now)  # 2 the exchange sees the market; fills happen; the account moves
                strategy.time_pass(trade.latest)  # 3 positions, capital
                strategy.stats.feature_calc()  #   features
                if idle is not None and idle.done:
                    due = min(trade.due, trade.latest.due)
            if strategy.needs_update(timestamp):
                signals = strategy.gen_signal()  # 4
                for coin, signal in signals.items():
                    trade.trade(coin, signal)  # 5 orders; they can act on the next event at the earliest
                    due = 0

    def _fault(self, error: BaseException) -> StrategyError:
        """Return what halts the strategy, with file and line; raises again what is not of its making."""
        line = users_line(error)
        if isinstance(error, TickdeckError) and not line:
            if isinstance(error, StrategyError):
                return error
            raise error
        kind = type(self.strategy)
        text = place_of_error(error) if line else f"{place_of_error(error)} ({place_of(kind)})"
        hint = error.hint if isinstance(error, TickdeckError) else ""
        if isinstance(error, AttributeError) and error.name == "items" and not line:
            text, hint = no_signals(error.obj, kind)
        fault = StrategyError(f"{kind.__name__} failed at step {self.raw.latest.step}: {text}", hint=hint)
        fault.__cause__ = error
        return fault

    # hand input: after a step's signals and before the next event, logged where it fell

    def place_order(
        self,
        coin: CoinName,
        amount: Number,
        price: Number | None = None,
        **terms: Any,
    ) -> None:
        """Place an order by hand at the cursor; `terms` are TradeSystemAPI.place_order's."""
        self.trade.place_order(coin, amount, price, **terms, by="hand", reason="by hand")
        self._log("place_order", coin, amount, price, terms)

    def place_oco(self, coin: CoinName, amount: Number, price: Number, stop: Number | None = None, **terms: Any) -> None:
        """Place a pair by hand at the cursor; `terms` are TradeSystemAPI.place_oco's."""
        self.trade.place_oco(coin, amount, price, stop, **terms, by="hand", reason="by hand")
        self._log("place_oco", coin, amount, price, stop, terms)

    def amend_order(self, order: int, amount: Number) -> None:
        """Reduce an order by hand at the cursor."""
        self.trade.amend_order(order, amount)
        self._log("amend_order", order, amount)

    def replace_order(self, order: int, amount: Number, price: Number | None = None, **terms: Any) -> None:
        """Put another order in the stead of one by hand at the cursor; `terms` are TradeSystemAPI.replace_order's."""
        self.trade.replace_order(order, amount, price, **terms, by="hand", reason="by hand")
        self._log("replace_order", order, amount, price, terms)

    def cancel(self, order: int) -> bool:
        """Cancel an order by hand at the cursor; False where it was no longer open."""
        done = self.trade.cancel(order)
        if done:
            self._log("cancel", order)
        return done

    def set_parameters(self, **params: Any) -> None:
        """Give the strategy other parameters from the next step on; earlier steps keep what they were flown with.

        Raises StrategyError for a parameter there is not, or a value that does not fit.
        """
        self._change(**params)
        self._log("set_parameters", params)

    def _change(self, **params: Any) -> None:
        history = self._remembers()
        if history is None:
            change(self.strategy, params)
        else:
            history.world.change(params)

    def _log(self, what: str, *arguments: Any) -> None:
        raw, history = self.raw.latest, self._remembers()
        begun = self.inputs if history is None else self.inputs[: history.applied]
        done = Input(raw.step, sum(its.step == raw.step for its in begun), raw.time, what, arguments)
        if history is None:
            self.inputs.append(done)
        else:
            history.entered(done)

    def repeat(self, done: Input) -> str:
        """Do once more what was done by hand; return why that cannot be, "" where it is done."""
        *arguments, last = done.arguments
        terms, arguments = (last, arguments) if isinstance(last, dict) else ({}, [*arguments, last])
        ways: dict[str, Callable[..., Any]] = {
            "place_order": partial(self.trade.place_order, by="hand", reason="by hand"),
            "place_oco": partial(self.trade.place_oco, by="hand", reason="by hand"),
            "amend_order": self.trade.amend_order,
            "replace_order": partial(self.trade.replace_order, by="hand", reason="by hand"),
            "cancel": self.trade.cancel,
            "set_parameters": self._change,
        }
        try:
            ways[done.what](*arguments, **terms)
        except TickdeckError as error:
            return error.message
        return ""


def _idle(strategy: Strategy | Grounded) -> Statistics | None:
    """Return the statistics of a strategy for which stages 2 and 3 have nothing to do at most steps, None for any other.

    An author's own version of one is called at every step.
    """
    ours = ((strategy.time_pass, Strategy.time_pass), (strategy.stats.feature_calc, Statistics.feature_calc))
    stats = strategy.stats
    return stats if isinstance(stats, Statistics) and all(getattr(its, "__func__", None) is own for its, own in ours) else None


def backtest(
    config: Mapping[str, Any] | str | Path | Session | None = None,
    *,
    strategy: Strategy | type[Strategy] | None = None,
    data: Any = None,
    progress: Callable[[int, int], None] | None = None,
    **overrides: Any,
) -> Result:
    """Run a session to the end of its recording and return what came of it.

    `config` is a session config: its path, or its content as a mapping; without one, the bundled demo is run. `strategy`, a
    class or an instance, replaces the config's; `data` (a DataFrame, or one a coin) its recording; `overrides` are dotted keys
    with underscores doubled (`strategy__params__fast=40`) or parameters of the strategy (`fast=40`).
    `progress` is called with steps done and steps in all. Raises StrategyError where the strategy fails.
    """
    session = config if isinstance(config, Session) else prepare(config, strategy=strategy, data=data, overrides=overrides)
    engine = Engine(session.feed, session.trade, session.strategy, session.begin, memory=0)
    steps = len(session.feed)
    began = seam.stopwatch()
    done = 0
    while done < steps and engine.halted is None:
        done += engine.run(BLOCK)
        if progress is not None:
            progress(done, steps)
    wall = seam.stopwatch() - began
    if engine.halted is not None:
        raise engine.halted
    return Result(session, wall)


def main() -> None:
    """Run the bundled demo and print its statistics."""
    result = backtest()
    for name, value in result.stats.items():
        print(f"{name:>18}  {value:,.2f}")


if __name__ == "__main__":
    main()
