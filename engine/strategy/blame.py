"""Whose fault: an exception out of a user's code as one line that names their file and line."""

from __future__ import annotations

import linecache
import sysconfig
from pathlib import Path
from traceback import StackSummary, extract_stack, extract_tb
from types import FrameType

from engine.errors import TickdeckError
from engine.features.frame import Row
from engine.params import place_of

_ENGINE = Path(__file__).resolve().parent.parent
_LIBRARIES = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platlib"), sysconfig.get_path("purelib")})


def place_of_error(error: BaseException) -> str:
    """Return `Type: message (file.py:12: source line)`, at the innermost line of the user's own code."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, TickdeckError):
        text = error.message
    if isinstance(error, AttributeError) and isinstance(error.obj, Row):
        text = f"AttributeError: {error.obj.lacks(error.name or '')}"
    if isinstance(error, SyntaxError):
        place = f"{Path(error.filename or '?').name}:{error.lineno}: {(error.text or '').strip()}"
        return f"{type(error).__name__}: {error.msg} ({place})"
    place = users_line(error)
    return f"{text} ({place})" if place else text


def users_line(error: BaseException) -> str:
    """Return `file.py:12: source line` of the innermost line of the user's own code that led to an error, else nothing."""
    return _innermost(extract_tb(error.__traceback__))


def users_line_now(frame: FrameType) -> str:
    """Return the same of where a thread is that is in this frame."""
    return _innermost(extract_stack(frame))


def _innermost(stack: StackSummary) -> str:
    frames = [frame for frame in stack if _is_users(frame.filename)]
    if not frames:
        return ""
    frame = frames[-1]
    source = linecache.getline(frame.filename, frame.lineno or 0).strip()
    return f"{Path(frame.filename).name}:{frame.lineno}: {source}"


def no_signals(given: object, kind: type) -> tuple[str, str]:
    """Return what is wrong with what a strategy's `gen_signal` returned, which is no dict, and the remedy."""
    what = "nothing" if given is None else f"a {type(given).__name__}"
    return (
        f"gen_signal returned {what} in place of a dict of signals ({place_of(kind)})",
        "return {coin: Signal.buy(...)}, and {} where nothing is wanted",
    )


def _is_users(filename: str) -> bool:
    path = Path(filename)
    if path.is_relative_to(_ENGINE):
        return path.is_relative_to(_ENGINE / "strategy" / "examples")
    return not filename.startswith((*_LIBRARIES, "<frozen"))
