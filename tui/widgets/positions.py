"""Positions and cash: what the strategy holds, what it is worth, and the account behind it."""

from __future__ import annotations

from engine.host.protocol import Account, PositionRow
from tui.session import Session
from tui.text import exact, fit, fixed, percent, signed
from tui.widgets.lines import Line, Lines


def _tone(value: float) -> str:
    return "up" if value > 0 else "down" if value < 0 else "dim"


class Positions(Lines, can_focus=True):
    """Two lines a position (amount and gain, entry and change), then dust, balances that none of it tells, and the account."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._rows: list[PositionRow] = []
        self._account: Account | None = None

    def show(self, rows: list[PositionRow], account: Account) -> None:
        """Draw these positions and this account."""
        self._rows = rows
        self._account = account
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the positions, one line each where two do not fit, then balances and account."""
        account = self._account
        if account is None:
            return []
        held = [row for row in self._rows if not row.dust]
        dust = [
            self._pair(f"dust {self.session.label(its.coin)}", exact(its.amount), width, "dim")
            for its in self._rows
            if its.dust
        ]
        money = self._money(account, width)
        roomy = 2 * len(held) + len(dust) + len(money) <= height
        lines: list[Line] = []
        for row in held:
            lines += self._position(row, width, roomy)
        if not held:
            lines.append((("  flat: no positions" if width > 21 else "  flat", "dim"),))
        return lines + dust + money

    def _position(self, row: PositionRow, width: int, roomy: bool) -> list[Line]:
        label = fit(self.session.label(row.coin), 6)
        gain = signed(row.unrealized)
        middle = max(0, width - 9 - len(gain))
        first: Line = (
            (f" {label}", "strong"),
            (fit(exact(row.amount), middle, "right"), ""),
            (f" {gain} ", _tone(row.unrealized)),
        )
        if not roomy:
            return [first]
        decimals = self.session.decimals(row.coin, row.mark)
        change = percent(row.unrealized_pct)
        entry = f"   at {fixed(row.entry_price, decimals)}"
        return [first, ((fit(entry, max(0, width - 2 - len(change))), "dim"), (f" {change} ", _tone(row.unrealized)))]

    def _money(self, account: Account, width: int) -> list[Line]:
        lines: list[Line] = []
        told = {self._base(row.coin): row.amount for row in self._rows}
        for balance in account.balances:
            locked = balance.locked.strip("0.") != ""
            if not locked and (balance.free.strip("0.") == "" or told.get(balance.asset) == balance.free):
                continue
            lines.append(self._pair(balance.asset, exact(balance.free), width, ""))
            if locked:
                lines.append(self._pair("  in orders", exact(balance.locked), width, "warn"))
        lines.append(self._pair("drawdown", percent(-abs(account.drawdown_pct)), width, "dim"))
        lines.append(self._pair("fees paid", fixed(account.fees, 2), width, "dim"))
        return lines

    def _base(self, coin: str) -> str:
        info = self.session.infos.get(coin)
        return info.base if info else ""

    def _pair(self, name: str, value: str, width: int, style: str) -> Line:
        size = max(0, width - 2)
        head = fit(name, max(min(4, size), size - len(value) - 1))
        return ((f" {head}", "dim"), (fit(value, size - len(head), "right"), style), (" ", ""))
