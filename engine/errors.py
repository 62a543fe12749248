"""Everything tickdeck raises on purpose, as one tree.

    TickdeckError
    ├── UsageError          a call or command that cannot be meant as typed
    │   └── BreakpointError a condition to stop at that cannot be read; names the column
    ├── ConfigError         a session config is wrong; every mistake at once, each with its place
    ├── RecordingError      a recording, or a file to import, is missing, damaged or ambiguous
    │   └── NoRecording     there is none of that name; it can be downloaded
    ├── DownloadError       an archive cannot be reached, or gives what is not right
    ├── StrategyError       the user's strategy or feature failed; names their file and line
    ├── OrderError          an order that cannot be expressed (not one an exchange would refuse)
    ├── AmountOverflow      an amount left the range of its unit
    ├── ExchangeError       the exchange, or the way to it, says no
    ├── JournalError        what was meant cannot be written down, so it is not done
    └── HostError           the engine host could not start, or is gone

Each carries a `title` for a panel's border, a message that names the place, a `hint` that names the remedy, and
`recoverable`: whether the deck can go on without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.redaction import redact


class TickdeckError(Exception):
    """Base of every error a user may see; shown as title, message and hint, never as a traceback. It holds no secret."""

    title = "Error"
    recoverable = True

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def line(self) -> str:
        """Message and hint in one line."""
        return f"{self.message.rstrip('.')}; {self.hint}" if self.hint else self.message


class UsageError(TickdeckError):
    """A call or a command line that cannot be meant as typed."""

    title = "Usage"


class BreakpointError(UsageError):
    """A condition to stop at cannot be read; `column` is where, from 1."""

    title = "Breakpoint"

    def __init__(self, message: str, *, hint: str = "", column: int) -> None:
        super().__init__(message, hint=hint)
        self.column = column


class ConfigError(TickdeckError):
    """A session config is wrong; the message lists every mistake with its key and line.

    `key` is the one at fault, as a path, where it was found by what knows no config; `SessionConfig.placing` adds the place.
    """

    title = "Config"

    def __init__(self, message: str, *, hint: str = "", key: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.key = key


class RecordingError(TickdeckError):
    """A recording or an importable file is missing, damaged, ambiguous or impossible."""

    title = "Recording"


class NoRecording(RecordingError):
    """There is no recording of the `name` asked for; `coins` are those wanted of it, none where it is all it has."""

    def __init__(self, message: str, *, name: str, coins: Sequence[str], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.coins = list(coins)


class DownloadError(TickdeckError):
    """An archive of market data cannot be reached, refuses, or gives what is not what its checksum says."""

    title = "Download"


class StrategyError(TickdeckError):
    """A strategy or feature of the user's failed; the message names its file and line."""

    title = "Strategy"


class OrderError(TickdeckError):
    """An order that cannot be expressed: unknown coin, not a number, no price where one is needed."""

    title = "Order"


class AmountOverflow(TickdeckError):
    """An exact amount left the range of its 64-bit unit; a coarser unit for the asset mends it."""

    title = "Amount"
    recoverable = False


class ExchangeError(TickdeckError):
    """The exchange cannot be reached, or answers with a refusal or with what is no answer.

    `refused` tells that it understood what was asked, and will not answer otherwise when it is asked again.
    """

    title = "Exchange"
    refused = False


class JournalError(TickdeckError):
    """The journal of orders cannot be read or written; without it nothing is traded."""

    title = "Journal"


class HostError(TickdeckError):
    """The engine host could not be started or has died."""

    title = "Engine"
    recoverable = False
