"""Values of parameters: what fits an annotated type, strictly, and what a typed text means as one."""

from __future__ import annotations

import math
import re
import types
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from engine.errors import UsageError

_SCALARS: dict[type, str] = {int: "int", float: "float", bool: "bool", str: "str", type(None): "none"}
_INT64 = range(-(2**63), 2**63)


def convert(value: Any, kind: Any) -> Any:
    """Return `value` as the annotated type `kind`, or raise ValueError saying what it should be.

    Strict: an int serves as a float and a list as a tuple, numpy scalars count as their Python kin; nothing else is converted.
    NaN and integers beyond 64 bits are refused.
    """
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()
    origin = get_origin(kind)
    if origin is Union or origin is types.UnionType:
        return _convert_union(value, kind)
    if origin is Literal:
        for choice in get_args(kind):
            if type(choice) is type(value) and choice == value:
                return choice
        raise _wrong(value, kind)
    if kind in (tuple, list) or origin in (tuple, list):
        return _convert_sequence(value, kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        if isinstance(value, kind):
            return value
        for member in kind:
            if type(member.value) is type(value) and member.value == value:
                return member
        raise _wrong(value, kind)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            raise ValueError(f"is {_shown(value)}, too large for a float") from None
        if math.isnan(number):
            raise ValueError("is NaN, which is not a number")
        if number != value:
            raise ValueError(f"is {_shown(value)}, which a float cannot hold exactly")
        return number
    if kind is str and isinstance(value, str) and not isinstance(value, Enum):
        return str(value)
    if type(value) is kind:
        if kind is int and value not in _INT64:
            raise ValueError(f"is {_shown(value)}, which does not fit 64 bits")
        return value
    raise _wrong(value, kind)


def coerce_text(text: str, kind: Any) -> Any:
    """Return what a person typed, as in `--set fast=40`, as the annotated type `kind`.

    Lists and tuples are comma-separated, in brackets or not; none stands for None. Raises UsageError.
    """
    try:
        return convert(_parse(text.strip(), normal(kind)), normal(kind))
    except ValueError:
        raise UsageError(f"{_shown(text)} is not a value of type {type_name(kind)}") from None


def type_name(kind: Any) -> str:
    """Return a type as a person writes it; the choices of a Literal or Enum are listed."""
    origin, args = get_origin(kind), get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin is Union or origin is types.UnionType:
        return " | ".join(type_name(arg) for arg in args)
    if origin is Literal:
        return " | ".join(str(arg) for arg in args)
    if origin in (tuple, list):
        return f"{origin.__name__}[{', '.join('...' if arg is ... else type_name(arg) for arg in args)}]"
    if isinstance(kind, type):
        return " | ".join(str(member.value) for member in kind) if issubclass(kind, Enum) else kind.__name__
    return str(kind)


def normal(kind: Any) -> Any:
    """Return the type without Annotated; a bare tuple or list holds numbers."""
    if get_origin(kind) is Annotated:
        return normal(get_args(kind)[0])
    if kind is None:
        return type(None)
    if kind is tuple:
        return tuple[int | float, ...]
    return list[int | float] if kind is list else kind


def is_parameter_type(kind: Any, nested: bool = False) -> bool:
    """Whether a parameter may be annotated so; lists do not nest."""
    origin, args = get_origin(kind), get_args(kind)
    if kind in _SCALARS or origin is Literal:
        return True
    if origin is Union or origin is types.UnionType:
        return all(is_parameter_type(arg, nested) for arg in args)
    if origin in (tuple, list):
        return not nested and all(arg is ... or is_parameter_type(arg, nested=True) for arg in args)
    return isinstance(kind, type) and issubclass(kind, Enum)


def _convert_union(value: Any, kind: Any) -> Any:
    args = get_args(kind)
    if type(value) in args:
        return convert(value, type(value))
    for arg in args:
        try:
            return convert(value, arg)
        except ValueError:
            continue
    raise _wrong(value, kind)


def _convert_sequence(value: Any, kind: Any) -> Any:
    kind = normal(kind)
    origin, args = get_origin(kind), get_args(kind)
    if not isinstance(value, tuple | list):
        raise _wrong(value, kind)
    if origin is tuple and args[-1] is not ...:
        if len(value) != len(args):
            raise ValueError(f"should hold {len(args)} values, not {len(value)}")
        kinds = list(args)
    else:
        kinds = [args[0]] * len(value)
    try:
        return origin(convert(item, arg) for item, arg in zip(value, kinds, strict=True))
    except ValueError as error:
        raise ValueError(f"holds a value that {error}") from None


def _parse(text: str, kind: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Union or origin is types.UnionType:
        for arg in sorted(args, key=lambda arg: arg is str):
            try:
                return convert(_parse(text, arg), arg)
            except ValueError:
                continue
    elif origin is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
        for choice in args or tuple(kind):
            if text in (str(choice), str(getattr(choice, "value", choice)), getattr(choice, "name", None)):
                return choice
    elif origin in (tuple, list):
        inner = text[1:-1] if text[:1] + text[-1:] in ("[]", "()") else text
        items = [item.strip() for item in inner.split(",") if item.strip()]
        kinds = args if origin is tuple and args[-1] is not ... else (args[0],) * len(items)
        if len(kinds) == len(items):
            return [_parse(item, arg) for item, arg in zip(items, kinds, strict=True)]
    elif kind is bool and text.lower() in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        return text.lower() in ("true", "yes", "on", "1")
    elif kind is int and re.fullmatch(r"[+-]?[0-9]{1,20}(_[0-9]{1,20})*", text):
        return int(text)
    elif kind is float:
        return float(text)
    elif kind is str:
        return text
    elif kind is type(None) and text.lower() in ("none", "null", ""):
        return None
    raise ValueError(text)


def _wrong(value: Any, kind: Any) -> ValueError:
    return ValueError(f"should be {type_name(kind)}, not {_shown(value)}")


def _shown(value: Any) -> str:
    """Return a value short enough for a message; int's own repr refuses beyond 4300 digits."""
    if isinstance(value, int) and value not in _INT64:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
