"""The deck's colours: a dark and a light theme, each also in colours that a colour-blind eye tells apart (blue and orange)."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

DEFAULT_THEME = "deck-dark"

_DARK = {
    "up": "#4fb286",
    "down": "#e0656b",
    "warn": "#e0a84c",
    "live": "#ff4d5e",
    "stale": "#a58bd6",
    "rule": "#2c3540",
    "dim": "#7d8998",
    "faint": "#475362",
    "cursor-row": "#1d2836",
    "line-1": "#e3b95f",
    "line-2": "#5fb8d6",
    "line-3": "#c08adf",
    "line-4": "#8fbf6a",
}
_LIGHT = {
    "up": "#14804f",
    "down": "#c0303a",
    "warn": "#96610a",
    "live": "#d0021b",
    "stale": "#6b4fa0",
    "rule": "#c5ccd4",
    "dim": "#5d6875",
    "faint": "#9aa4af",
    "cursor-row": "#dde6f0",
    "line-1": "#9a6b00",
    "line-2": "#0b6e99",
    "line-3": "#8034a8",
    "line-4": "#4b7a12",
}
# Textual's own inputs and buttons take the block cursor's and the borders' colours from these.
_WIDGETS = {"border": "$rule", "border-blurred": "$rule"}


def _theme(name: str, dark: bool, up: str | None = None, down: str | None = None) -> Theme:
    variables = dict(_DARK if dark else _LIGHT)
    if up and down:
        variables |= {"up": up, "down": down}
    return Theme(
        name=name,
        dark=dark,
        primary="#5c9fe0" if dark else "#1f6fb5",
        secondary="#3a6ea5" if dark else "#4c86b8",
        accent="#7cb7f0" if dark else "#1765a8",
        foreground="#d3dae3" if dark else "#1d252e",
        background="#0f141a" if dark else "#f7f8fa",
        surface="#161d26" if dark else "#eceff3",
        panel="#1b2430" if dark else "#e2e7ed",
        success=variables["up"],
        warning=variables["warn"],
        error=variables["down"],
        variables=variables,
    )


THEMES = (
    _theme("deck-dark", dark=True),
    _theme("deck-light", dark=False),
    _theme("deck-dark-blue-orange", dark=True, up="#4f9bf0", down="#ef9440"),
    _theme("deck-light-blue-orange", dark=False, up="#1a5fb4", down="#b85400"),
)

VARIABLES = {**_DARK, **_WIDGETS}
"""What a theme without the deck's own variables falls back to."""

_COLOURS = ("dim", "faint", "up", "down", "warn", "live", "stale", "accent", "rule", "line-1", "line-2", "line-3", "line-4")
_BADGES = {
    "badge": "accent",
    **{f"badge-{name}": name for name in ("up", "down", "warn", "live", "stale")},
    **{"mode-replay": "accent", "mode-paper": "accent", "mode-rehearsal": "line-2", "mode-testnet": "line-3"},
    **{"mode-demo": "line-1", "mode-live": "live"},
}


def looks(variables: Mapping[str, str]) -> dict[str, Style]:
    """Return what the words for styles in `Lines` look like, given a theme's variables; they add up from left to right."""
    background = Color.parse(variables["background"])
    colours = {name: Color.parse(variables[name]) for name in _COLOURS}
    made = {name: Style(color=colour.rich_color) for name, colour in colours.items()}
    for name, of in _BADGES.items():
        made[name] = Style(color=background.rich_color, bgcolor=colours[of].rich_color, bold=True)
    made["quiet"] = Style(color=colours["warn"].rich_color, bgcolor=Color.parse(variables["surface"]).rich_color)
    made["tag"] = Style(color=background.rich_color, bgcolor=colours["dim"].rich_color)
    for name in ("up", "down"):
        made[f"volume-{name}"] = Style(color=background.blend(colours[name], 0.5).rich_color)
    made["strong"] = Style(bold=True)
    made["row"] = Style(bgcolor=Color.parse(variables["surface"]).rich_color)
    made["row-focus"] = Style(bgcolor=Color.parse(variables["cursor-row"]).rich_color)
    return made
