"""Downloading: the exchange's public archive into a recording, whole files or none."""

from engine.recordings.download.archive import DEFAULT_URL
from engine.recordings.download.downloading import Absent, Downloaded, download
from engine.recordings.download.fetching import Progress
from engine.recordings.download.manners import Manners

__all__ = ["DEFAULT_URL", "Absent", "Downloaded", "Manners", "Progress", "download"]
