"""Contention of two units that share a core, told by rehearsals.

They take turns of milliseconds, in which most steps meet nobody and the others wait for longer than they work. So single steps tell
nothing, but whole runs do: the factor is the one with which rehearsals are predicted right in the median. It holds the turns themselves,
and what changing them costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lut.entries import Contention, RehearsalCheck
from lut.prediction.costs import BLOCK_CLASSES, Costs
from lut.prediction.replay import Floats
from lut.statistics import Z95, standard_error
from profiler.folds import check_of, folds
from profiler.terms import CONTENTION, Observed, Predicted

_TRIED: Final = np.geomspace(1.0, 6.0, 64)
"""Factors that are tried; in between, predictions are interpolated."""


@dataclass(frozen=True)
class _Runs:
    """Logarithms of what `N` rehearsals take with each factor that is tried (factors, N), and of what they took (N,)."""

    predicted: Floats
    measured: Floats

    def factor(self) -> float:
        """Returns the factor with which the median error is 0; the nearest one that is tried where none is."""
        return float(np.exp(np.interp(0.0, self._median_error(), np.log(_TRIED))))

    def error(self, factor: float) -> float:
        """Returns the standard error of a factor, as a fraction, from that of the median error."""
        found = standard_error(self.off(factor).tolist())
        slope = float(np.interp(np.log(factor), np.log(_TRIED), np.gradient(self._median_error(), np.log(_TRIED))))
        return found / slope if found is not None and slope > 0 else 0.0

    def off(self, factor: float) -> Floats:
        """Returns the logarithm of predicted over measured of each rehearsal."""
        predicted = [np.interp(np.log(factor), np.log(_TRIED), column) for column in self.predicted.T]
        return np.array(predicted) - self.measured

    def only(self, some: Sequence[int]) -> _Runs:
        return _Runs(self.predicted[:, some], self.measured[some])

    def _median_error(self) -> Floats:
        found: Floats = np.median(self.predicted - self.measured, axis=1)
        # It rises but for what rounding does.
        return np.maximum.accumulate(found)


def turns_of(observed: Sequence[Observed], costs: Costs, one: str, other: str) -> tuple[list[Contention], RehearsalCheck]:
    """Returns the contention of two units that share a core, the same for both and all classes of blocks, and how far it is right.

    Args:
        costs: those of tables without contention between the two.
    """
    predicted = Predicted(observed, costs)
    tried = [predicted.corrected_us({CONTENTION: dict.fromkeys((one, other), factor - 1)}) for factor in _TRIED.tolist()]
    runs = _Runs(np.log(np.array(tried)), np.log(np.array([strategy.total_us for strategy in observed])))
    factor = runs.factor()
    error = runs.error(factor)
    used = factor if np.log(factor) > Z95 * error else 1.0
    entries = [
        Contention(unit, name, beside, used, factor, error, len(observed), pooled=True, told_by="rehearsals")
        for unit, beside in ((one, other), (other, one))
        for name in BLOCK_CLASSES
    ]
    return entries, _check(runs, one, other)


def _check(runs: _Runs, one: str, other: str) -> RehearsalCheck:
    errors: list[float] = []
    for rest, left in folds(len(runs.measured)):
        errors += np.expm1(runs.only(left).off(runs.only(rest).factor())).tolist()
    return check_of(one, other, errors)
