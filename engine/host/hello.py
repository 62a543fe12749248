"""What the host says of a session before it flies: coins, parameters, fill rules, gaps."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from engine.config import BinanceConfig, FillsConfig, RiskConfig
from engine.exact import to_text
from engine.host.protocol import VERSION, CoinInfo, Hello, Param
from engine.params import parameters, values_of
from engine.recordings import Recording
from engine.session import Session


def hello(session: Session) -> Hello:
    """Return the session as the deck is told of it."""
    config, feed, strategy, recording = session.config, session.feed, session.strategy, session.recording
    spot = recording is None or recording.spot
    values = values_of(strategy)
    return Hello(
        version=VERSION,
        mode=config.mode,
        recording=recording.name if recording is not None else _source(config.binance),
        synthetic=recording.synthetic if recording is not None else config.binance.url is not None,
        spot=spot,
        coins=[
            CoinInfo(
                coin=its.coin,
                base=its.base,
                quote=its.quote,
                tick=_short(its.tick),
                lot=_short(its.lot),
                min_notional=_short(its.min_notional),
                gaps=[(gap.start, gap.end) for gap in recording.gaps(its.coin)] if recording is not None else [],
            )
            for its in feed.instruments
        ],
        interval=feed.interval,
        strategy=type(strategy).__name__ if config.strategy is not None else "",
        params=[Param(name, its.type_name, str(values[name])) for name, its in parameters(type(strategy)).items()],
        features=list(strategy.stats.features.labels),
        fill_rules=[
            *([] if spot else ["market: not spot; orders fill as on spot all the same"]),
            *fill_rules(config.fills),
            *limits(config.risk, config.account.currency),
        ],
        currency=config.account.currency,
        start=int(feed.times[0]) if len(feed) else 0,
        end=int(feed.times[-1]) if len(feed) else 0,
        steps=len(feed),
        gaps=_common_gaps(session, recording) if recording is not None else [],
    )


def fill_rules(rules: FillsConfig) -> list[str]:
    """Return how orders fill and what they cost, a line each."""
    through = "trades through it" if rules.limit_fill == "through" else "touches it"
    share = f"{rules.max_volume_share * 100:f}".rstrip("0").rstrip(".") + " %" if rules.max_volume_share else "any part"
    asset = {"received": "the asset received", "quote": "quote", "bnb": "BNB at its last price, else the asset received"}
    return [
        f"market: the next bar's open, {rules.slippage_bps} bps slippage",
        f"limit: its price when a later bar {through}, or the open where that is better",
        f"stop: its price when a later bar reaches it, or the open where that is worse, {rules.slippage_bps} bps slippage",
        "take-profit: as a stop, but for a price that goes its way; with a limit either is a limit order from then on",
        "trailing: its stop follows the highest, for a buy the lowest, of the bars that have closed",
        "pair and exits: the first to act cancels the other; where a bar reaches both, the worse one fills",
        f"volume: orders may take {share} of a bar's; a bar without volume fills nothing",
        f"fees: maker {rules.maker_bps} bps, taker {rules.taker_bps} bps, in {asset[rules.fee_asset]}",
    ]


def limits(risk: RiskConfig, currency: str) -> list[str]:
    """Return what is risked at most, a line a limit."""
    sold = " and everything is sold" if risk.on_loss == "flatten" else ""
    lines = (
        (risk.max_order_notional, "an order to buy is worth at most", currency),
        (risk.max_position_notional, "a coin's position with its open orders to buy is worth at most", currency),
        (risk.price_collar_pct, "an order's price is worse than the market's by at most", "%"),
        (risk.max_orders_per_minute, "in a minute there are at most", "orders"),
        (risk.max_open_orders, "open at a time are at most", "orders"),
        (risk.no_repeat_s, "the same order is refused within", "s"),
        (risk.max_daily_loss_pct, f"nothing more is bought in a UTC day{sold} after a loss of", "%"),
        (risk.max_drawdown_pct, f"nothing more is bought{sold} once equity is below its highest by", "%"),
    )
    told = [f"risk: {text} {Decimal(limit):f} {unit}" for limit, text, unit in lines if limit is not None]
    return told or ["risk: no limits"]


def _short(units: int) -> str:
    text = to_text(units)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _source(live: BinanceConfig) -> str:
    """Return where live prices come from, in words."""
    return f"Binance {live.environment or 'live'}" if live.url is None else f"a rehearsal at {live.url}"


def _common_gaps(session: Session, recording: Recording) -> list[tuple[float, float]]:
    """Return where no coin has a bar, as fractions of the recording's time."""
    times = session.feed.times
    interval = recording.bars(session.feed.latest.coins[0]).interval
    holes = np.flatnonzero(np.diff(times) > interval)
    begin, length = int(times[0]), max(int(times[-1] - times[0]), 1)
    return [((int(times[n]) - begin) / length, (int(times[n + 1]) - begin) / length) for n in holes.tolist()]
