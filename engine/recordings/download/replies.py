"""Replies: what an HTTP status means for the file that was asked for."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from engine import seam
from engine.recordings.names import printable

if TYPE_CHECKING:
    import aiohttp

_BUSY = (429, 418)
_AGAIN = (408, 425, *range(500, 600))


class Failure(Exception):
    """An attempt that failed: `final` where another would too, `asked` the seconds the server asks to wait.

    `for_all` tells that nobody should ask for that long.
    """

    def __init__(
        self, reason: str, *, final: bool = False, asked: float | None = None, for_all: bool = False, hint: str = ""
    ) -> None:
        super().__init__(reason)
        self.final = final
        self.asked = asked
        self.for_all = for_all
        self.hint = hint


def judge(response: aiohttp.ClientResponse) -> bool:
    """Return whether the file is there; raises Failure where the reply says neither."""
    status = response.status
    if status in (200, 206):
        return True
    if status in (404, 410):
        return False
    reason = f"HTTP {status} {printable(response.reason or '')[:60]}".rstrip()
    asked = retry_after(response.headers.get("Retry-After", ""))
    if status in _BUSY:
        raise Failure(reason, asked=asked, for_all=True)
    if status in _AGAIN:
        raise Failure(reason, asked=asked, for_all=asked is not None)
    hint = "the archive does not serve this place; another mirror is named with --base-url" if status in (403, 451) else ""
    raise Failure(reason, final=True, hint=hint)


def retry_after(text: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date; None where it says nothing."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - seam.now_utc()).total_seconds())


def content_start(response: aiohttp.ClientResponse) -> int:
    """Return the first byte that a partial reply holds, -1 where it does not say."""
    match = re.match(r"bytes ([0-9]{1,18})-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def told(error: BaseException) -> str:
    """Return what went wrong on the line, fit for a terminal."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    return printable(error)[:200] or type(error).__name__
