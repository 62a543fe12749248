"""Parameters: the annotated class attributes of a strategy or feature, collected, validated and set in one place.

A parameter is an annotated class attribute with a default, anywhere in the class's bases:

    class SmaCross(Strategy):
        fast: int = 50
        size: float = 0.99
        side: Literal["long", "flat"] = "long"

Not parameters: names starting with an underscore, `ClassVar` and `Final` attributes, annotations without a default, and the
names a base class keeps for itself in `_reserved`. Types are int, float, bool, str, Literal, Enum, unions of these and None,
and tuples or lists of these.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, get_origin

from engine.errors import StrategyError, TickdeckError
from engine.params.nearest import did_you_mean
from engine.params.values import convert, is_parameter_type, normal, type_name

_ALLOWED = "int, float, bool, str, Literal, Enum, unions of these and None, tuples and lists of these"


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a class: its name, annotated type and default value."""

    name: str
    type: Any
    default: Any

    @property
    def type_name(self) -> str:
        """The type as a person writes it, such as `int`, `long | flat` or `tuple[int, ...]`."""
        return type_name(self.type)


def parameters(cls: type) -> dict[str, Param]:
    """Return a class's parameters by name, base classes first, each in the order of its definition.

    Raises StrategyError, naming file and line of the class, where a parameter's type cannot be one or its default does not fit.
    """
    found: dict[str, Any] = {}
    reserved: set[str] = set()
    for owner in reversed(cls.__mro__):
        reserved |= set(vars(owner).get("_reserved", ()))
        for name, annotation in _annotations(owner).items():
            if name.startswith("_") or name in reserved:
                continue
            kind = _resolve(owner, name, annotation) if isinstance(annotation, str) else annotation
            if kind in (ClassVar, Final) or get_origin(kind) in (ClassVar, Final):
                found.pop(name, None)
            elif hasattr(owner, name):
                _check_free(owner, name)
                found[name] = kind
    result = {}
    for name, kind in found.items():
        kind = normal(kind)
        if not is_parameter_type(kind):
            raise StrategyError(
                f"{place_of(cls)}: {name} is annotated {type_name(kind)}, which cannot be a parameter",
                hint=f"a parameter is one of {_ALLOWED}; for anything else start the name with _ or annotate it ClassVar",
            )
        try:
            default = convert(getattr(cls, name), kind)
        except ValueError as error:
            raise StrategyError(f"{place_of(cls)}: the default of {name} {error}") from None
        result[name] = Param(name, kind, default)
    return result


def validate(cls: type, values: Mapping[str, Any], *, error: type[TickdeckError] = StrategyError) -> dict[str, Any]:
    """Return every parameter of `cls` with the value given for it, or its default.

    Raises `error` listing every unknown name, with the nearest known one, and every value of a wrong type.
    """
    wrong = mistakes(cls, values)
    if wrong:
        raise error(f"{cls.__name__}: " + "; ".join(sorted(wrong.values())), hint=taken(cls))
    return {name: convert(values.get(name, its.default), its.type) for name, its in parameters(cls).items()}


def mistakes(cls: type, values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the values given for parameters of `cls`, by name: there is none such, or it does not fit."""
    known = parameters(cls)
    names = [*known, *_keywords(cls)]
    wrong = {name: f"no parameter {name!r}{did_you_mean(str(name), names)}" for name in values if name not in known}
    for name in (its for its in values if its in known):
        try:
            convert(values[name], known[name].type)
        except ValueError as problem:
            wrong[name] = f"{name} {problem}"
    return wrong


def taken(cls: type) -> str:
    """Return what parameters a class takes, for a hint."""
    listed = ", ".join([*(f"{its.name}: {its.type_name}" for its in parameters(cls).values()), *_keywords(cls)])
    return f"{cls.__name__} takes {listed or 'no parameters'}"


def _keywords(cls: type) -> list[str]:
    """Return what a class is given by keyword beside its parameters, such as a feature's name."""
    made = (vars(owner)["__init__"] for owner in cls.__mro__ if "__init__" in vars(owner) and owner is not object)
    given = (its for init in made for its in inspect.signature(init).parameters.values())
    return list(dict.fromkeys(its.name for its in given if its.kind is inspect.Parameter.KEYWORD_ONLY))


def bind(obj: object, values: Mapping[str, Any], *, error: type[TickdeckError] = StrategyError) -> None:
    """Set every parameter of `obj` as an attribute of its own: the value given, or the default; raises as `validate` does."""
    for name, value in validate(type(obj), values, error=error).items():
        setattr(obj, name, value)


def values_of(obj: object) -> dict[str, Any]:
    """Return the parameters of `obj` with their values as they stand."""
    return {name: getattr(obj, name) for name in parameters(type(obj))}


def place_of(cls: type) -> str:
    """Return a class as `file:line Name`, or its name alone where it has no source file."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]} {cls.__name__}"
    except (OSError, TypeError):
        return cls.__name__


def _annotations(owner: type) -> dict[str, Any]:
    try:
        return inspect.get_annotations(owner)
    except NameError as error:
        raise StrategyError(f"{place_of(owner)}: an annotation names what is not imported: {error}") from None


def _resolve(owner: type, name: str, text: str) -> Any:
    """Return what an annotation kept as text (`from __future__ import annotations`) stands for."""
    module = sys.modules.get(owner.__module__)
    scope = dict(vars(module)) if module else {}
    try:
        return eval(text, scope, dict(vars(owner)))
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        if not hasattr(owner, name):
            return ClassVar
        raise StrategyError(f"{place_of(owner)}: cannot read the annotation {name}: {text} ({error})") from None


def _check_free(owner: type, name: str) -> None:
    for base in owner.__mro__[1:]:
        taken = vars(base).get(name)
        if isinstance(taken, property | classmethod | staticmethod) or inspect.isroutine(taken):
            raise StrategyError(
                f"{place_of(owner)}: {name} cannot be a parameter, {base.__name__}.{name} is there already",
                hint="give the parameter another name",
            )
