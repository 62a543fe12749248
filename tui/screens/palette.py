"""The command palette: every action of the registry, every coin, every theme."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.actions import ACTIONS, key_names
from tui.text import clean
from tui.theme import THEMES

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class DeckCommands(Provider):
    """Every action of the registry, every coin and every theme, in the command palette."""

    def _commands(self) -> list[tuple[str, str, Callable[[], Any]]]:
        deck = cast("DeckScreen", self.screen)
        keymap = deck.deck_app.settings.keys
        commands: list[tuple[str, str, Callable[[], Any]]] = [
            (action.title, f"{', '.join(key_names(action, keymap))}: {action.about}", partial(deck.run_action, action.id))
            for action in ACTIONS
            if action.id != "palette"
        ]
        for coin in deck.session.infos:
            commands.append((f"Chart {clean(coin)}", "show this coin on the chart", partial(deck.watch_coin, coin)))
        for theme in THEMES:
            commands.append((f"Theme {theme.name}", "take this theme", partial(setattr, deck.app, "theme", theme.name)))
        return commands

    async def discover(self) -> Hits:
        """Yield every command while nothing has been typed."""
        for title, about, run in self._commands():
            yield DiscoveryHit(Content(title), run, text=title, help=about)

    async def search(self, query: str) -> Hits:
        """Yield the commands that match what has been typed."""
        matcher = self.matcher(query)
        for title, about, run in self._commands():
            # The matcher's own highlighting would read a coin's name as markup.
            score, offsets = matcher.fuzzy_search.match(query, title)
            if score > 0:
                shown = Content(title)
                for offset in offsets:
                    shown = shown.stylize(matcher.match_style, offset, offset + 1)
                yield Hit(score, shown, run, text=title, help=about)
