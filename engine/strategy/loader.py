"""Loading a strategy by name: `module:Class` or `path/to/file.py:Class`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from engine.errors import StrategyError, TickdeckError
from engine.params import did_you_mean, validate
from engine.strategy.blame import place_of_error, users_line
from engine.strategy.strategy import Strategy

T = TypeVar("T")


def load_strategy(use: str, beside: Path | None = None) -> type[Strategy]:
    """Return the strategy class `use` names; see `load_class`."""
    return load_class(use, beside, Strategy)


def load_class(use: str, beside: Path | None, base: type[T]) -> type[T]:
    """Return the class `use` names, derived from `base`; a file is looked for beside the config, then in the current folder.

    Raises StrategyError naming file and line where it cannot be imported, has no such class, or the class is of another kind.
    """
    word = base.__name__.lower()
    where, _, name = use.rpartition(":")
    if not where or not name:
        raise StrategyError(f"{use!r} names no {word}", hint="write module:Class or path/to/file.py:Class")
    module = _from_file(where, beside) if where.endswith(".py") else _from_module(where, beside)
    found = getattr(module, name, None)
    if found is None:
        classes = [key for key, value in vars(module).items() if _is_a(value, base)]
        raise StrategyError(
            f"{where} has no class {name!r}{did_you_mean(name, classes)}",
            hint=f"it has {', '.join(classes) or f'no {word} at all'}",
        )
    if not _is_a(found, base):
        raise StrategyError(f"{use} is no {word}", hint=f"a {word} is a class derived from engine.{base.__name__}")
    kind: type[T] = found
    return kind


def make(kind: type[Strategy], params: Mapping[str, Any]) -> Strategy:
    """Return a strategy made with these parameters; raises StrategyError, with its author's line, where that cannot be."""
    try:
        return kind(**validate(kind, params))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if not isinstance(error, TickdeckError):
            raise StrategyError(f"{kind.__name__} cannot be made: {place_of_error(error)}") from error
        if not users_line(error):
            raise
        # a feature that cannot be knows what is wrong with it, and not where it was asked for
        raise StrategyError(place_of_error(error), hint=error.hint) from error


def _is_a(value: object, base: type) -> bool:
    return inspect.isclass(value) and issubclass(value, base) and value is not base


def _from_file(where: str, beside: Path | None) -> ModuleType:
    wanted = Path(where).expanduser()
    places = [wanted] if wanted.is_absolute() else [*([beside / wanted] if beside else []), Path.cwd() / wanted]
    path = next((place.resolve() for place in places if place.is_file()), None)
    if path is None:
        raise StrategyError(f"there is no file {where}", hint="looked for " + ", ".join(str(place) for place in places))
    spec = importlib.util.spec_from_file_location(f"tickdeck_strategy_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    # dataclasses and annotations look their module up by name while it is being run
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    try:
        # from its text: what was compiled before may be of a text changed within the same second
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise StrategyError(f"{path.name} cannot be loaded: {place_of_error(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _from_module(where: str, beside: Path | None) -> ModuleType:
    places = [str(place) for place in ([beside] if beside else []) + [Path.cwd()]]
    sys.path[:0] = places
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name and (where == error.name or where.startswith(error.name + ".")):
            raise StrategyError(
                f"there is no module {where}", hint="a file of your own is named by its path: path/to/file.py:Class"
            ) from None
        raise StrategyError(f"{where} cannot be loaded: {place_of_error(error)}") from error
    except (Exception, SystemExit) as error:
        raise StrategyError(f"{where} cannot be loaded: {place_of_error(error)}") from error
    finally:
        for place in places:
            sys.path.remove(place)
