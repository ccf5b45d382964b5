"""Corrections of a prediction's terms, fitted to the measured steps of one unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lut.prediction.replay import Floats, Ints
from lut.statistics import MAD_TO_SD
from profiler.terms import StepAmounts

_REWEIGHTINGS: Final = 10
_CLOSE: Final = 1.345
"""Residuals of more standard deviations count by their size, not by its square (Huber)."""
_OWN_SHARE: Final = 0.1
"""A parameter that the others of its steps explain but for less than this share cannot be told from them (variance inflated tenfold)."""
_LEAST_US: Final = 0.1


@dataclass(frozen=True)
class Fit:
    """The corrections of a unit's parameters: the best ones (parameters,), and those of every draw of the bootstrap (draws, parameters)."""

    parameters: tuple[str, ...]
    best: Floats
    drawn: Floats
    strategies: Ints
    """How many strategies have each parameter in a measured step."""
    is_separable: npt.NDArray[np.bool_]
    """Whether a parameter has a share of its own, which the others do not explain: else no interval tells what is its and what theirs."""


def fit_corrections(steps: StepAmounts, times_drawn: Ints) -> Fit:
    """Fits corrections to the steps of a unit; `times_drawn` (draws, N) is how often each strategy is in each draw.

    The residual of a step is divided by the root of its predicted time, as in the fit of costs in networks (`profiler.network_costs`).
    """
    count = len(steps.parameters)
    if not count:
        return Fit((), np.zeros(0), np.zeros((len(times_drawn), 0)), np.zeros(0, np.int64), np.zeros(0, bool))
    roots = np.sqrt(np.maximum(steps.predicted_us, _LEAST_US))
    amounts, wanted = steps.amounts / roots[:, None], steps.late_us / roots
    sizes = np.linalg.norm(amounts, axis=0)
    amounts = amounts / sizes
    weights = np.ones(len(wanted))
    best = np.zeros(count)
    for _ in range(_REWEIGHTINGS):
        best = np.linalg.lstsq(amounts * np.sqrt(weights)[:, None], wanted * np.sqrt(weights), rcond=None)[0]
        off = np.abs(amounts @ best - wanted)
        close = max(_CLOSE * MAD_TO_SD * float(np.median(off)), 1e-12)
        weights = np.minimum(1.0, close / np.maximum(off, 1e-12))
    squares, products = np.zeros((times_drawn.shape[1], count, count)), np.zeros((times_drawn.shape[1], count))
    np.add.at(squares, steps.strategy, weights[:, None, None] * amounts[:, :, None] * amounts[:, None, :])
    np.add.at(products, steps.strategy, weights[:, None] * amounts * wanted[:, None])
    # What keeps a draw that lacks a parameter solvable; it is far below what any weighs.
    least = 1e-9 * np.eye(count)
    drawn = np.linalg.solve(np.tensordot(times_drawn, squares, axes=1) + least, (times_drawn @ products)[:, :, None])[:, :, 0]
    strategies = np.array([len(set(steps.strategy[column != 0])) for column in steps.amounts.T])
    return Fit(steps.parameters, best / sizes, drawn / sizes, strategies, _separable(squares.sum(axis=0)))


def _separable(squares: Floats) -> npt.NDArray[np.bool_]:
    """Returns which parameters have something of their own: a share that the others do not explain (1 / variance inflation)."""
    found = np.ones(len(squares), bool)
    for number in range(len(squares)):
        others = np.arange(len(squares)) != number
        explained = squares[number, others] @ np.linalg.lstsq(squares[others][:, others], squares[others, number], rcond=None)[0]
        found[number] = 1 - explained / squares[number, number] > _OWN_SHARE
    return found
