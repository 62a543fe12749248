"""Faults of a rehearsal: what goes wrong on purpose, as a scenario says; the event log tells what really happened."""

from engine.rehearsal.faults.faults import Faults
from engine.rehearsal.faults.scenario import FrameFault, Happening, RequestFault, Scenario, load_scenario

__all__ = ["Faults", "FrameFault", "Happening", "RequestFault", "Scenario", "load_scenario"]
