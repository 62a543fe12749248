"""Where commands write: results to `out`, everything else to `err`, and failures as a panel and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine.errors import TickdeckError
from engine.host.protocol import LOADING
from tui.text import clean, clean_lines

WIDEST = 10_000
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, highlight=False)


@contextmanager
def loading() -> Iterator[None]:
    """Tell on stderr that the engine is loaded for as long as the block takes, and that once it takes long."""
    if err.is_terminal:
        with err.status(LOADING):
            yield
    else:
        err.print(LOADING)
        yield


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


class Whole(Table):
    """A table that is never cut: a row wider than the terminal is the terminal's to break, and a pipe's to take as it is."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render every cell in full."""
        return super().__rich_console__(console, options.update(max_width=WIDEST))


def make_table(*titles: str) -> Table:
    """Return an empty table of these columns, right-aligned where the title ends in `>`."""
    table = Whole(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for title in titles:
        justify: Literal["left", "right"] = "right" if title.endswith(">") else "left"
        table.add_column(title.rstrip(">"), justify=justify, no_wrap=True, overflow="fold")
    return table


def add_row(table: Table, *cells: str, style: str = "") -> None:
    """Add a row of plain text: what looks like markup in a name stays what it is."""
    table.add_row(*(Text(clean(cell)) for cell in cells), style=style)
