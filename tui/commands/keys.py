"""`tickdeck keys`: puts API keys in place without a trace in the shell's history, and tells which there are."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.errors import ConfigError, TickdeckError, UsageError

MOST = 64 * 1024


def _environment(word: str) -> str:
    """Return an environment's name; ends the command where it is none."""
    from engine.binance.keys import ENVIRONMENTS
    from engine.params import did_you_mean
    from tui.console import fail

    if word not in ENVIRONMENTS:
        told = f"there is no environment {word!r}{did_you_mean(word, ENVIRONMENTS)}"
        fail(UsageError(told, hint=f"there are {', '.join(ENVIRONMENTS)}"), 2)
    return word


Environment = Annotated[
    str, typer.Argument(metavar="ENVIRONMENT", help="testnet, demo, live or rehearsal.", callback=_environment)
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    keys = typer.Typer(help="Put API keys in place, tell which there are, remove them.", no_args_is_help=True)
    keys.command("set")(set_command)
    keys.command("show")(show_command)
    keys.command("remove")(remove_command)
    app.add_typer(keys, name="keys")


def set_command(environment: Environment) -> None:
    """Ask for an environment's keys, without showing them, and keep them: in the system's keyring, or a file of your own.

    Without a terminal they are read from stdin: the API key on the first line, then the secret, a private key or its path.
    """
    from engine.binance.keys import store_keys
    from tui.console import fail, out
    from tui.text import clean

    try:
        where = store_keys(environment, _asked() if sys.stdin.isatty() else _read())
    except TickdeckError as error:
        fail(error, 2)
    out.print(clean(f"the keys of {environment} are in {where}; `tickdeck doctor` looks what they may do"), markup=False)


def show_command() -> None:
    """Tell which environments have keys, where they lie, and how they begin; never more of them."""
    from engine.binance.keys import ENVIRONMENTS, found_keys, sources
    from tui.console import add_row, make_table, out, show_error
    from tui.text import clean

    table, wrong = make_table("environment", "key", "signs by", "where"), False
    for environment in ENVIRONMENTS:
        try:
            found = list(found_keys(environment))
        except ConfigError as error:
            show_error(error)
            wrong = True
            continue
        for n, (where, keys) in enumerate(found):
            add_row(
                table, environment, keys.api_key.first, keys.kind, where + (", not used" if n else ""), style="dim" if n else ""
            )
    if table.rows:
        out.print(table)
    elif not wrong:
        out.print(clean(f"there are no keys; looked in {', '.join(its.name for its in sources())}"), markup=False)
    if wrong:
        raise typer.Exit(2)


def remove_command(environment: Environment) -> None:
    """Forget an environment's keys; the exchange still takes them until you delete them there."""
    from engine.binance.keys import remove_keys
    from tui.console import fail, out
    from tui.text import clean

    try:
        gone = remove_keys(environment)
        if not gone:
            raise UsageError(
                f"there are no keys for {environment} to remove", hint="`tickdeck keys show` tells which there are"
            )
    except TickdeckError as error:
        fail(error, 2)
    out.print(clean(f"the keys of {environment} are gone from {' and '.join(gone)}"), markup=False)


def _asked() -> dict[str, str]:
    """Return what a person types."""
    api_key = typer.prompt("API key", hide_input=True, err=True)
    return _words(api_key, typer.prompt("Secret, or the path of a private key (PEM)", hide_input=True, err=True))


def _read() -> dict[str, str]:
    """Return what stdin says."""
    try:
        api_key, _, rest = sys.stdin.read(MOST).strip().partition("\n")
    except UnicodeDecodeError:
        raise UsageError("stdin holds no text") from None
    return _words(api_key, rest)


def _words(api_key: str, other: str) -> dict[str, str]:
    """Return keys by name: what is neither PEM nor a path, which has a slash or a dot, is a secret."""
    other = other.strip()
    path = "/" in other or other.startswith("~") or other.endswith(".pem")
    return {"api_key": api_key.strip(), "private_key" if "-----BEGIN" in other or path else "api_secret": other}
