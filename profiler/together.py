"""Costs of two units to each other in runs of both, told by rehearsals.

A block alone, a call over and over, a hand-over from one unit to the other and back: each is true by itself, and a run of two units still
takes longer than all of them together say. Memory is shared, features cross in both directions at once, a core that has waited begins
slowly, what a peer has read was gone from the nearest cache anyway. Which of these matter differs from machine to machine. So a profile
rehearses some strategies on every two units, and asks by how much each kind of cost is off:

* *cache*: a share of what the other unit touches counts in a unit's reuse distance, as they have a cache in common;
* *contention*: work on blocks takes longer while the other unit works, by a factor, with one of its own for stem, head and openings of
  segments where that differs;
* *resume*: a call after a wait takes longer, by so many microseconds; *wakeup*: likewise the wake-up;
* *fetch* and *claim*: microseconds for each KB that a unit fetches from a peer, or writes where a peer has read;
* *write* and *read*: copies in and out, by a fraction, and by microseconds for each.

Per unit beside another one, the steps of all rehearsals are regressed on how much of each they have (`profiler.corrections`). Each
rehearsal's steps are longer by what a replay of their medians falls short of its own median, as medians of parts add up to less. Rehearsals
are the units of the statistics: standard errors come from a bootstrap that draws them with replacement. What is not proven is nothing: the
kind of cost that is least sure is left out, and the others are fitted anew, until all that are left are 1.96 standard errors from 0
(backward elimination). Contention must slow a unit down; one that is faster beside another one has none.

Units that share a core take turns on it, and only whole runs tell what that makes of them (`profiler.turns`).

At last rehearsals are predicted by what others tell (five-fold cross-validation): a check that a profile makes by itself, before any
certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np

from collab.errors import MissingEntryError
from collab.units import shared_cores
from lut.entries import Contention, RehearsalCheck, Rehearsed, SharedCache, can_be_read
from lut.prediction.costs import BLOCK_CLASSES, Costs
from lut.prediction.model_latency import predict_schedule
from lut.prediction.replay import Floats, Ints
from lut.statistics import Z95
from lut.tables import Tables
from profiler.corrections import fit_corrections
from profiler.drift import SpeedLine
from profiler.folds import check_of, folds
from profiler.plan import Plan
from profiler.rehearsal_steps import GROUPS, OWN_CLASSES, RUN, WORK, Farther, Steps
from profiler.rehearsal_visits import observed_rehearsals
from profiler.samples import SampleStore
from profiler.terms import Observed, Predicted, StepAmounts
from profiler.turns import turns_of

FEWEST: Final = 6
"""Fewer rehearsals prove nothing."""
_CACHE: Final = "cache"
_DRAWS: Final = 400
_SEED: Final = 0
_MOST_SKEW: Final = 1.2
_SHARES: Final = tuple(number / 32 for number in range(33))
_NEAR: Final = 1 / 8
"""The error of a share follows from how costs change this far to either side."""
_LEAST_FACTOR: Final = 1e-3

_Found: TypeAlias = dict[str, "_Estimate"]


@dataclass(frozen=True)
class _Estimate:
    """A cost with its standard error over `n` rehearsals that have it; `used` is 0 where it is not proven."""

    measured: float
    error: float
    n: int
    used: float = 0.0


_NOTHING: Final = _Estimate(0.0, 0.0, 0)


def with_rehearsals(tables: Tables, store: SampleStore, plan: Plan, lines: Mapping[str, SpeedLine]) -> Tables:
    """Returns the tables with what rehearsals tell of every two units that ran enough of them, in place of what pairs of visits told.

    Args:
        store: samples that are not corrected for drift.
        lines: the slowness of units over time, which steps are divided by.
    """
    checks: list[RehearsalCheck] = []
    for one, other in combinations(tables.meta.units, 2):
        alone = _without(tables, one, other)
        observed = _predictable(observed_rehearsals(store, plan, one, other, lines), Costs(alone, source=""))
        if len(observed) < FEWEST:
            continue
        if shared_cores(tables.meta.units[one], tables.meta.units[other]):
            contention, check = turns_of(observed, Costs(alone, source=""), one, other)
            checks.append(check)
            tables = _with_contention(alone, contention)
        else:
            sides = _sides(observed, alone, one, other)
            checks.append(_check(observed, alone, sides))
            tables = _told(alone, sides)
    return replace(tables, meta=replace(tables.meta, rehearsal_checks=tuple(filter(can_be_read, checks))))


def _with_contention(alone: Tables, contention: Iterable[Contention]) -> Tables:
    """Returns tables with contention that was told of two more units."""
    entries = sorted(
        (*alone.meta.contention, *filter(can_be_read, contention)), key=lambda entry: (entry.unit, entry.other, entry.block_class)
    )
    return replace(alone, meta=replace(alone.meta, contention=tuple(entries)))


def _without(tables: Tables, one: str, other: str) -> Tables:
    """Returns the tables without what units that work at once cost each other."""
    meta, pair = tables.meta, {one, other}
    return replace(
        tables,
        meta=replace(
            meta,
            contention=tuple(entry for entry in meta.contention if {entry.unit, entry.other} != pair),
            shared_caches=tuple(entry for entry in meta.shared_caches if {entry.unit, entry.other} != pair),
            rehearsed=tuple(entry for entry in meta.rehearsed if {entry.unit, entry.other} != pair),
        ),
    )


@dataclass(frozen=True)
class _Side:
    """A unit beside another one in `count` rehearsals."""

    unit: str
    beside: str
    count: int
    steps: Steps
    farther: Farther

    def only(self, rehearsals: Sequence[int]) -> _Side:
        return _Side(self.unit, self.beside, len(rehearsals), self.steps.only(rehearsals), self.farther.only(rehearsals))


def _sides(observed: Sequence[Observed], alone: Tables, one: str, other: str) -> list[_Side]:
    costs = Costs(alone, source="")
    predicted = Predicted(_without_skew(observed, costs), costs)
    pairs = ((one, other), (other, one))
    return [_Side(*pair, len(observed), Steps(predicted, pair[0]), Farther.of(predicted, costs, *pair)) for pair in pairs]


def _told(alone: Tables, sides: Sequence[_Side]) -> Tables:
    """Returns tables with what rehearsals of two units tell."""
    contention: list[Contention] = []
    shared, rehearsed = list(alone.meta.shared_caches), list(alone.meta.rehearsed)
    for side in sides:
        found = _estimates(side)
        contention += _factors(side.unit, side.beside, found)
        shared += _shares(side.unit, side.beside, found)
        rehearsed += _costs(side.unit, side.beside, found)
    found_so = _with_contention(alone, contention)
    meta = replace(
        found_so.meta,
        shared_caches=tuple(sorted(filter(can_be_read, shared), key=lambda entry: (entry.unit, entry.other))),
        rehearsed=tuple(filter(can_be_read, rehearsed)),
    )
    return replace(found_so, meta=meta)


def _predictable(observed: Iterable[Observed], costs: Costs) -> list[Observed]:
    """Returns those that the tables can predict: a block or a hand-over of another one may have failed."""
    found = []
    for strategy in observed:
        try:
            predict_schedule(strategy.schedule, costs, placement="")
        except MissingEntryError:
            continue
        found.append(strategy)
    return found


def _estimates(side: _Side) -> _Found:
    """Returns what rehearsals tell of each kind of cost of a unit beside another one."""
    steps, farther = side.steps, side.farther
    share = min(_SHARES, key=lambda tried: _left(steps.with_known(farther.us(steps, tried))))
    cache = _cache(side, share)
    known = steps.with_known(farther.us(steps, cache.used))
    found: _Found = {_CACHE: cache}
    for group in GROUPS:
        found |= _proven(group, lambda names: _fitted(known.of(names), side.count))
    return found


def _cache(side: _Side, share: float) -> _Estimate:
    """Returns the share that fits best. It is proven if all that data costs more with it is there beyond chance, as a factor of that."""
    steps, farther_us = side.steps, side.farther.us(side.steps, share)
    others = _slowing(steps.with_known(farther_us))

    def of_column(column: Floats) -> _Estimate:
        return _fitted(steps.with_column(_CACHE, column).of((_CACHE, *others)), side.count).get(_CACHE, _NOTHING)

    factor = of_column(farther_us)
    low, high = max(share - _NEAR, 0.0), min(share + _NEAR, 1.0)
    slope_us = (side.farther.us(steps, high) - side.farther.us(steps, low)) / (high - low)
    is_proven = factor.n >= FEWEST and factor.measured > Z95 * factor.error
    return _Estimate(share, of_column(slope_us).error, factor.n, share if is_proven else 0.0)


def _slowing(steps: Steps) -> tuple[str, ...]:
    """Returns the kinds of cost of runs, without contention where that would make the unit faster beside the other one."""
    found = steps.of(RUN)
    best = dict(zip(found.parameters, fit_corrections(found, _no_draws(found)).best.tolist(), strict=True))
    return RUN if best.get(WORK, 0.0) > 0 else tuple(name for name in RUN if name not in (WORK, *OWN_CLASSES))


def _left(steps: Steps) -> float:
    """Returns what is left of the lateness of runs (mean over the roots of their times) once these costs are fitted."""
    found = steps.of(_slowing(steps))
    best = fit_corrections(found, _no_draws(found)).best
    return float(np.mean(np.abs(found.late_us - found.amounts @ best) / np.sqrt(np.maximum(found.predicted_us, 1.0))))


def _no_draws(steps: StepAmounts) -> Ints:
    return np.zeros((0, int(steps.strategy.max(initial=0)) + 1), np.int64)


def _fitted(steps: StepAmounts, count: int) -> _Found:
    """Fits costs to steps of so many rehearsals."""
    if not steps.parameters:
        return {}
    draws = np.random.default_rng(_SEED).integers(count, size=(_DRAWS, count))
    fit = fit_corrections(steps, np.stack([np.bincount(draw, minlength=count) for draw in draws]))
    errors = np.std(fit.drawn, axis=0) * np.sqrt(count / (count - 1))
    return {
        name: _Estimate(float(best), float(error), int(n))
        for name, best, error, n in zip(fit.parameters, fit.best, errors, fit.strategies, strict=True)
    }


def _proven(names: Sequence[str], fitted: Callable[[Sequence[str]], _Found]) -> _Found:
    """Returns these kinds of cost as they come out all together; those that stay when the least sure are left out have a value to use."""
    everything = fitted(names)
    left = [name for name in everything if everything[name].n >= FEWEST]
    while left:
        estimates = fitted(left)
        sure = {name: _surety(name, estimates[name]) for name in left}
        least = min(left, key=lambda name: sure[name])
        if sure[least] > Z95:
            return everything | {name: replace(estimate, used=estimate.measured) for name, estimate in estimates.items()}
        left.remove(least)
    return everything


def _surety(name: str, estimate: _Estimate) -> float:
    """Returns how many standard errors a cost is from 0; those that would make it faster beside another unit are not there at all."""
    if name == WORK and estimate.measured <= 0:
        return 0.0
    return abs(estimate.measured) / estimate.error if estimate.error > 0 else float("inf")


def _without_skew(observed: Sequence[Observed], costs: Costs) -> list[Observed]:
    """Returns strategies whose steps, replayed, take what the whole took."""
    replayed_us = Predicted(observed, costs).replayed_us()
    scaled = []
    for strategy, us in zip(observed, replayed_us.tolist(), strict=True):
        times = min(max(strategy.total_us / us, 1 / _MOST_SKEW), _MOST_SKEW) if us > 0 else 1.0
        scaled.append(replace(strategy, steps_us={step: took_us * times for step, took_us in strategy.steps_us.items()}))
    return scaled


def _factors(unit: str, other: str, found: _Found) -> list[Contention]:
    work = found.get(WORK, _NOTHING)
    factors = []
    for name in BLOCK_CLASSES:
        own = found.get(name, _NOTHING)
        is_own = own.used != 0.0
        measured = max(1 + (work.used if is_own else work.measured) + (own.used if is_own else 0.0), _LEAST_FACTOR)
        factor = max(1 + work.used + own.used, 1.0)
        error = own.error if is_own else work.error
        factors.append(Contention(unit, name, other, factor, measured, error, work.n, pooled=not is_own, told_by="rehearsals"))
    return factors


def _shares(unit: str, other: str, found: _Found) -> list[SharedCache]:
    cache = found.get(_CACHE)
    return [] if cache is None else [SharedCache(unit, other, cache.used, cache.measured, cache.error, cache.n, told_by="rehearsals")]


def _costs(unit: str, other: str, found: _Found) -> list[Rehearsed]:
    return [
        Rehearsed(unit, other, name, estimate.used, estimate.measured, estimate.error, estimate.n)  # type: ignore[arg-type]
        for name, estimate in found.items()
        if name not in (_CACHE, WORK, *OWN_CLASSES)
    ]


def _check(observed: Sequence[Observed], alone: Tables, sides: Sequence[_Side]) -> RehearsalCheck:
    errors = []
    for rest, left in folds(len(observed)):
        costs = Costs(_told(alone, [side.only(rest) for side in sides]), source="")
        strategies = [observed[number] for number in left]
        errors += [predict_schedule(s.schedule, costs.slowed(s.drift), placement="").total_us / s.total_us - 1 for s in strategies]
    return check_of(sides[0].unit, sides[1].unit, errors)
