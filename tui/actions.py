"""Everything a key does on the deck: one registry that feeds bindings, command palette, help and the hints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """Something the deck can do: `id` names the method `action_<id>` of the deck and the key in the user's settings."""

    id: str
    keys: str
    title: str
    about: str
    group: str


ACTIONS: tuple[Action, ...] = (
    Action("play", "space", "Play or pause", "let time run, or stop it", "Time"),
    Action("step", "right,full_stop", "Step a bar", "after a number, so many bars", "Time"),
    Action("step_ten", "shift+right,n", "Step 10 bars", "after a number, so many bars", "Time"),
    Action("step_hundred", "ctrl+right,N", "Step 100 bars", "after a number, so many bars", "Time"),
    Action("back", "left,comma", "Step back a bar", "the whole world; a number: so many", "Time"),
    Action("back_ten", "shift+left,h", "Step back 10 bars", "after a number, so many bars", "Time"),
    Action("back_hundred", "ctrl+left,H", "Step back 100 bars", "after a number, so many bars", "Time"),
    Action("first", "home", "First step", "what was flown stays ahead", "Time"),
    Action("faster", "plus,equals_sign", "Faster", "up to as fast as it goes", "Time"),
    Action("slower", "minus,underscore", "Slower", "down to a bar a second", "Time"),
    Action("end", "end", "Run to the end", "as fast as it goes; space stops", "Time"),
    Action("edge", "E", "Live edge", "as far as this branch was flown", "Time"),
    Action("jump", "slash,colon", "Jump", "to a step, a time, +100 bars or -2h", "Travel"),
    Action("until", "u", "Run to a condition", "such as lost, or close > fast", "Travel"),
    Action("until_back", "U", "Back to a condition", "to where it last came true", "Travel"),
    Action("next_fill", "right_square_bracket", "Next fill", "of the coin on the chart", "Travel"),
    Action("previous_fill", "left_square_bracket", "Previous fill", "of the coin on the chart", "Travel"),
    Action("next_signal", "right_curly_bracket", "Next signal", "of the coin on the chart", "Travel"),
    Action("previous_signal", "left_curly_bracket", "Previous signal", "of the coin on the chart", "Travel"),
    Action("next_trade", "greater_than_sign", "Next trade end", "of the coin on the chart", "Travel"),
    Action("previous_trade", "less_than_sign", "Previous trade end", "of the coin on the chart", "Travel"),
    Action("why", "y", "Why", "the step just done went as it did", "Travel"),
    Action("breakpoints", "B", "Breakpoints", "conditions that time stops at", "Travel"),
    Action("notes", "a", "Notes", "annotate this step; jump to a note", "Travel"),
    Action("parameters", "e", "Parameters", "of the strategy, from here on", "Travel"),
    Action("reload", "R", "Reload the strategy", "its file, flown anew to here", "Travel"),
    Action("branches", "T", "Branches", "switch, rename, remove, compare", "Travel"),
    Action("save", "ctrl+s", "Save the session", "as a file, to be opened again", "Travel"),
    Action("take_up", "L", "Left session", "takes up what was left unsaved", "Travel"),
    Action("buy", "b", "Buy", "opens the order form", "Orders"),
    Action("sell", "s", "Sell", "opens the order form", "Orders"),
    Action("change", "m", "Change the order", "the one pointed at: less, or a price", "Orders"),
    Action("cancel", "c", "Cancel the order", "the one pointed at", "Orders"),
    Action("cancel_all", "C", "Cancel all orders", "asks first", "Orders"),
    Action("arm", "A", "Arm or disarm", "lets real orders out: asks first", "Orders"),
    Action("halt", "K", "Kill switch", "halts, asks how; ctrl+k in fields too", "Orders"),
    Action("up", "up,k", "Up", "in the list that has the keys", "Lists"),
    Action("down", "down,j", "Down", "in the list that has the keys", "Lists"),
    Action("page_up", "pageup", "Page up", "the same by pages", "Lists"),
    Action("page_down", "pagedown", "Page down", "the same by pages", "Lists"),
    Action("choose", "enter", "Choose", "its coin; a fill's step, and its why", "Lists"),
    Action("next_coin", "tab", "Next coin", "goes on the chart", "Lists"),
    Action("previous_coin", "shift+tab", "Previous coin", "goes on the chart", "Lists"),
    Action("watch", "w", "Watchlist", "has the keys; forgets a typed number", "Panels"),
    Action("leave", "escape", "Come back", "from a why to where one was", "Panels"),
    Action("orders", "o", "Open orders", "with how far the market is away", "Panels"),
    Action("fills", "f", "Fills", "exact, newest on top", "Panels"),
    Action("signals", "g", "Signals", "why, and what became of it", "Panels"),
    Action("features", "v", "Features", "of the coin on the chart", "Panels"),
    Action("positions", "p", "Positions", "with balances and account", "Panels"),
    Action("journal", "J", "Journal", "of real orders, newest on top", "Panels"),
    Action("log", "l", "Log", "what the engine and prints say", "Panels"),
    Action("help", "question_mark,f1", "Help", "this list", "Deck"),
    Action("palette", "ctrl+p", "Command palette", "finds any of these by name", "Deck"),
    Action("download", "D", "Download history", "as a recording, and opens it", "Deck"),
    Action("theme", "t", "Next theme", "dark, light, blue and orange", "Deck"),
    Action("switch", "F", "Another mode", "replay, paper or real: asks first", "Deck"),
    Action("restart", "r", "Restart the engine", "gone or stale, where it stood", "Deck"),
    Action("quit", "q,ctrl+q,ctrl+c", "Quit", "ends the engine too; asks if it trades", "Deck"),
)

BY_ID = {action.id: action for action in ACTIONS}
HINTS = (
    ("play", "play"),
    ("step", "step"),
    ("back", "back"),
    ("why", "why"),
    ("buy", "buy"),
    ("sell", "sell"),
    ("arm", "arm"),
    ("halt", "halt"),
    ("help", "help"),
    ("quit", "quit"),
)

_SIGNS = {
    "space": "space",
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "underscore": "_",
    "comma": ",",
    "slash": "/",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "question_mark": "?",
    "pageup": "PgUp",
    "pagedown": "PgDn",
}


def bindings() -> list[Binding]:
    """Return a binding for every action, with its id so that a keymap can move it to other keys."""
    return [Binding(action.keys, action.id, action.title, show=False, tooltip=action.about, id=action.id) for action in ACTIONS]


def key_names(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """Return an action's keys as a person reads them, after what the user's settings make of them."""
    keys = keymap.get(action.id, action.keys)
    return [_key_name(key.strip()) for key in keys.split(",") if key.strip()]


def _key_name(key: str) -> str:
    *modifiers, last = key.split("+") if key != "+" else [key]
    return "+".join([*modifiers, _SIGNS.get(last, last)])


def hints(keymap: Mapping[str, str], *, live: bool = False, trade: bool = False) -> str:
    """Return the few keys that the deck always shows: of those that move time not where prices are `live`, of those that mind
    real orders only where there are some.
    """
    shown = [
        (key_names(BY_ID[name], keymap), word)
        for name, word in HINTS
        if not (live and BY_ID[name].group in ("Time", "Travel")) and (trade or name not in ("arm", "halt"))
    ]
    return " · ".join(f"{keys[0]} {word}" for keys, word in shown if keys)
