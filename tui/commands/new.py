"""`tickdeck new`: files to start from, which work as they are."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import TickdeckError, UsageError

NAME, CLASS = "my_strategy", "MyStrategy"
"""What the templates call the strategy and its class."""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    new = typer.Typer(help="Write files to start from.", no_args_is_help=True)
    new.callback()(lambda: None)
    new.command("strategy")(strategy_command)
    app.add_typer(new, name="new")


def strategy_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Small letters, digits and underscores, as dip_buyer; its class is DipBuyer.")
    ],
    into: Annotated[Path, typer.Option("--into", metavar="FOLDER", help="Where to; made if it is not there.")] = Path(),
) -> None:
    """Write a strategy that trades, its config and its test, for you to change. Nothing is overwritten."""
    from tui.console import fail, out
    from tui.text import clean

    try:
        written = write_strategy(name, into)
    except TickdeckError as error:
        fail(error, 2)
    _, config, test = written
    width = max(len(clean(str(path))) for path in written)
    for path, what in zip(written, ("the strategy", "its session, on the demo recording", "its test"), strict=True):
        out.print(f"{clean(str(path)):{width}}  {what}", markup=False)
    lacking = "" if importlib.util.find_spec("pytest") else "    (once: pip install pytest)"
    out.print(
        "\nThey work as they are. Next:\n"
        f"  tickdeck check {_quoted(config)}\n"
        f"  tickdeck backtest {_quoted(config)}\n"
        f"  tickdeck replay {_quoted(config)}\n"
        f"  pytest {_quoted(test)}{lacking}",
        markup=False,
    )


def write_strategy(name: str, into: Path) -> tuple[Path, Path, Path]:
    """Write NAME.py, NAME.toml and test_NAME.py and return their paths; raises UsageError, with nothing written."""
    from engine.paths import bundled

    kind = class_name(name)
    templates = bundled() / "templates" / "strategy"
    files = {into / file.replace(NAME, name): file for file in (f"{NAME}.py", f"{NAME}.toml", f"test_{NAME}.py")}
    for path in files:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} is there already", hint="give another name, or another folder with --into")
    check_free(name, kind)
    try:
        into.mkdir(parents=True, exist_ok=True)
        for path, template in files.items():
            text = (templates / template).read_text(encoding="utf-8")
            with path.open("x", encoding="utf-8") as file:
                file.write(text.replace(CLASS, kind).replace(NAME, name))
    except OSError as error:
        raise UsageError(f"{error.filename or into} cannot be written: {error.strerror}") from None
    strategy, config, test = files
    return strategy, config, test


def class_name(name: str) -> str:
    """Return the class of a strategy's name, DipBuyer of dip_buyer; raises UsageError for what is no such name."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        near = re.sub(r"[^a-z0-9]+", "_", words).strip("_0123456789")[:40]
        hint = near if near and not keyword.iskeyword(near) else "dip_buyer"
        raise UsageError(
            f"{name[:80]!r} cannot name a strategy", hint=f"use small letters, digits and underscores, such as {hint}"
        )
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def check_free(name: str, kind: str) -> None:
    """Raise UsageError where a file of this name would hide another module, or its class a name that the template uses."""
    import engine

    if name in (*sys.stdlib_module_names, "pytest") or importlib.util.find_spec(name) is not None:
        raise UsageError(f"{name}.py would hide the module {name}", hint=f"give it another name, such as my_{name}")
    if kind in (*engine.__all__, "Path", "Stretch"):
        raise UsageError(f"its class would be {kind}, which there is already", hint=f"give it another name, such as my_{name}")


def _quoted(path: Path) -> str:
    from tui.text import clean

    return clean(shlex.quote(str(path)))
