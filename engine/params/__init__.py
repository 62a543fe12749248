"""Parameters of strategies and features: declared as annotations, validated, set, and read from typed text."""

from engine.params.declared import Param, bind, mistakes, parameters, place_of, taken, validate, values_of
from engine.params.nearest import did_you_mean
from engine.params.values import coerce_text, convert, type_name

__all__ = [
    "Param",
    "bind",
    "coerce_text",
    "convert",
    "did_you_mean",
    "mistakes",
    "parameters",
    "place_of",
    "taken",
    "type_name",
    "validate",
    "values_of",
]
