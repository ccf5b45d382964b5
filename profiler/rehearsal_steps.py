"""Steps of rehearsals, with how much of each kind of cost they have: the columns that costs of units together are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lut.prediction.costs import BLOCK_CLASSES, Costs
from lut.prediction.program import Operation
from lut.prediction.replay import Floats, Ints
from lut.prediction.reuse import FEATURES, WEIGHTS, ReuseCurve
from profiler.terms import Predicted, StepAmounts

WORK: Final = "work"
OWN_CLASSES: Final = ("stem", "head", "sync")
"""Classes that may have a factor of contention of their own, besides that of all work: MBConvs are most of it."""
RUN: Final = (WORK, *OWN_CLASSES, "resume", "fetch", "claim")
GROUPS: Final = (RUN, ("wakeup",), ("write", "each_write"), ("read", "each_read"))
"""Kinds of cost, those together that a step can have together."""
_LEAST_MB: Final = 1e-3


class Steps:
    """All measured steps of a unit, with how much of each kind of cost they have.

    Both, and how late steps were, are multiplied by a usual latency over that of their rehearsal: what is wrong by the same time matters
    less in a long run. Units that are very unequal have some runs that are ten times as long as others.
    """

    def __init__(self, predicted: Predicted, unit: str) -> None:
        everything = np.ones(predicted.counted(lambda _: 0.0).shape, bool)
        steps = predicted.steps_with(everything, _amounts(predicted), unit)
        weight = (float(np.median(predicted.total_us)) / predicted.total_us)[steps.strategy]
        self._steps = replace(steps, late_us=steps.late_us * weight, amounts=steps.amounts * weight[:, None])
        self._columns = dict(zip(self._steps.parameters, self._steps.amounts.T, strict=True))

    @property
    def strategy(self) -> Ints:
        """The number of the rehearsal that each step is of."""
        return self._steps.strategy

    def column(self, name: str) -> Floats:
        """Returns how much of a kind of cost each step has."""
        return self._columns[name] if name in self._columns else np.zeros(len(self._steps.late_us))

    def only(self, rehearsals: Sequence[int]) -> Steps:
        """Returns the steps of some rehearsals, which are numbered anew."""
        some = np.isin(self.strategy, rehearsals)
        number = np.searchsorted(rehearsals, self.strategy[some])
        steps, other = self._steps, copy(self)
        other._steps = StepAmounts(steps.unit, steps.parameters, number, steps.predicted_us[some], steps.late_us[some], steps.amounts[some])
        other._columns = {name: column[some] for name, column in self._columns.items()}
        return other

    def with_column(self, name: str, amounts: Floats) -> Steps:
        """Returns the same steps with one more kind of cost."""
        other = copy(self)
        other._columns = {**self._columns, name: amounts}
        return other

    def with_known(self, known_us: Floats) -> Steps:
        """Returns steps that are late by so much less, as it is known why."""
        other = copy(self)
        other._steps = replace(self._steps, late_us=self._steps.late_us - known_us)
        return other

    def of(self, names: Sequence[str]) -> StepAmounts:
        """Returns the steps that have any of these kinds of cost."""
        present = tuple(name for name in names if np.any(self.column(name)))
        amounts = np.array([self.column(name) for name in present]).reshape(len(present), len(self.strategy)).T
        some = amounts.any(axis=1)
        steps = self._steps
        return StepAmounts(steps.unit, present, steps.strategy[some], steps.predicted_us[some], steps.late_us[some], amounts[some])


@dataclass(frozen=True)
class Farther:
    """Costs of data to a unit because another one uses a cache, too. Both units' own reuse distances in each rehearsal are (N,)."""

    own_mb: Floats
    other_mb: Floats
    weights: ReuseCurve
    features: ReuseCurve

    @classmethod
    def of(cls, predicted: Predicted, costs: Costs, unit: str, beside: str) -> Farther:
        weights_mb, features_mb = (predicted.counted(count).sum(axis=2) for count in (_weights_mb, _features_mb))

        def distance_mb(name: str) -> Floats:
            number = predicted.units.index(name)
            found: Floats = weights_mb[:, number] + costs.features_share(name) * features_mb[:, number]
            return found

        return cls(distance_mb(unit), distance_mb(beside), costs.reuse(unit, WEIGHTS), costs.reuse(unit, FEATURES))

    def only(self, rehearsals: Sequence[int]) -> Farther:
        """Returns the same of some rehearsals."""
        return replace(self, own_mb=self.own_mb[rehearsals], other_mb=self.other_mb[rehearsals])

    def us(self, steps: Steps, share: float) -> Floats:
        """Returns what each step takes longer if such a share of what the other unit touches counts in this one's distance."""
        far, near = np.maximum(self.own_mb + share * self.other_mb, _LEAST_MB), np.maximum(self.own_mb, _LEAST_MB)
        weights_us, features_us = ((curve.at(far) - curve.at(near))[steps.strategy] for curve in (self.weights, self.features))
        found: Floats = steps.column(WEIGHTS) * weights_us + steps.column(FEATURES) * features_us
        return found


def _weights_mb(operation: Operation) -> float:
    return operation.weights_mb


def _features_mb(operation: Operation) -> float:
    return operation.features_mb


def _amounts(predicted: Predicted) -> dict[str, Floats]:
    """Returns how much of each kind of cost there is in each operation (N, U, K)."""
    contended_us = predicted.contended_us()
    classes = predicted.counted(lambda operation: operation.contention_class)

    def copies(step: str) -> Floats:
        return predicted.counted(lambda operation: float(operation.step == step and operation.kilobytes > 0))

    def work_us(step: str) -> Floats:
        return copies(step) * predicted.counted(lambda operation: operation.work_us)

    def kilobytes(what: str) -> Floats:
        return predicted.counted(lambda operation: operation.kilobytes if _is(operation, what) else 0.0)

    return {
        WORK: contended_us,
        **{name: contended_us * (classes == BLOCK_CLASSES.index(name)) for name in OWN_CLASSES},
        "resume": predicted.counted(lambda operation: float(operation.resumes)),
        "fetch": kilobytes("fetch"),
        "claim": kilobytes("claim"),
        "wakeup": predicted.counted(lambda operation: float(operation.step == "wait")),
        "write": work_us("write"),
        "read": work_us("read"),
        "each_write": copies("write"),
        "each_read": copies("read"),
        WEIGHTS: predicted.counted(_weights_mb),
        FEATURES: predicted.counted(_features_mb),
    }


def _is(operation: Operation, what: str) -> bool:
    return operation.step == "run" and operation.what.startswith(what)
