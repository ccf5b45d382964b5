"""Drift: a device's speed changes while it is measured; sentinels tell, and samples are brought to the speed of the whole campaign.

Each unit's sentinel is visited every so often. Its visits' medians, smoothed over their neighbours (a single visit may have met a slow
spell that is over by the next), against the median of all of them say how slow the unit was at any moment; what was measured then is
divided by that. Jobs that were settled early and jobs that needed all rounds thereby count as if measured at the same speed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from android_harness.protocol.journal import CollabDone, TimeDone
from lut.entries import Timed
from lut.statistics import NS_PER_US, Z95, standard_error
from profiler.job_ids import BlockId, CallId, JobId, NetworkId, SentinelId
from profiler.samples import MOST_NS, JobSamples, SampleStore

_NEIGHBOURS: Final = 15
"""On either side: many more than a slow spell of some ten milliseconds has visits, few against what drifts within minutes."""
FEWEST_VISITS: Final = 2 * _NEIGHBOURS + 1
"""Fewer tell no drift from noise."""
_LEAST_ERROR: Final = 1e-3
_UNKNOWN: Final = 1.0
"""The error of what one visit alone told, as a fraction: it may be anything, and counts next to nothing beside another sentinel."""


@dataclass(frozen=True)
class SpeedLine:
    """The slowness of a unit over time, against what is usual: at `t_ns` (ascending) `slowness`, linear in between."""

    t_ns: npt.NDArray[np.float64]
    slowness: npt.NDArray[np.float64]

    def at(self, t_ns: Sequence[int]) -> npt.NDArray[np.float64]:
        """Returns the slowness at each of several moments."""
        return np.interp(np.asarray(t_ns, dtype=np.float64), self.t_ns, self.slowness)

    def around(self, t_ns: Sequence[int]) -> float:
        """Returns the median slowness over several moments."""
        return float(np.median(self.at(t_ns)))

    @property
    def spread(self) -> float:
        """Returns how far the slowest and the fastest spell are apart, 5th to 95th percentile, as a fraction."""
        low, high = np.percentile(self.slowness, [5, 95])
        return float(high / low - 1)


@dataclass(frozen=True)
class Pace:
    """The slowness of a unit against what is usual, as one sentinel tells it, and its standard error as a fraction."""

    slowness: float
    error: float


def agreed(paces: Iterable[Pace]) -> float:
    """Returns the slowness that several sentinels tell together; 1 where that is not proven, and of none.

    The mean of their logarithms, each weighted by the inverse square of its error (inverse-variance weighting). A correction by what is
    within its own error makes predictions worse as often as better.
    """
    weights = [(pace, max(pace.error, _LEAST_ERROR) ** -2) for pace in paces]
    if not weights:
        return 1.0
    total = sum(weight for _, weight in weights)
    found = sum(weight * math.log(pace.slowness) for pace, weight in weights) / total
    return math.exp(found) if abs(found) > Z95 / math.sqrt(total) else 1.0


def pace(visited_ns: Sequence[int], took_us: Sequence[float], usual: Timed, at_ns: Sequence[int], *, misses: float = 0.0) -> Pace:
    """Returns the slowness of a unit at several moments (their median), from what a sentinel took at each of at least one visit.

    Args:
        usual: what it took while the tables were made.
        misses: by what fraction the sentinel's pace and a model's differ besides.
    """
    line = speed_line(visited_ns, took_us, usual_us=usual.median_us)
    now = _relative(standard_error(took_us), statistics.median(took_us))
    return Pace(line.around(at_ns), math.hypot(_relative(usual.se_us, usual.median_us), now, misses))


def _relative(error_us: float | None, median_us: float) -> float:
    """Returns a standard error as a fraction of its median; `_UNKNOWN` of a single visit."""
    return error_us / median_us if error_us is not None else _UNKNOWN


def speed_line(t_ns: Sequence[int], took_us: Sequence[float], *, usual_us: float | None = None) -> SpeedLine:
    """Returns the slowness over time, from what a sentinel took at each of at least one visit.

    A running median over `_NEIGHBOURS` visits on either side, against what the sentinel usually takes (None: the median of the smoothed
    visits).
    """
    if any(later < earlier for earlier, later in pairwise(t_ns)):  # a device's clock was set back
        order = sorted(range(len(t_ns)), key=t_ns.__getitem__)
        t_ns, took_us = [t_ns[at] for at in order], [took_us[at] for at in order]
    neighbours = min(_NEIGHBOURS, (len(t_ns) - 1) // 2)
    padded = np.pad(np.asarray(took_us, dtype=np.float64), neighbours, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * neighbours + 1), axis=1)
    return SpeedLine(np.asarray(t_ns, dtype=np.float64), smooth / (float(np.median(smooth)) if usual_us is None else usual_us))


def sentinel_us(visits: Iterable[TimeDone]) -> list[float]:
    """Returns the median run (microseconds) of a sentinel block at each of its visits."""
    return [statistics.median(visit.samples["run"]) / NS_PER_US for visit in visits]


def speed_lines(store: SampleStore, units: Iterable[str]) -> dict[str, SpeedLine]:
    """Returns the slowness over time of all units whose sentinel was visited often enough to tell drift from noise."""
    lines: dict[str, SpeedLine] = {}
    for unit in units:
        samples = store.measured(SentinelId(unit))
        if samples is not None and len(samples.times) >= FEWEST_VISITS:
            lines[unit] = speed_line([visit.t_ns for visit in samples.times], sentinel_us(samples.times))
    return lines


def steadied(store: SampleStore, lines: Mapping[str, SpeedLine]) -> SampleStore:
    """Returns a store whose samples of blocks, calls and networks are as if their units had had their median speed all along."""
    return store.with_jobs({job: without_drift(samples, lines.get(_corrected_unit(job))) for job, samples in store.jobs.items()})


def _corrected_unit(job: JobId) -> str:
    """Returns the unit whose drift is in a job's samples; empty for other jobs.

    Sentinels tell it, hand-overs have two units, and loaded networks are held against a visit of their own round.
    """
    return job.unit if isinstance(job, (CallId, BlockId, NetworkId)) else ""


def without_drift(samples: JobSamples, line: SpeedLine | None) -> JobSamples:
    """Returns the same samples as if the unit had had its median speed all along; unchanged without a line."""
    if line is None:
        return samples
    return JobSamples(
        times=samples.times,
        transfers=samples.transfers,
        collabs=_divided(samples.collabs, line),
        failure=samples.failure,
        slowness=line.at([visit.t_ns for visit in samples.times]),
        phases=samples.phases,
    )


def _divided(visits: Sequence[CollabDone], line: SpeedLine) -> list[CollabDone]:
    """Returns visits of a network with all times divided by the slowness of their moment."""
    factors = 1 / line.at([visit.t_ns for visit in visits])
    return [_stretched(visit, factor) for visit, factor in zip(visits, factors.tolist(), strict=True)]


def _stretched(visit: CollabDone, factor: float) -> CollabDone:
    return msgspec.structs.replace(
        visit,
        begin_ns=tuple(_scaled(values, factor) for values in visit.begin_ns),
        end_ns=tuple(_scaled(values, factor) for values in visit.end_ns),
        total_ns=_scaled(visit.total_ns, factor),
    )


def _scaled(values: Sequence[int], factor: float) -> tuple[int, ...]:
    """Returns times (nanoseconds) multiplied. A step has a handful of samples in a visit, for which numpy takes longer."""
    return tuple([min(max(round(value * factor), 1), MOST_NS) if value else 0 for value in values])
