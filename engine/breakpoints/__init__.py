"""Breakpoints: conditions at which a run stops, forwards and backwards: a small language, and how it is evaluated in blocks.

A breakpoint stops at a step where its condition becomes true: it is true there, and either one of the events it names happens
there, or it was not true a step before, were there no events. So a signal at each of two steps stops at both, and `rsi < 30`
stops once for each fall. A comparison with a number that has no value yet is false.
"""

from engine.breakpoints.breakpoint import Breakpoint
from engine.breakpoints.completion import Completions, completions
from engine.breakpoints.language import parse
from engine.breakpoints.words import Names

__all__ = ["Breakpoint", "Completions", "Names", "completions", "parse"]
