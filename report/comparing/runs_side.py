"""Two runs of models: what `profiler.verify` and `android_harness.deploy` leave in their journals.

A journal is added to, so it may hold several starts of the runner. Those count that ran what the newest one ran: the same steps, with the
same output. Visits of one start share where its memory lies, and starts are therefore the unit where there are several on both sides. If
they were made by turns (A, B, A, B ... or A, B, B, A ...), each turn is compared by itself, so what slows the device for a while does not
count. Of a single start, visits are the unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from android_harness.protocol.journal import CollabDone, Event, PhaseStarted, read_journal
from android_harness.protocol.visit_groups import counting_events
from collab.errors import JournalError
from collab.wording.commands import command_named
from lut.statistics import NS_PER_US, summarise
from profiler.job_ids import TrialId, is_sentinel, parse_job_id
from profiler.provenance import UNKNOWN, Provenance, differences
from report.comparing.comparison import RUNS, Comparison
from report.comparing.effects import Cost, Effect, Pair, judged, whole_of, wholes_by_unit

FEWEST_STARTS: Final = 3
"""Smallest number of starts on each side that are compared start by start; with fewer, visits are compared instead."""
END_TO_END: Final = "end to end"

_Step: TypeAlias = tuple[str, str, str, str]


@dataclass
class Start:
    """Visits of models in one start of the runner, which began at `unix_ns`."""

    unix_ns: int
    provenance: Provenance
    visits: list[CollabDone] = field(default_factory=list)

    @property
    def runs(self) -> tuple[object, ...]:
        """Returns what tells whether two starts ran the same model: its steps, and the output that it gives for the reference's input."""
        newest = self.visits[-1]
        return tuple(newest.steps), newest.output_hash


@dataclass(frozen=True)
class Run:
    """A model's starts, the oldest first; `left_out` counts those in the journal that ran something else."""

    path: Path
    starts: tuple[Start, ...]
    left_out: int

    @property
    def visits(self) -> list[CollabDone]:
        return [visit for start in self.starts for visit in start.visits]


def read_starts(journal: Path) -> list[Start]:
    """Reads the visits that count of all models in a journal, in their starts; sentinels are left out.

    Raises:
        JournalError: the journal cannot be read, or a line of it is damaged.
    """
    starts: list[Start] = []
    for event in counting_events(read_journal(journal)):
        _add(event, starts)
    return [start for start in starts if start.visits]


def _add(event: Event, starts: list[Start]) -> None:
    if isinstance(event, PhaseStarted):
        starts.append(Start(event.unix_ns, Provenance.of(event)))
    elif isinstance(event, CollabDone) and not is_sentinel(event.job):
        if not starts:
            starts.append(Start(0, UNKNOWN))
        starts[-1].visits.append(event)


def read_run(journal: Path) -> Run:
    """Reads the run of one model.

    Raises:
        JournalError: the journal cannot be read, is damaged, holds no run, or holds runs of several models at once.
    """
    starts = read_starts(journal)
    if not starts:
        raise JournalError(f"{journal} holds no run of a model; {command_named('verify')} and {command_named('deploy')} leave one")
    newest = starts[-1]
    trials = {job.number if isinstance(job := parse_job_id(visit.job), TrialId) else visit.job for visit in newest.visits}
    if len(trials) > 1:
        raise JournalError(
            f"{journal} holds {len(trials)} models that were run in turn, and not their names; to compare certificates, name the"
            " certificate.json beside it"
        )
    same = tuple(start for start in starts if start.runs == newest.runs)
    return Run(journal, same, len(starts) - len(same))


def compare_runs(first: Run, second: Run, *, margin: float) -> Comparison:
    """Compares two runs: their latency from end to end as the whole, and the steps that both have as rows."""
    pairing = _pairing(first, second)
    pairs = list(_pairs(first, second, paired=pairing == _BY_TURNS, by_start=pairing != _BY_VISIT))
    [whole] = judged([pair for pair in pairs if pair.what == END_TO_END], margin)
    rows = judged([pair for pair in pairs if pair.what != END_TO_END], margin)
    ours, theirs = (set(_steps(run.starts[-1].visits[-1])) for run in (first, second))
    return Comparison(
        kind=RUNS,
        margin=margin,
        whole=whole_of([whole], what=END_TO_END),
        wholes=tuple(wholes_by_unit(rows)),
        rows=(whole, *rows),
        differences=differences(first.starts[-1].provenance, second.starts[-1].provenance),
        notes=(_counted(first, second, pairing), *_left_out(first), *_left_out(second)),
        only_first=len(ours - theirs),
        only_second=len(theirs - ours),
    )


_BY_TURNS: Final = "by turns"
_BY_START: Final = "by start"
_BY_VISIT: Final = "by visit"


def _pairing(first: Run, second: Run) -> str:
    ours, theirs = ([start.unix_ns for start in run.starts] for run in (first, second))
    if min(len(ours), len(theirs)) < FEWEST_STARTS:
        return _BY_VISIT
    if len(ours) == len(theirs) and set(ours).isdisjoint(theirs):
        turns = list(zip(ours, theirs, strict=True))
        if all(max(turn) < min(after) for turn, after in pairwise(turns)):
            return _BY_TURNS
    return _BY_START


def _counted(first: Run, second: Run, pairing: str) -> str:
    if pairing == _BY_TURNS:
        return f"Measured by turns: {len(first.starts)} pairs of starts, each compared by itself"
    if pairing == _BY_START:
        return f"Starts are the unit: {len(first.starts)} and {len(second.starts)}, not made by turns"
    counts = [len(run.visits) for run in (first, second)]
    return (
        f"Visits are the unit: {counts[0]} and {counts[1]}. Measured one after the other, whatever changed on the device in between"
        " counts, too; by turns it would not"
    )


def _left_out(run: Run) -> Iterator[str]:
    if run.left_out:
        yield f"{run.path}: {run.left_out} earlier starts ran another model and do not count"


def _pairs(first: Run, second: Run, *, paired: bool, by_start: bool) -> Iterator[Pair]:
    totals = [_values(run, [_total_us(visit) for visit in run.visits], by_start) for run in (first, second)]
    yield _pair(END_TO_END, "", "the model", *totals, paired=paired)
    ours, theirs = (_step_times(run) for run in (first, second))
    for step, times in ours.items():
        if step in theirs:
            unit, segment, kind, peer = step
            name = f"{segment} {kind} {peer}".rstrip()
            values = [_values(run, found, by_start) for run, found in ((first, times), (second, theirs[step]))]
            if all(value > 0 for side in values for value in side):
                yield _pair("step", unit, name, *values, paired=paired)


def _pair(what: str, unit: str, name: str, first_us: Sequence[float], second_us: Sequence[float], *, paired: bool) -> Pair:
    first, second = _cost(first_us), _cost(second_us)
    if paired:
        return Pair(what, unit, name, first, second, Effect.of_pairs(first_us, second_us))
    return Pair.of(what, unit, name, first, second)


def _cost(values_us: Sequence[float]) -> Cost:
    found = summarise([value * NS_PER_US] for value in values_us)
    return Cost(found.median_us, found.se_us, found.visits)


def _values(run: Run, visits_us: Sequence[float], by_start: bool) -> list[float]:
    """Returns one value for each start, the median of its visits, or the visits' own."""
    if not by_start:
        return list(visits_us)
    values, at = [], 0
    for start in run.starts:
        values.append(float(np.median(visits_us[at : at + len(start.visits)])))
        at += len(start.visits)
    return values


def _total_us(visit: CollabDone) -> float:
    return float(np.median(visit.total_ns)) / NS_PER_US


def _steps(visit: CollabDone) -> list[_Step]:
    """Returns the steps in which something is done; waiting is not."""
    return [(label.unit, label.segment, label.step, label.peer) for label in visit.steps if label.step != "wait"]


def _step_times(run: Run) -> Mapping[_Step, list[float]]:
    """Returns for each step the median of each visit, in microseconds."""
    found: dict[_Step, list[float]] = {}
    for visit in run.visits:
        for label, begin_ns, end_ns in zip(visit.steps, visit.begin_ns, visit.end_ns, strict=True):
            if label.step != "wait":
                step = (label.unit, label.segment, label.step, label.peer)
                found.setdefault(step, []).append(float(np.median(np.subtract(end_ns, begin_ns))) / NS_PER_US)
    return found
