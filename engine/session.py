"""A session made ready: a config's recording, trade system and strategy, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import features
from engine.config import RiskConfig, SessionConfig, find_config, load_config
from engine.config.quantities import percent_rate
from engine.errors import ConfigError, StrategyError, UsageError
from engine.exact import to_units
from engine.exchange import FillRules
from engine.features import Feature
from engine.market import ReplayFeed
from engine.model import Timestamp
from engine.params import did_you_mean, mistakes, parameters, place_of, taken
from engine.recordings import Recording, find_recording, open_recording
from engine.recordings.bars import stamp
from engine.recordings.frames import recording_of_frames
from engine.statehash import own_state
from engine.strategy import Strategy
from engine.strategy.freezing import check_that_it_can_be_frozen
from engine.strategy.loader import load_class, load_strategy, make
from engine.trading.local import LocalTradeSystem
from engine.trading.risk import Limits
from engine.trading.system import TradeSystem
from engine.trading.valuation import path


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What a loop drives, and the config it came from; live prices have no `recording`.

    The feed is a ReplayFeed, or a live one with the same face.
    """

    config: SessionConfig
    recording: Recording | None
    feed: Any
    trade: TradeSystem
    strategy: Strategy

    @property
    def begin(self) -> Timestamp:
        """The time from which on the strategy is asked, ns; 0 from the first step on."""
        return self.config.begin_ns if self.recording is not None else int(self.feed.begin)


def prepare(
    config: Mapping[str, Any] | str | Path | SessionConfig | None = None,
    *,
    strategy: Strategy | type[Strategy] | None = None,
    data: Any = None,
    overrides: Mapping[str, Any] | None = None,
) -> Session:
    """Return a session ready to run. Raises the error of whatever is wrong: config, recording or strategy."""
    settings = _settings(config, data)
    if strategy is not None:
        settings = settings.with_overrides({"strategy": {"use": _use_of(strategy)}})
    settings = settings.with_overrides({key.replace("__", "."): value for key, value in (overrides or {}).items()})
    if settings.mode != "replay" and data is None:
        raise UsageError(
            f"{settings.source} flies live prices",
            hint=f"name a recording to fly it on: --recording NAME, or `tickdeck {'trade' if settings.trades else 'paper'}` it",
        )
    if data is None:
        recording = open_recording(find_recording(settings.recording, settings.beside, settings.coins))
    else:
        recording = recording_of_frames(data)
    with settings.placing():
        feed = ReplayFeed(recording, settings.coins, settings.interval)
        for asset in (*settings.account.cash, *(its.quote for its in feed.instruments)):
            path(feed.instruments, asset, settings.account.currency)
        if settings.begin_ns > feed.times[-1]:
            raise ConfigError(
                f"{recording.name} ends at {stamp(int(feed.times[-1]))}, so that nothing would be asked of the strategy",
                hint=f"its first step is at {stamp(int(feed.times[0]))}; begin between the two, or leave it out",
                key=("begin",),
            )
    return assemble(settings, recording, feed, strategy)


def assemble(
    settings: SessionConfig,
    recording: Recording | None,
    feed: Any,
    strategy: Strategy | type[Strategy] | None = None,
    trading: Callable[[Strategy, Limits], TradeSystem] | None = None,
) -> Session:
    """Return the session of a feed that is there: its strategy and trade system as the config has them.

    `trading` makes the trade system, in place of one that simulates.
    """
    pilot = _strategy(settings, strategy)
    pilot.stats.features.add(extra_features(settings))
    # what it cannot keep is told now, and neither after a long run nor at the first step back
    own_state(pilot)
    check_that_it_can_be_frozen(pilot)
    limits = _limits(settings.risk)
    trade = trading(pilot, limits) if trading is not None else _simulated(settings, feed, pilot, limits)
    return Session(settings, recording, feed, trade, pilot)


def _simulated(settings: SessionConfig, feed: Any, pilot: Strategy, limits: Limits) -> LocalTradeSystem:
    rules = settings.fills
    if rules.fee_asset == "bnb":
        for quote in dict.fromkeys(its.quote for its in feed.instruments):
            path(feed.instruments, "BNB", quote)
    return LocalTradeSystem(
        strategy=pilot,
        cash=settings.account.cash,
        adopt=settings.account.adopt,
        currency=settings.account.currency,
        decimals=settings.account.decimals,
        rules=FillRules(
            maker=rules.maker,
            taker=rules.taker,
            fee_asset=rules.fee_asset,
            slippage=rules.slippage,
            limit_touch=rules.limit_fill == "touch",
            max_volume_share=rules.volume_share,
        ),
        limits=limits,
    )


def _limits(risk: RiskConfig) -> Limits:
    return Limits(
        order_notional=to_units(risk.max_order_notional or 0),
        position_notional=to_units(risk.max_position_notional or 0),
        price_collar=percent_rate(risk.price_collar_pct),
        orders_per_minute=risk.max_orders_per_minute or 0,
        open_orders=risk.max_open_orders or 0,
        daily_loss=percent_rate(risk.max_daily_loss_pct),
        drawdown=percent_rate(risk.max_drawdown_pct),
        repeat_s=risk.no_repeat_s or 0,
        flatten=risk.on_loss == "flatten",
    )


def _settings(config: Mapping[str, Any] | str | Path | SessionConfig | None, data: Any) -> SessionConfig:
    if isinstance(config, SessionConfig):
        return config
    if isinstance(config, Mapping):
        return SessionConfig.from_dict({**({"recording": "data"} if data is not None else {}), **config})
    if config is None and data is not None:
        return SessionConfig.from_dict({"recording": "data"})
    return load_config(find_config("demo" if config is None else config))


def _use_of(strategy: Strategy | type[Strategy]) -> str:
    kind = strategy if isinstance(strategy, type) else type(strategy)
    return f"{kind.__module__}:{kind.__name__}"


def _strategy(settings: SessionConfig, strategy: Strategy | type[Strategy] | None) -> Strategy:
    chosen = settings.strategy
    if isinstance(strategy, Strategy):
        if chosen is not None and chosen.params:
            raise UsageError(
                f"the {type(strategy).__name__} given is made already, {', '.join(chosen.params)} cannot be set",
                hint="give the class and its parameters, or an instance made with them",
            )
        if strategy.flown:
            raise UsageError(
                f"the {type(strategy).__name__} given has flown already and remembers it",
                hint="give the class, or make a new one",
            )
        return strategy
    kind = strategy or (load_strategy(chosen.use, settings.beside) if chosen is not None else Strategy)
    for name in parameters(kind).keys() & type(settings).model_fields.keys():
        raise StrategyError(
            f"{place_of(kind)}: {name} cannot be a parameter, it is a key of every config",
            hint="give the parameter another name, so that `--set` can tell the two apart",
        )
    params = chosen.params if chosen is not None else {}
    if wrong := mistakes(kind, params):
        raise settings.error({("strategy", "params", name): text for name, text in wrong.items()}, taken(kind))
    pilot = make(kind, params)
    pilot.seed(settings.seed)
    return pilot


def extra_features(settings: SessionConfig) -> list[Feature]:
    """Return the features the config asks for beside the strategy's own."""
    known = {name: its for name, its in vars(features).items() if _is_feature(its)}
    made = []
    for n, wanted in enumerate(settings.features):
        kind = load_class(wanted.use, settings.beside, Feature) if ":" in wanted.use else known.get(wanted.use)
        if kind is None:
            told = f"there is no feature {wanted.use!r}{did_you_mean(wanted.use, known)}"
            raise settings.error({("features", n, "use"): told}, f"there are {', '.join(known)}")
        try:
            made.append(kind(**wanted.params))
        except StrategyError as error:
            raise settings.error({("features", n, "params"): error.message}, error.hint) from None
    return made


def _is_feature(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Feature) and value is not Feature
