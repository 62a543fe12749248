"""The language of conditions: read by Python's own parser, and let through word by word; nothing of it is ever run.

`rsi < 30 and position == 0`, `cross(fast, slow)`, `BTCUSDT.close > 1.02 * ago(BTCUSDT.close, 60)`, `signal('buy')`,
`drawdown > 0.05`, `every(100)`. What names no coin is of any coin, all of it of the same.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Sequence
from typing import NoReturn

from engine.breakpoints.nodes import Ago, Arithmetic, Comparison, Constant, Cross, Event, Logic, Number, Read, Truth, leaves
from engine.breakpoints.words import COIN_EVENTS, CROSSES, FUNCTIONS, OF_THE_ACCOUNT, TIME_EVENTS, Names
from engine.errors import BreakpointError
from engine.params import did_you_mean

LONGEST = 500
DEEPEST = 40
FARTHEST = 100_000
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse(text: str, names: Names) -> Truth:
    """Return a condition as a tree. Raises BreakpointError, which names the column and, for a word, the nearest there is."""
    return _Reader(text, names).condition()


class _Reader:
    def __init__(self, text: str, names: Names) -> None:
        self.text = text
        self.names = names
        self.columns = names.of_a_coin()

    def condition(self) -> Truth:
        text = self.text
        if not text.strip():
            raise BreakpointError("a condition is empty", hint="write one, such as rsi < 30", column=1)
        if len(text) > LONGEST:
            raise BreakpointError(f"a condition has at most {LONGEST} characters, this one {len(text)}", column=LONGEST + 1)
        if not text.isprintable():
            at = next(n for n, letter in enumerate(text) if not letter.isprintable())
            self.refuse(at, "a character that cannot be printed stands here")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what Python thinks of the text as a program
                tree = ast.parse(text.lstrip(), mode="eval").body
        except SyntaxError as error:
            # at its end Python has no place for it
            at = len(text) - len(text.lstrip()) + error.offset - 1 if error.offset else len(text.rstrip())
            self.refuse(min(at, len(text)), f"this cannot be read: {error.msg}")
        except (ValueError, MemoryError, RecursionError) as error:
            self.refuse(0, f"this cannot be read: {str(error) or 'it is nested too deep'}")
        return self.truth(tree, 0)

    def refuse(self, at: int | ast.expr, what: str, hint: str = "") -> NoReturn:
        """Raise the error of a place: a node, or how many characters are before it."""
        if isinstance(at, ast.expr):
            stripped = self.text.lstrip()
            before = stripped.encode()[: at.col_offset].decode(errors="replace") if at.lineno == 1 else stripped
            at = len(self.text) - len(stripped) + len(before)
        raise BreakpointError(f"column {at + 1}: {what}", hint=hint, column=at + 1)

    def deeper(self, node: ast.expr, depth: int) -> int:
        if depth >= DEEPEST:
            self.refuse(node, f"this is nested more than {DEEPEST} deep")
        return depth + 1

    # truths

    def truth(self, node: ast.expr, depth: int) -> Truth:
        depth = self.deeper(node, depth)
        match node:
            case ast.BoolOp(op=op, values=values):
                return Logic("and" if isinstance(op, ast.And) else "or", tuple(self.truth(its, depth) for its in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Logic("not", (self.truth(operand, depth),))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self.comparison(node, left, ops, comparators, depth)
            case ast.Call(func=func):
                coin, name = self.path(func)
                if coin == "" and name in CROSSES:
                    return self.cross(node, name, depth)
                if name in COIN_EVENTS or (coin == "" and name in TIME_EVENTS):
                    return self.event(node, coin, name, node.args)
                if name in self.columns or name in OF_THE_ACCOUNT or name in FUNCTIONS:
                    self.number_here(node, name)
                self.unknown(func, name)
            case ast.Name() | ast.Attribute():
                coin, name = self.path(node)
                if name in COIN_EVENTS:
                    return self.event(node, coin, name, [])
                if name in TIME_EVENTS or name in CROSSES or name in FUNCTIONS:
                    self.refuse(node, f"{name} needs to be told of what", hint=_help(name))
                if name in self.columns or name in OF_THE_ACCOUNT:
                    self.number_here(node, name)
                self.unknown(node, name)
            case ast.Constant(value=int() | float()) | ast.BinOp() | ast.UnaryOp():
                self.number_here(node, "this")
            case _:
                self.refuse(node, f"{_kind(node)} is no condition", hint="compare numbers, or name an event: rsi < 30, filled")

    def number_here(self, node: ast.expr, name: str) -> NoReturn:
        shown = name if name != "this" else "rsi"
        self.refuse(node, f"{name} is a number, and a condition is true or false", hint=f"compare it: {shown} > 0")

    def comparison(
        self, node: ast.expr, left: ast.expr, ops: Sequence[ast.cmpop], comparators: Sequence[ast.expr], depth: int
    ) -> Truth:
        numbers = [self.number(its, depth) for its in (left, *comparators)]
        links: list[Truth] = []
        for op, one, other, place in zip(ops, numbers, numbers[1:], comparators, strict=False):
            if type(op) not in _COMPARISONS:
                self.refuse(place, "numbers are compared by < <= > >= == !=")
            links.append(Comparison(_COMPARISONS[type(op)], one, other))
        return links[0] if len(links) == 1 else Logic("and", tuple(links))

    def cross(self, node: ast.Call, name: str, depth: int) -> Truth:
        left, right = (self.number(its, depth) for its in self.arguments(node, name, 2))
        self.looks_back(node, name, left, right)
        return Cross(left, right, name != "crosses_below", name != "crosses_above")

    def event(self, node: ast.expr, coin: str, name: str, given: Sequence[ast.expr]) -> Truth:
        if isinstance(node, ast.Call) and node.keywords:
            self.refuse(node, f"{name} takes its arguments without names")
        if name in COIN_EVENTS:
            choices = COIN_EVENTS[name][1]
            if not given:
                return Event(name, coin)
            what = self.word(given[0], name)
            if len(given) > 1 or what not in choices:
                takes = " or ".join(f"{name}({its!r})" for its in choices)
                told = f"{name} takes no {what!r}{did_you_mean(what, choices)}"
                self.refuse(given[-1], told, hint=f"write {name}{', or ' if takes else ''}{takes}")
            return Event(name, coin, what)
        assert isinstance(node, ast.Call), "a word of time alone was refused"
        argument = self.arguments(node, name, 1)[0]
        if name == "every":
            return Event(name, "", self.whole(argument, "every", 1), general=True)
        at = _TIME.fullmatch(self.word(argument, name))
        if at is None:
            self.refuse(argument, "a time of day is written as '14:30'")
        return Event(name, "", 60 * int(at[1]) + int(at[2]), general=True)

    # numbers

    def number(self, node: ast.expr, depth: int) -> Number:
        depth = self.deeper(node, depth)
        match node:
            case ast.Constant(value=bool() | None):
                self.refuse(node, f"{_kind(node)} is no number")
            case ast.Constant(value=int() | float() as value):
                return Constant(self.finite(node, value))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Arithmetic("-", (Constant(0.0), self.number(operand, depth)))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.number(operand, depth)
            case ast.BinOp(left=left, op=op, right=right):
                if type(op) not in _ARITHMETIC:
                    self.refuse(right, "numbers are joined by + - * / %")
                return Arithmetic(_ARITHMETIC[type(op)], (self.number(left, depth), self.number(right, depth)))
            case ast.Call(func=func):
                return self.function(node, func, depth)
            case ast.Name() | ast.Attribute():
                return self.read(node)
            case _:
                self.refuse(node, f"{_kind(node)} is no number")

    def function(self, node: ast.Call, func: ast.expr, depth: int) -> Number:
        coin, name = self.path(func)
        if name == "feature":
            label = self.word(self.arguments(node, name, 1)[0], name)
            if label not in self.names.labels:
                self.refuse(node.args[0], f"there is no feature {label!r}{did_you_mean(label, self.names.labels)}")
            return Read(label, coin)
        if coin == "" and name == "ago":
            number, bars = self.arguments(node, name, 2)
            made = self.number(number, depth)
            self.looks_back(node, name, made)
            return Ago(made, self.whole(bars, "ago", 0))
        if coin == "" and name in FUNCTIONS:
            count = len(node.args)
            if node.keywords or (count != 1 if name == "abs" else count < 2):
                self.refuse(node, f"{name} takes {'one number' if name == 'abs' else 'two numbers or more'}")
            return Arithmetic(name, tuple(self.number(its, depth) for its in node.args))
        if name in CROSSES or name in COIN_EVENTS or name in TIME_EVENTS:
            self.refuse(node, f"{name} is true or false, and this has to be a number")
        if name in self.columns or name in OF_THE_ACCOUNT:
            self.refuse(node, f"{name} is a number and takes no arguments", hint=f"write {name}, or ago({name}, 1)")
        self.unknown(func, name)

    def read(self, node: ast.expr) -> Number:
        coin, name = self.path(node)
        if name in self.columns:
            return Read(self.columns[name], coin)
        if name in OF_THE_ACCOUNT:
            if coin:
                self.refuse(node, f"{name} is the account's and not a coin's", hint=f"write {name}")
            return Read(name, account=True)
        if name in COIN_EVENTS or name in TIME_EVENTS or name in CROSSES:
            self.refuse(node, f"{name} is true or false, and this has to be a number")
        if name in FUNCTIONS:
            self.refuse(node, f"{name} needs to be told of what", hint=_help(name))
        self.unknown(node, name)

    def looks_back(self, node: ast.expr, name: str, *numbers: Number) -> None:
        if any(its == Read("cash", account=True) for number in numbers for its in leaves(number)):
            self.refuse(node, f"{name} looks back, and past cash is not kept", hint="use equity, or compare cash")

    # parts

    def path(self, node: ast.expr) -> tuple[str, str]:
        """Return the coin, "" where none is named, and the word of a name with points."""
        parts: list[str] = []
        at = node
        while isinstance(at, ast.Attribute):
            parts.append(at.attr)
            at = at.value
        if not isinstance(at, ast.Name):
            self.refuse(node, f"{_kind(at)} cannot stand here")
        parts.append(at.id)
        first, *rest = reversed(parts)
        if first in self.names.coins:
            if not rest:
                self.refuse(node, f"{first} is a coin; say what of it", hint=f"write {first}.price")
            return first, ".".join(rest)
        return "", ".".join((first, *rest))

    def unknown(self, node: ast.expr, name: str) -> NoReturn:
        first = name.partition(".")[0]
        near = did_you_mean(name, self.names.known()) or did_you_mean(first, self.names.coins)
        shown = ", ".join([*self.names.labels, "price", "position", "equity"])
        self.refuse(node, f"there is no {name!r}{near}", hint="" if near else f"there are {shown} and more")

    def arguments(self, node: ast.Call, name: str, count: int) -> list[ast.expr]:
        if node.keywords or len(node.args) != count or any(isinstance(its, ast.Starred) for its in node.args):
            self.refuse(node, f"{name} takes {count} argument{'s' if count > 1 else ''}", hint=_help(name))
        return node.args

    def word(self, node: ast.expr, name: str) -> str:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            self.refuse(node, f"{name} takes a word in quotes here", hint=_help(name))
        return node.value

    def whole(self, node: ast.expr, name: str, least: int) -> int:
        value = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= FARTHEST:
            self.refuse(node, f"{name} takes a whole number from {least} to {FARTHEST} here", hint=_help(name))
        return value

    def finite(self, node: ast.expr, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.refuse(node, "this number is too large")
        return number


def _help(name: str) -> str:
    """Return what a word means, as the words tell it."""
    if name in COIN_EVENTS:
        return COIN_EVENTS[name][0]
    return {**TIME_EVENTS, **CROSSES, **FUNCTIONS}.get(name, "")


def _kind(node: ast.expr) -> str:
    """Return what a node is called by those who write conditions."""
    names: dict[type[ast.expr], str] = {ast.Constant: "a text", ast.List: "a list", ast.Tuple: "a comma", ast.Dict: "a table"}
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return repr(node.value) if not isinstance(node.value, bytes) else "a text"
    return names.get(type(node), "this")
