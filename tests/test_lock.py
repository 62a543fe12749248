"""requirements.lock pins what pyproject.toml asks for, by hash, and knows no particular package index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
ENTRIES = re.split(r"\n(?=[a-zA-Z])", LOCK)[1:]


def pinned() -> dict[str, Version]:
    found = {}
    for entry in ENTRIES:
        name, version = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", entry).groups()
        found[canonicalize_name(name)] = Version(version)
    return found


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = pinned()
    for asked in [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]:
        requirement = Requirement(asked)
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, asked


def test_every_pin_has_hashes() -> None:
    assert len(ENTRIES) > 40
    assert all("--hash=sha256:" in entry for entry in ENTRIES)


def test_no_index_is_named() -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", LOCK)
