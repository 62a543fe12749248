"""The command line: `tickdeck` alone opens the deck on the demo; every command is a module of `tui.commands`."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
import sys
from typing import Annotated

import typer

import tui.commands
from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError
from engine.redaction import guard

app = typer.Typer(
    name="tickdeck",
    help="A flight deck for crypto strategies: replay a recorded market, then fly the same strategy.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _module in sorted(module.name for module in pkgutil.iter_modules(tui.commands.__path__)):
    importlib.import_module(f"tui.commands.{_module}").register(app)


def version() -> str:
    """Return the version installed, "unknown" in a checkout that is not."""
    try:
        return importlib.metadata.version("tickdeck")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tickdeck {version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def deck(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Tell the version and leave.")
    ] = False,
) -> None:
    """Open the deck on the bundled demo recording, paused, with history behind it."""
    if context.invoked_subcommand is None:
        from tui.fly import fly
        from tui.link import HostSpec

        fly(HostSpec())


@app.command()
def replay(
    what: Annotated[
        str | None, typer.Argument(metavar="[RECORDING|CONFIG|SESSION]", help="A recording, a config, or a saved session.")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", "-c", help="The config or saved session to fly on the recording.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Where to begin: a step, or a UTC time such as 2025-06-14T12:30.")
    ] = None,
    speed: Annotated[float | None, typer.Option("--speed", min=0, help="Bars a second; 0 is as fast as it goes.")] = None,
) -> None:
    """Open the deck on a recording."""
    from tui.fly import fly
    from tui.link import HostSpec

    recording = what
    if what is not None and what.endswith(".toml"):
        if config is not None:
            raise UsageError(f"{what} and {config} are both configs", hint="give one, and a recording beside it if need be")
        recording, config = None, what
    fly(HostSpec(config=config, recording=recording, at=at, speed=speed))


def main() -> None:
    """Run the command line; an error of tickdeck's is a clean message and an exit code, a crash one line and a report."""
    guard()
    try:
        app()
    except TickdeckError as error:
        from tui.console import show_error

        show_error(error)
        sys.exit(2 if isinstance(error, UsageError | ConfigError | RecordingError) else 3)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe, such as head, has seen enough; what is still buffered has nowhere to go.
        sys.stdout = None
        sys.exit(0)
    # The last resort: a person gets one line and a report, never a traceback with what the frames held.
    except Exception as error:
        from tui import crash

        print(crash.summary(error, crash.report(error)), file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
