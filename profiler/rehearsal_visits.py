"""Visits of rehearsals: what each rehearsal took, as if both of its units had had their median speed all along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from android_harness.bundles.wakeups import measured_wakeups
from android_harness.protocol.journal import CollabDone
from collab.schedule import build_schedule
from lut.prediction.replay import Floats
from lut.statistics import summarise
from profiler.drift import FEWEST_VISITS, SpeedLine, speed_line
from profiler.job_ids import RehearsalId
from profiler.plan import Plan
from profiler.samples import SampleStore
from profiler.terms import Observed

_POLISHES: Final = 4


def observed_rehearsals(store: SampleStore, plan: Plan, one: str, other: str, lines: Mapping[str, SpeedLine]) -> list[Observed]:
    """Returns the rehearsals that two units ran; spells in which either, or both together, were slow are taken out."""
    by_name, visits = plan.rehearsals_by_name, {}
    for job in store.jobs:
        if isinstance(job, RehearsalId) and (job.one, job.other) == (one, other) and job.rehearsal in by_name:
            samples = store.measured(job)
            if samples is not None:
                visits[job.rehearsal] = _Visits.of(samples.collabs, lines)
    together = _speed_together(list(visits.values()))
    return [
        Observed(build_schedule(by_name[name].config, by_name[name].on(one, other)), *took.at_speed(together))
        for name, took in sorted(visits.items())
    ]


@dataclass(frozen=True)
class _Visits:
    """The visits of a rehearsal, with how slow each unit was by itself at each of them."""

    visits: tuple[CollabDone, ...]
    slowness: Mapping[str, Floats]

    @classmethod
    def of(cls, visits: Sequence[CollabDone], lines: Mapping[str, SpeedLine]) -> _Visits:
        """Returns those that have the same steps as the first."""
        alike = tuple(visit for visit in visits if visit.steps == visits[0].steps)
        units = sorted({label.unit for label in alike[0].steps})
        ones = np.ones(len(alike))
        return cls(alike, {unit: lines[unit].at([visit.t_ns for visit in alike]) if unit in lines else ones for unit in units})

    @property
    def at_ns(self) -> list[int]:
        return [visit.t_ns for visit in self.visits]

    @property
    def mean_slowness(self) -> Floats:
        found: Floats = np.mean(list(self.slowness.values()), axis=0) if self.slowness else np.ones(len(self.visits))
        return found

    @property
    def total_ns(self) -> Floats:
        """(visits,): what each took in its median run."""
        return np.array([float(np.median(visit.total_ns)) for visit in self.visits]) / self.mean_slowness

    def at_speed(
        self, together: SpeedLine | None
    ) -> tuple[float, dict[tuple[str, str, str, str], float], Mapping[tuple[str, str, str], float]]:
        """Returns what the rehearsal took: in all, each step of it, and each wake-up."""
        both = np.ones(len(self.visits)) if together is None else together.at(self.at_ns)
        steps_us = {
            (label.unit, label.segment, label.step, label.peer): summarise(
                (np.subtract(visit.end_ns[index], visit.begin_ns[index]) / slow).tolist()
                for visit, slow in zip(self.visits, (both * self.slowness[label.unit]).tolist(), strict=True)
            ).median_us
            for index, label in enumerate(self.visits[0].steps)
        }
        slowness = (both * self.mean_slowness).tolist()
        total_us = summarise(np.divide(visit.total_ns, slow).tolist() for visit, slow in zip(self.visits, slowness, strict=True)).median_us
        return total_us, steps_us, measured_wakeups(self.visits)


def _speed_together(rehearsals: Sequence[_Visits]) -> SpeedLine | None:
    """Returns how slow two units were together over time, as all of their rehearsals tell it; None of too few visits.

    There are spells of seconds in which runs of two units take a fifth longer and either by itself takes as long as ever (two virtual cores
    of an AMD EPYC). What a rehearsal usually takes and how slow the units were are found by turns (median polish; Tukey, Exploratory Data
    Analysis, 1977): some have most of their visits in spells.
    """
    at_ns = [at for rehearsal in rehearsals for at in rehearsal.at_ns]
    if len(at_ns) < FEWEST_VISITS:
        return None
    order = np.argsort(at_ns, kind="stable")
    ordered_ns = np.array(at_ns)[order].tolist()
    line = None
    for _ in range(_POLISHES):
        usual_ns = [float(np.median(r.total_ns / (1.0 if line is None else line.at(r.at_ns)))) for r in rehearsals]
        relative = np.concatenate([r.total_ns / usual for r, usual in zip(rehearsals, usual_ns, strict=True)])
        line = speed_line(ordered_ns, relative[order].tolist())
    return line
