"""Attribution of a certificate's bias: which terms of the predictions are off, by how much, and how well that is known.

Every step that a certificate measured is held against its prediction. Within each unit, how much longer steps took than predicted is
regressed on how much of each term they have, by least squares with Huber weights; so each term gets corrections. The replay of the
corrected predictions tells by how much the bias changes: that is what the term carries. Waiting has no correction: what it carries is how
far the measured latencies are from what the replay gives when every step takes its own measured median. Where MBConvs hardly ever run
alone, they and contention cannot be told apart; what they carry together can be known all the same, and is a term of its own.

Strategies are the units of every statistic. Intervals are those of a bootstrap that draws strategies with replacement, and corrections
drawn so enter by the replay's slopes. They hold for all terms together with a probability of 99 % (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lut.prediction.costs import BLOCK_CLASSES, Costs
from lut.prediction.replay import Floats, Ints
from profiler.candidates import Candidate
from profiler.compare import Comparison
from profiler.corrections import fit_corrections
from profiler.terms import CONTENTION, GROUPS, Corrections, Predicted

WORK: Final = "work"
WAITING: Final = "waiting"
ALIKE: Final = ("mbconv", CONTENTION)
"""Terms that make up `WORK`."""
LABELS: Final = {
    "call": "calls",
    **{name: f"run of {name}" for name in BLOCK_CLASSES},
    "fetch": "fetching from peers",
    "claim": "writing where peers have read",
    "buffers": "data in segments' buffers",
    "contention": "contention",
    "read": "reading for peers",
    "wakeup": "wake-ups",
    "write": "writing from peers",
    "ends": "input and output",
    WORK: "run of mbconv or contention, which cannot be told apart",
    WAITING: "waiting at syncs",
}
"""Each term's name in messages and tables."""
FEWEST_STRATEGIES: Final = 20
"""The bootstrap's intervals are too narrow for fewer: of these, nothing is said."""
_DRAWS: Final = 1000
_SEED: Final = 0
_UNCERTAINTY: Final = 0.01
_LEAST_SHARE: Final = 5e-4
"""Smaller shares are printed as 0.0 % and count as none, however well they are known."""
_STEP: Final = 1e-3
"""The replay's slopes are taken from corrections of this size: small enough that the order of events stays the same."""


@dataclass(frozen=True)
class Term:
    """A term of the predictions. All but `corrections` are fractions of the measured latency.

    `carries` is by how much the bias falls when this term alone is corrected, `low` to `high` the interval in which that lies.
    """

    name: str
    carries: float
    low: float
    high: float
    is_proven: bool
    """Whether the term carries a part of the bias beyond chance."""
    corrections: Corrections
    """What has to be added to each parameter on each unit (`profiler.terms` says to what); empty for `WORK` and `WAITING`."""
    by_strategy: tuple[float, ...]
    """By how much the error of each strategy falls when this term is corrected."""

    def to_document(self) -> dict[str, Any]:
        """Returns the term as a JSON object, without its strategies."""
        return {
            "carries": round(self.carries, 5),
            "low": round(self.low, 5),
            "high": round(self.high, 5),
            "proven": self.is_proven,
            "corrections": {
                parameter: {unit: round(value, 5) for unit, value in by_unit.items()} for parameter, by_unit in self.corrections.items()
            },
        }


@dataclass(frozen=True)
class _Fitted:
    """The corrections of a term; `drawn_us` (draws, N): how much later than with these a strategy would be with each draw's."""

    corrections: Corrections
    drawn_us: Floats
    is_separable: bool
    strategies: int
    """The number of strategies that have the term, on the unit with the fewest."""


def attribute(candidates: Sequence[Candidate], comparisons: Sequence[Comparison], costs: Costs) -> tuple[Term, ...]:
    """Returns the terms of the predictions with what each carries of their bias, the largest first; none for too few strategies.

    Args:
        costs: those that the comparisons were predicted with.
    """
    count = len(comparisons)
    if count < FEWEST_STRATEGIES:
        return ()
    predicted = Predicted.of(candidates, comparisons, costs)
    measured_us = np.array([comparison.result.measured.median_us for comparison in comparisons])
    errors = predicted.total_us / measured_us - 1
    draws = np.random.default_rng(_SEED).integers(count, size=(_DRAWS, count))
    fitted = _fitted(predicted, np.stack([np.bincount(draw, minlength=count) for draw in draws]))
    if set(ALIKE) <= set(fitted):
        blocks, contention = (fitted[term] for term in ALIKE)
        # What contention cannot be told from cannot be told from it either.
        separable = blocks.is_separable and contention.is_separable
        fitted |= {term: replace(fitted[term], is_separable=separable) for term in ALIKE}
        fitted[WORK] = replace(_joined(blocks, contention), is_separable=True)
    tail = _UNCERTAINTY / (len(fitted) + 1) / 2
    found = []
    for name, term in fitted.items():
        fall = (predicted.total_us - predicted.corrected_us(term.corrections)) / measured_us
        carries, reach = _carries(errors, fall, fall - term.drawn_us / measured_us, draws, term.strategies, tail)
        proven = term.is_separable and abs(carries) > max(reach, _LEAST_SHARE)
        found.append(Term(name, carries, carries - reach, carries + reach, proven, term.corrections, tuple(fall.tolist())))
    fall = errors + 1 - predicted.total_us / predicted.replayed_us()
    carries, reach = _carries(errors, fall, np.broadcast_to(fall, draws.shape), draws, count, tail)
    found.append(
        Term(WAITING, carries, carries - reach, carries + reach, abs(carries) > max(reach, _LEAST_SHARE), {}, tuple(fall.tolist()))
    )
    return tuple(sorted(found, key=lambda term: -abs(term.carries)))


def _fitted(predicted: Predicted, times_drawn: Ints) -> dict[str, _Fitted]:
    """Returns the corrections of all terms that are in any step; `times_drawn` (draws, N) is how often a draw has each strategy."""
    found: dict[str, _Fitted] = {}
    for group in GROUPS:
        owner = {parameter: term for term in group for parameter in predicted.parameters(term)}
        for unit in predicted.units:
            fit = fit_corrections(predicted.step_amounts(group, unit), times_drawn)
            for number, parameter in enumerate(fit.parameters):
                slope_us = (predicted.corrected_us({parameter: {unit: _STEP}}) - predicted.total_us) / _STEP
                best = float(fit.best[number])
                new = _Fitted(
                    {parameter: {unit: best}},
                    np.outer(fit.drawn[:, number] - best, slope_us),
                    bool(fit.is_separable[number]),
                    int(fit.strategies[number]),
                )
                term = owner[parameter]
                found[term] = _joined(found[term], new) if term in found else new
    return found


def _joined(one: _Fitted, other: _Fitted) -> _Fitted:
    """Returns several parameters or units of a term, or two terms, as one."""
    both = {name: {**one.corrections.get(name, {}), **other.corrections.get(name, {})} for name in {**one.corrections, **other.corrections}}
    separable = one.is_separable and other.is_separable
    return _Fitted(both, one.drawn_us + other.drawn_us, separable, min(one.strategies, other.strategies))


def _carries(errors: Floats, fall: Floats, drawn_fall: Floats, draws: Ints, strategies: int, tail: float) -> tuple[float, float]:
    """Returns by how much the median error falls, and how far that may be off but for the probability `tail` to either side.

    The bootstrap takes the spread among few strategies for that among all there are; Student's distribution makes up for it.

    Args:
        fall: by how much the error of each strategy falls (N,); `drawn_fall` (draws, N): the same by what came of each draw.
    """
    from scipy.stats import t

    carries = float(np.median(errors) - np.median(errors - fall))
    drawn = np.median(errors[draws], axis=1) - np.median(np.take_along_axis(errors - drawn_fall, draws, axis=1), axis=1)
    others = max(strategies - 1, 1)
    return carries, float(t.isf(tail, others)) * float(np.std(drawn)) * math.sqrt(strategies / others)
