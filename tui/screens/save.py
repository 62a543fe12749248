"""The form that saves a session in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from engine.host.protocol import SaveSession, TravelCommand
from tui.screens.ask import AskScreen
from tui.text import clean


class SaveScreen(AskScreen):
    """Asks for the path; what would be written over is told before."""

    KEYS = "enter saves · escape closes"
    AUTO_FOCUS = "#path"

    def heading(self) -> str:
        """Return the title."""
        return "Save the session"

    def about(self) -> str:
        """Return what is in the file."""
        return "branches, what was done by hand, breakpoints and notes, as readable text\n`tickdeck replay FILE` opens it here"

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield the path."""
        yield "file", Input(self._suggestion(), id="path", max_length=400, placeholder="my-session.toml")

    def _suggestion(self) -> str:
        session = self.deck.session
        if session.travels is not None and session.travels.path:
            return session.travels.path
        names = (session.hello.recording, session.hello.strategy) if session.hello is not None else ("session",)
        return (
            "-".join("".join(c if c.isalnum() or c in "-_" else "-" for c in name).lower() for name in names if name) + ".toml"
        )

    def _file(self) -> Path:
        """Return the file as the engine will name it."""
        file = Path(self.text_of("path")).expanduser()
        return file if file.suffix == ".toml" or not file.name else file.with_name(file.name + ".toml")

    @on(Input.Changed)
    def _changed(self) -> None:
        from engine.config.saved import is_session

        file = self._file()
        travels = self.deck.session.travels
        own = travels is not None and str(file) == travels.path
        there, saved = os.path.exists(file), is_session(file)
        if there and not saved:
            self.say("this is no session: none is saved over it", "$down")
        elif there and not own:
            self.say("this session is there already: enter writes over it", "$warn")
        else:
            self.say(clean(f"in {file.absolute()}", 300), "$dim")

    def command(self, number: int) -> TravelCommand | None:
        """Return the order to save."""
        path = self.text_of("path")
        if not path:
            self.say("name a file, such as my-session.toml")
            return None
        # the engine has the deck's folder, but a path that is whole means the same to both for ever
        return SaveSession(number, str(self._file().absolute()))
