"""MyStrategy: buy what has fallen well below its average, sell it once it is back there."""

from engine import Feature, Signal, Strategy


class Stretch(Feature):
    """How far the close lies from the mean of the last `window` closes, in percent: -2.0 is two percent below."""

    window: int = 20

    @property
    def warmup(self):
        """The first bars have no value; it is NaN there, and no comparison with NaN is true."""
        return self.window - 1

    def compute(self, state):
        for coin, bars in state.raw.bars():  # each coin whose bar has just closed, with its bars up to now
            mean = bars.close[-self.window :].mean()
            state.features[coin, self.name] = 100 * (bars.close[-1] / mean - 1)
        return state


class MyStrategy(Strategy):
    """Buy a coin `dip` percent below its average, with a stop loss `stop` percent lower; sell it back at the average.

    Annotated attributes are parameters: the config sets them, and so does `--set dip=2`.
    """

    window: int = 20
    dip: float = 1.5
    stop: float = 3.0
    size: float = 0.95  # of the equity, in equal shares

    def features(self):
        return [Stretch(window=self.window, name="stretch")]

    def gen_signal(self):
        signals = {}
        for coin, now in self.bars():
            if now.stretch <= -self.dip and not now.position:
                signals[coin] = Signal.buy(
                    value=self.size * self.equity / self.n_coins,
                    stop_loss=now.close * (1 - self.stop / 100),
                    reason=f"{-now.stretch:.1f} % below its average",
                )
            elif now.stretch >= 0 and now.position:
                signals[coin] = Signal.close(reason="back at its average")
        return signals
