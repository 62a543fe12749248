"""Faults: a scenario put to work on an exchange that is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.rehearsal.faults.choice import Choice, Fault
from engine.rehearsal.faults.frames import FrameFaults
from engine.rehearsal.faults.happenings import Happenings
from engine.rehearsal.faults.requests import RequestFaults
from engine.rehearsal.faults.scenario import Scenario
from engine.rehearsal.lines import Lines
from engine.rehearsal.office import Office


class Faults:
    """A scenario at work; what happens at a time happens so long after this was made. Raises ConfigError as Happenings do."""

    def __init__(self, scenario: Scenario, office: Office, lines: Lines) -> None:
        log = office.venue.log
        self._office = office
        self._lines = lines
        self._happenings = Happenings(scenario.happenings, office, lines)
        self._requests = RequestFaults(_choices(scenario.requests, f"{scenario.seed} request"), log)
        self._frames = FrameFaults(_choices(scenario.frames, f"{scenario.seed} frame"), log)
        self._scenario = scenario

    def begin(self) -> None:
        """Let things go wrong."""
        self._office.meddle = self._requests.answer if self._scenario.requests else None
        self._lines.terms.judge = self._frames.judge if self._scenario.frames else None
        self._office.venue.timers.append(self._happenings.on_time)

    def end(self) -> None:
        """Let nothing more go wrong."""
        self._office.meddle = None
        self._lines.terms.judge = None
        self._office.venue.timers.remove(self._happenings.on_time)


def _choices(faults: Iterable[Fault], seed: str) -> Iterator[Choice[Fault]]:
    return (Choice(fault, f"{seed} {n}") for n, fault in enumerate(faults))
