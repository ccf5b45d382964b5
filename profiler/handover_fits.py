"""Hand-overs as a whole: copies as lines over the bytes, and wake-ups as distributions, per direction, path, wait mode and pacing.

Predictions take the measured sizes themselves; the lines say what a hand-over costs beyond them, and how far copies are from being lines at
all (caches have edges). A wake-up does not depend on the size, so all sizes' samples make one distribution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import feature_bytes
from lut.entries import CopyLine, HandoverFit
from lut.statistics import NS_PER_US
from lut.tables import HandoverRow
from profiler.job_ids import HandoverId
from profiler.samples import SampleStore

_Floats: TypeAlias = npt.NDArray[np.float64]
QUANTILES: Final = (5, 25, 50, 75, 95)
_NOISE_US: Final = 0.1
"""Residuals are relative, but times below this are all the same to a clock."""
_MOST_PASSES: Final = 10


def transfer_fits(store: SampleStore, rows: Iterable[HandoverRow]) -> tuple[HandoverFit, ...]:
    """Returns a fit for each way to hand over that could be measured, in order of their names."""
    wakeups = _wakeups_us(store)
    by_way: dict[tuple[str, str, str, str, str], list[HandoverRow]] = defaultdict(list)
    for row in rows:
        if row.status == "ok":
            by_way[row.from_unit, row.to_unit, row.path, row.wait, row.pacing].append(row)
    return tuple(
        HandoverFit(
            *key,
            read=_line(found, [row.read_us or 0.0 for row in found]),
            write=_line(found, [row.write_us or 0.0 for row in found]),
            wakeup_us=_quantiles(wakeups[key]),
            n=len(wakeups[key]),
        )
        for key, found in sorted(by_way.items())
        if wakeups[key]
    )


def _line(rows: Sequence[HandoverRow], took_us: Sequence[float]) -> CopyLine:
    """Returns a copy's time as a line over the bytes, with neither term below 0.

    It has the least sum of absolute residuals, each as a share of the line's own time there. Not of the measured time, and not squares: the
    smallest copies, which caches hide, take a fraction of what a line has for them, and would draw it away from all others.
    """
    terms = np.array([[1.0, row.bytes / 1024] for row in rows])
    times = np.array(took_us)
    expected = times
    for _ in range(_MOST_PASSES):
        line = _least_absolute(terms, times, weights=1 / np.maximum(expected, _NOISE_US))
        before, expected = expected, terms @ line
        if np.allclose(before, expected):
            break
    off = np.abs(expected - times) / np.maximum(expected, _NOISE_US)
    return CopyLine(float(line[0]), float(line[1]), float(np.median(off)), len(rows))


def _least_absolute(terms: _Floats, times: _Floats, *, weights: _Floats) -> _Floats:
    """Returns what to take the terms by, none below 0, for the least sum of weighted absolute residuals: a linear program."""
    from scipy.optimize import linprog

    many, few = terms.shape
    weighted, residuals = terms * weights[:, None], np.eye(many)
    # The unknowns are the terms' amounts and one size per residual, which is at least the residual and at least its negative.
    cost = np.concatenate([np.zeros(few), np.ones(many)])
    least = np.block([[weighted, -residuals], [-weighted, -residuals]])
    found = linprog(cost, A_ub=least, b_ub=np.concatenate([times * weights, -times * weights])).x
    assert found is not None, "no line is as bad as it can be: the program has a solution"
    return found[:few]


def _wakeups_us(store: SampleStore) -> dict[tuple[str, str, str, str, str], list[float]]:
    """Returns all wake-ups by sender, receiver, path, wait mode and pacing, of all sizes together."""
    found: dict[tuple[str, str, str, str, str], list[float]] = defaultdict(list)
    for job, samples in store.jobs.items():
        if isinstance(job, HandoverId) and samples.failure is None and feature_bytes(job.shape):
            key = (job.sender, job.receiver, samples.path_taken(job.path), job.wait, "paced" if job.gap_us else "hot")
            found[key] += [ns / NS_PER_US for ns in samples.pooled("wakeup")]
    return found


def _quantiles(values_us: Sequence[float]) -> Mapping[str, float]:
    """Returns the `QUANTILES`, linear between the nearest two samples, by name (``p5`` ...)."""
    return {f"p{q}": float(value) for q, value in zip(QUANTILES, np.percentile(values_us, QUANTILES), strict=True)}
