"""The user's own theme and keys, and the registry of actions behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from tui.actions import ACTIONS, BY_ID, bindings, hints, key_names
from tui.screens.deck import DeckScreen
from tui.settings import Settings, load_settings


def test_every_action_has_a_method_a_key_and_words() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for action in ACTIONS:
        assert callable(getattr(DeckScreen, f"action_{action.id}")), action.id
        assert action.keys
        assert action.title
        assert len(action.about) <= 38, action.id
    assert {binding.id for binding in bindings()} == set(BY_ID)


def test_no_key_does_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))


def test_keys_as_a_person_reads_them() -> None:
    assert key_names(BY_ID["step_ten"], {}) == ["shift+→", "n"]
    assert key_names(BY_ID["faster"], {}) == ["+", "="]
    assert key_names(BY_ID["play"], {"play": "f5"}) == ["f5"]
    assert hints({}) == "space play · → step · ← back · y why · b buy · s sell · ? help · q quit"
    assert hints({"buy": "ctrl+b"}).split(" · ")[4] == "ctrl+b buy"


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "deck.toml") == Settings()


def test_a_file_of_settings(tmp_path: Path) -> None:
    path = tmp_path / "deck.toml"
    path.write_text('theme = "deck-light"\n[keys]\nbuy = "ctrl+b"\nplay = "space,f5"\n')
    assert load_settings(path) == Settings("deck-light", {"buy": "ctrl+b", "play": "space,f5"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme = 1", "theme 1 is none of deck-dark"),
        ('themes = "deck-dark"', "unknown key 'themes'; did you mean 'theme'?"),
        ('[keys]\nbyu = "b"', "keys.byu is no action; did you mean 'buy'?"),
        ("[keys]\nbuy = 1", "keys.buy is not the name of a key"),
        ('[keys]\nbuy = ""', "keys.buy is not the name of a key"),
        ("keys = 1", "keys is not a table"),
        ('[keys]\nbuy = "s"', "key 's' is given to both buy and sell"),
        ("theme = ", "Invalid value"),
    ],
)
def test_mistakes_are_told_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "deck.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert said in caught.value.message
    assert str(path) in caught.value.message


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "deck.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        load_settings(path)
