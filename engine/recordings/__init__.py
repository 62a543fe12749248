"""Raw data on disk: recordings, importers from other tools' files, verification, and the demo generator."""

from engine.errors import RecordingError
from engine.recordings.bars import Bars, Gap, resample
from engine.recordings.find import Found, destination, find_recording, list_recordings
from engine.recordings.importing import import_files
from engine.recordings.recording import Recording, open_recording
from engine.recordings.store import write_recording
from engine.recordings.summary import Imported, Summary
from engine.recordings.verifying import verify

__all__ = [
    "Bars",
    "Found",
    "Gap",
    "Imported",
    "Recording",
    "RecordingError",
    "Summary",
    "destination",
    "find_recording",
    "import_files",
    "list_recordings",
    "open_recording",
    "resample",
    "verify",
    "write_recording",
]
