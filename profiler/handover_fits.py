"""Hand-overs as a whole: copies as lines over the bytes, and wake-ups as distributions, per direction, path, wait mode and pacing.

Predictions take the measured sizes themselves; the lines say what a hand-over costs beyond them, and how far copies are from being lines at
all (caches have edges). A wake-up does not depend on the size, so all sizes' samples make one distribution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from collab.blocks import feature_bytes
from lut.entries import CopyLine, HandoverFit
from lut.statistics import NS_PER_US
from lut.tables import HandoverRow
from profiler.job_ids import HandoverId
from profiler.samples import SampleStore

QUANTILES: Final = (5, 25, 50, 75, 95)
_NOISE_US: Final = 0.1
"""Weights are relative, but times below this are all the same to a clock."""


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
    """Returns a copy's time as a line over the bytes: non-negative least squares (Lawson and Hanson) on relative residuals."""
    from scipy.optimize import nnls

    kilobytes = np.array([row.bytes / 1024 for row in rows])
    times = np.array(took_us)
    weights = 1 / np.maximum(times, _NOISE_US)
    terms = np.stack([np.ones_like(kilobytes), kilobytes], axis=1)
    solution = nnls(terms * weights[:, None], times * weights)[0]
    off = np.abs(terms @ solution - times) * weights
    return CopyLine(float(solution[0]), float(solution[1]), float(np.median(off)), len(rows))


def _wakeups_us(store: SampleStore) -> dict[tuple[str, str, str, str, str], list[float]]:
    """Returns all wake-ups by sender, receiver, path, wait mode and pacing, of all sizes together."""
    found: dict[tuple[str, str, str, str, str], list[float]] = defaultdict(list)
    for job, samples in store.jobs.items():
        if isinstance(job, HandoverId) and samples.failure is None and feature_bytes(job.shape):
            key = (job.sender, job.receiver, job.path, job.wait, "paced" if job.gap_us else "hot")
            found[key] += [ns / NS_PER_US for ns in samples.pooled("wakeup")]
    return found


def _quantiles(values_us: Sequence[float]) -> Mapping[str, float]:
    """Returns the `QUANTILES`, linear between the nearest two samples, by name (``p5`` ...)."""
    return {f"p{q}": float(value) for q, value in zip(QUANTILES, np.percentile(values_us, QUANTILES), strict=True)}
