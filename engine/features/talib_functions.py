"""What TA-Lib tells of its functions, and the arguments they accept.

TA-Lib is loaded when the first function is looked up, not when this module is imported: it brings pandas along.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.errors import StrategyError
from engine.params import convert, did_you_mean
from engine.state import FIELDS

_STREAMING = "Function has a streaming API"
_PRICE_SCALE = "Output scale same as input"
_TALIB_DEFAULTS = (-(2**31), -4e37)
"""What TA-Lib takes to mean a parameter's default."""


@dataclass(frozen=True, slots=True)
class TalibFunction:
    """What TA-Lib tells of one of its functions.

    `inputs` are bar fields in the order of its arguments; those at `free` are plain series, which a `source` may replace.
    """

    name: str
    inputs: tuple[str, ...]
    free: tuple[int, ...]
    params: dict[str, int | float]
    outputs: tuple[str, ...]
    price_scale: bool


def talib() -> Any:
    """Return the talib module, with its `abstract` and `stream`."""
    importlib.import_module("talib.abstract")
    return importlib.import_module("talib")


def talib_function(fn: str) -> TalibFunction:
    """Return what TA-Lib tells of the function; raises StrategyError where there is none of this name, or none for bars."""
    return _known(str(fn))


@cache
def _known(fn: str) -> TalibFunction:
    names = talib().get_functions()
    if fn not in names:
        raise StrategyError(f"TA-Lib has no function {fn!r}{did_you_mean(fn, names)}")
    info = talib().abstract.Function(fn).info
    inputs: list[str] = []
    free: list[int] = []
    for series in info["input_names"].values():
        if isinstance(series, str):
            free.append(len(inputs))
        inputs += [series] if isinstance(series, str) else series
    if not set(inputs) <= set(FIELDS):
        raise StrategyError(
            f"{fn} needs a series of {', '.join(set(inputs) - set(FIELDS))}, which bars do not have",
            hint="use MA or one of its kin, with one timeperiod",
        )
    if _STREAMING not in (info["function_flags"] or ()):
        raise StrategyError(f"TA-Lib cannot compute {fn} bar by bar", hint="compute it in a Feature of your own")
    return TalibFunction(
        name=fn,
        inputs=tuple(inputs),
        free=tuple(free),
        params=dict(info["parameters"]),
        outputs=tuple(_short_output(fn, output) for output in info["output_names"]),
        price_scale=_PRICE_SCALE in (info["function_flags"] or ()),
    )


def checked_params(function: TalibFunction, given: dict[str, Any]) -> dict[str, int | float]:
    also = ("name", "source")
    names = [*function.params, *also]
    problems = [f"no parameter {key!r}{did_you_mean(key, names)}" for key in given if key not in function.params]
    params: dict[str, int | float] = {}
    for key, default in function.params.items():
        value = given.get(key, default)
        try:
            if is_matype(key) and isinstance(value, str):
                value = _ma_type(value)
            params[key] = convert(value, type(default))
        except ValueError as error:
            problems.append(f"{key} {error}")
    if problems:
        takes = ", ".join([*(f"{key}={value}" for key, value in function.params.items()), *also])
        raise StrategyError(f"{function.name}: {'; '.join(problems)}", hint=f"{function.name} takes {takes}")
    return params


def checked_source(function: TalibFunction, source: Any) -> tuple[str, ...]:
    default = tuple(function.inputs[place] for place in function.free)
    if source is None:
        return default
    fields = (source,) if isinstance(source, str) else tuple(source) if isinstance(source, tuple | list) else (source,)
    if not default:
        # The default source of every Indicator, said aloud, is no mistake.
        if fields == ("close",):
            return ()
        raise StrategyError(f"{function.name} always reads {', '.join(function.inputs)}; it takes no source")
    if len(fields) != len(default):
        raise StrategyError(f"{function.name} reads {len(default)} series, source gives {len(fields)}: {source!r}")
    for field in fields:
        if field not in FIELDS:
            raise StrategyError(
                f"{function.name}: {field!r} is no field of a bar{did_you_mean(str(field), FIELDS)}",
                hint=f"a source is one of {', '.join(FIELDS)}",
            )
    return fields


def lookback_of(function: TalibFunction, params: dict[str, int | float]) -> int:
    shown = ", ".join(f"{key}={value}" for key, value in params.items())
    refusal = StrategyError(f"TA-Lib refuses {function.name}({shown})", hint="a parameter is outside its range")
    if any(value in _TALIB_DEFAULTS for value in params.values()):
        raise refusal
    try:
        lookback = int(talib().abstract.Function(function.name, **params).lookback)
    except OverflowError:
        raise refusal from None
    if lookback < 0:
        raise refusal
    return lookback


def _short_output(fn: str, output: str) -> str:
    """Return an output's name without what the function's says already: macdsignal of MACD is signal, upperband is upper."""
    for prefix in ("macd", "ha" if fn == "HA" else fn.lower()):
        if output.startswith(prefix) and output != prefix:
            output = output.removeprefix(prefix)
    return output.removesuffix("band")


def is_matype(key: str) -> bool:
    return key.endswith("matype")


def _ma_names() -> dict[str, int]:
    return {key.lower(): value for key, value in vars(type(talib().MA_Type)).items() if isinstance(value, int)}


def _ma_type(name: str) -> int:
    names = _ma_names()
    if name.lower() not in names:
        raise ValueError(f"is {name!r}, which is no moving average{did_you_mean(name, names)}")
    return names[name.lower()]


def ma_name(value: Any) -> str:
    return next((name for name, number in _ma_names().items() if number == value), str(value))
