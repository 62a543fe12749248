"""Capture: what is received live, on disk within a second, and made part of a recording afterwards."""

from engine.recordings.capture.repair import Repaired, repair
from engine.recordings.capture.sealing import Sealed, seal
from engine.recordings.capture.writer import CaptureWriter, Metrics

__all__ = ["CaptureWriter", "Metrics", "Repaired", "Sealed", "repair", "seal"]
