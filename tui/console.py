"""Where commands write: results to `out`, everything else to `err`, and failures as a panel and an exit code."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from engine.errors import TickdeckError
from tui.text import clean_lines

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, highlight=False)


def show_error(error: TickdeckError) -> None:
    """Write an error's title, message and hint to stderr."""
    body = Text(clean_lines(error.message))
    if error.hint:
        body.append("\n" + clean_lines(error.hint), style="dim")
    err.print(Panel(body, title=Text(clean_lines(error.title)), title_align="left", border_style="red", padding=(0, 1)))


def fail(error: TickdeckError, code: int) -> NoReturn:
    """Show the error and leave with exit code `code` (2 bad usage or input, 3 the run failed)."""
    show_error(error)
    raise typer.Exit(code)
