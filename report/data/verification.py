"""Verifications: a model predicted and measured, out of what ``profiler.verify`` prints, or out of its journal alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from android_harness.bundles.steps import MeasuredStep, measured_steps
from android_harness.protocol.journal import CollabDone, read_journal
from android_harness.protocol.visit_groups import counting_events
from collab.documents import Count, DurationUs, Fraction, LatencyUs, SignedFraction, Text, read
from collab.errors import TableError
from collab.wording.commands import command_named
from lut.statistics import summarise
from profiler.job_ids import TrialId, parse_job_id

_MAX_FILE_BYTES: Final = 16 << 20


class Latency(msgspec.Struct, frozen=True):
    """A measured latency over all runs of all visits."""

    median: LatencyUs
    p95: LatencyUs
    mad: DurationUs
    n: Count


class StepFile(msgspec.Struct, frozen=True):
    """A step as measured, and as predicted where it was."""

    unit: Text
    segment: Text
    step: Text
    peer: Text
    measured_us: DurationUs
    measured_begin_us: DurationUs | None = None
    measured_mad_us: DurationUs | None = None
    predicted_us: DurationUs | None = None
    predicted_begin_us: DurationUs | None = None


class VerificationFile(msgspec.Struct, frozen=True):
    """The JSON object of ``profiler.verify``, as far as a report shows it; what else is there is not read."""

    model: Text
    placement: Text
    predicted_us: LatencyUs
    measured_us: Latency
    error: SignedFraction
    error_drift_corrected: SignedFraction
    steps: tuple[StepFile, ...]
    corrected_us: LatencyUs | None = None
    repeatability: Fraction | None = None
    paths: Mapping[Text, Text] = {}
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Verification:
    """A model as it was measured, and as it was predicted then; `said` is None where only a journal tells of it."""

    source: Path
    measured: Latency
    steps: tuple[MeasuredStep, ...]
    paths: Mapping[str, str]
    said: VerificationFile | None = None


def read_verification(path: Path) -> Verification:
    """Reads what ``profiler.verify --json`` printed.

    Raises:
        TableError: it cannot be read, or says something else.
    """
    said = read(
        path, VerificationFile, limit_bytes=_MAX_FILE_BYTES, error=TableError, advice=f"make it again with {command_named('verify')}"
    )
    steps = tuple(
        MeasuredStep(step.unit, step.segment, step.step, step.peer, begin_us, step.measured_us, step.measured_mad_us or 0.0)
        for step, begin_us in zip(said.steps, _begins(said.steps), strict=True)
    )
    return Verification(path, said.measured_us, steps, said.paths, said)


def _begins(steps: Sequence[StepFile]) -> list[float]:
    """Returns when steps begin, in microseconds; where that is not said, when the unit's step before has ended."""
    ends: dict[str, float] = {}
    begins = []
    for step in steps:
        begin_us = step.measured_begin_us if step.measured_begin_us is not None else ends.get(step.unit, 0.0)
        ends[step.unit] = begin_us + step.measured_us
        begins.append(begin_us)
    return begins


def read_verification_journal(path: Path) -> Verification | None:
    """Derives the steps of the first model that a journal of comparisons tells of; None if it tells of none.

    Raises:
        JournalError: it cannot be read, or a line is wrong.
    """
    first: list[CollabDone] = []
    for event in counting_events(read_journal(path)):
        job = parse_job_id(event.job) if isinstance(event, CollabDone) else None
        # Another measurement into the same journal may be of another model.
        if isinstance(event, CollabDone) and isinstance(job, TrialId) and job.number == 0:
            if first and event.steps != first[0].steps:
                first.clear()
            first.append(event)
    if not first:
        return None
    total = summarise(visit.total_ns for visit in first)
    latency = Latency(total.median_us, total.p95_us, total.mad_us, total.n)
    return Verification(path, latency, measured_steps(first), first[0].paths)
