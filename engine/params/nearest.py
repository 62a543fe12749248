"""The nearest of the names there are, for a hint beside a name there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` with the known name nearest to `word`, or an empty text where none is near."""
    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), names, n=3, cutoff=0.6)
    if not near:
        return ""
    return f" (did you mean {names[min(near, key=lambda name: _edits(word.casefold(), name))]!r}?)"


def _edits(one: str, other: str) -> int:
    """Return how many letters to add, drop, change or swap with their neighbour lie between two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                row[j] = min(row[j], earlier[j - 2] + 1)
    return row[-1]
