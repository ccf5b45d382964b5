"""Ripple of a unit, and its channel step: what widths cost that are no multiple of 32, and multiples of how many channels are cheap.

A block whose expansion channels lie between two multiples of 32 is held against the line through these two. What it takes more is pooled
over all such blocks with features of one size, whatever they emit: per multiply-accumulate of the expansion convolution it is the same
(`lut.prediction.ripple`). Nothing is assumed of how many channels the kernels work on.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from collab.blocks import MBConv
from collab.wording.commands import command_named
from lut.entries import PERIOD, Ripple
from lut.meta import Meta
from lut.prediction.interpolate import Family, locate
from lut.prediction.ripple import PS_PER_US, expansion_macs, is_proven
from lut.statistics import Z95
from profiler.alone import LEAST_ALONE_US, time_alone_us
from profiler.job_ids import BlockId
from profiler.pooling import Estimate, pooled
from profiler.samples import SampleStore
from profiler.width_lines import WidthLine, WidthPoint

_STEPS: Final = (4, 8, 16, 32)
_DEAR: Final = math.log(1.02)
"""A width that takes longer than the line by more than this, and not by chance, is not cheap."""
_CHEAP: Final = math.log(1.05)
"""A width is cheap that in all likelihood takes longer than the line by less than this."""
_LEAST_ERROR: Final = 1e-3
"""No time is known better, as a fraction: lines are not quite straight."""
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Departure:
    """A width that was held against the line: its channels above a multiple of 32, and what it takes more.

    `log_factor` is the logarithm of its time over the line's, `extra_ps` the difference for each multiply-accumulate of its expansion.
    """

    size: int
    over: int
    log_factor: Estimate
    extra_ps: Estimate


def departures(store: SampleStore, unit: str, call_us: float) -> list[Departure]:
    """Returns all blocks of a unit that lie between two measured multiples of 32, against the line through these.

    Args:
        call_us: the call alone, which is in the time of every block.
    """
    return [found for line in _lines(store, unit, call_us) for found in _along(line)]


def ripple(unit: str, found: Iterable[Departure]) -> tuple[Ripple, ...]:
    """Returns the ripple of a unit, by size of features and channels above a multiple of 32."""
    entries: list[Ripple] = []
    for (size, over), alike in sorted(_grouped(found, lambda each: (each.size, each.over)).items()):
        factor, extra = pooled([each.log_factor for each in alike]), pooled([each.extra_ps for each in alike])
        entries.append(Ripple(unit, size, over, math.exp(factor.value), extra.value, extra.error, len(alike)))
    return tuple(entries)


def channel_step(found: Iterable[Departure]) -> int | None:
    """Returns the least of 4, 8, 16 and 32 channels whose multiples are all cheap; None where that is not known.

    What is so many channels above a multiple of 32 is dear, or cheap, or neither is known, by its factor over all sizes. The least step
    without dear multiples is the one, if all of them are known to be cheap.
    """
    by_over = {over: _over_sizes(alike) for over, alike in _grouped(found, lambda each: each.over).items()}
    if not by_over:
        return None
    for step in _STEPS:
        multiples = [by_over.get(over) for over in range(step, PERIOD, step)]
        if not any(factor is not None and _is_dear(factor) for factor in multiples):
            return step if all(factor is not None and _is_cheap(factor) for factor in multiples) else None
    return None


def channel_sentence(meta: Meta, unit: str) -> str:
    """Returns a sentence on which widths are cheap on a unit, for people."""
    step = meta.channel_step.get(unit)
    if step is None:
        return (
            f"{unit}: multiples of how many expansion channels are cheap is not known, as the times of the widths between multiples of"
            f" {PERIOD} are not known well enough; more rounds tell:"
            f" {command_named('profile', '--out', 'FOLDER', '--resume', '--budget', '10m')}"
        )
    dearest = max((entry.factor for entry in meta.ripple if entry.unit == unit and is_proven(entry)), default=1.0)
    others = f"; other widths take up to {dearest:.2f} times as long" if step > min(_STEPS) else ""
    return f"{unit}: expansion channels are cheap in multiples of {step}{others}"


def _lines(store: SampleStore, unit: str, call_us: float) -> Iterable[WidthLine]:
    """Returns what was measured of the unit's blocks that expand, by all that they have in common but their width."""
    lines: dict[tuple[Family, int], WidthLine] = defaultdict(dict)
    for job in store.jobs:
        if not isinstance(job, BlockId) or job.unit != unit or not isinstance(job.block, MBConv) or not job.block.has_expansion:
            continue
        samples, located = store.measured(job), locate(job.block)
        if samples is None or located is None or not all(visit.accelerated for visit in samples.times):
            continue
        us, error_us = time_alone_us(samples, call_us), samples.summary("run").se_us
        if us > LEAST_ALONE_US and error_us is not None:
            family, (exp_c, out_c) = located
            lines[family, out_c][exp_c] = WidthPoint(job.block, us, max(error_us, _LEAST_ERROR * us))
    return lines.values()


def _along(line: WidthLine) -> Iterator[Departure]:
    whole = sorted(exp_c for exp_c in line if exp_c % PERIOD == 0)
    for exp_c, point in line.items():
        above = bisect_left(whole, exp_c)
        if exp_c % PERIOD and 0 < above < len(whole):
            yield _departure(point, line[whole[above - 1]], line[whole[above]])


def _departure(point: WidthPoint, low: WidthPoint, high: WidthPoint) -> Departure:
    share = (point.block.exp_c - low.block.exp_c) / (high.block.exp_c - low.block.exp_c)
    line_us = (1 - share) * low.us + share * high.us
    line_error_us = math.hypot((1 - share) * low.error_us, share * high.error_us)
    ps_per_us = PS_PER_US / expansion_macs(point.block)
    return Departure(
        size=point.block.in_size,
        over=point.block.exp_c % PERIOD,
        log_factor=Estimate(math.log(point.us / line_us), math.hypot(point.error_us / point.us, line_error_us / line_us)),
        extra_ps=Estimate((point.us - line_us) * ps_per_us, math.hypot(point.error_us, line_error_us) * ps_per_us),
    )


def _over_sizes(alike: Iterable[Departure]) -> Estimate:
    """Returns the factor (its logarithm) of widths over all sizes; of one size it is pooled first, however much was measured of it."""
    by_size = _grouped(alike, lambda each: each.size).values()
    return pooled([pooled([each.log_factor for each in of_size]) for of_size in by_size])


def _is_dear(log_factor: Estimate) -> bool:
    return log_factor.value > max(_DEAR, Z95 * log_factor.error)


def _is_cheap(log_factor: Estimate) -> bool:
    return log_factor.value + Z95 * log_factor.error < _CHEAP


def _grouped(found: Iterable[Departure], key: Callable[[Departure], _Key]) -> dict[_Key, list[Departure]]:
    groups: dict[_Key, list[Departure]] = defaultdict(list)
    for each in found:
        groups[key(each)].append(each)
    return groups
