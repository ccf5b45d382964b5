"""The surrogate: a prediction, from the evaluations so far, of the values of leaves that were not evaluated yet, and how sure it is.

A mixture of Gaussian processes over categorical decisions, weighted by how well each explains what was seen (marginal likelihood). A
landscape of single effects, one of strong interactions and a noisy one are each met by the processes that fit it, from a handful of
evaluations on.

The exact processes hold at most `Bounds.most` evaluations. When these are reached, `Bounds.kept` are chosen out of all: the best ones, and
others spread over the time. So memory is bounded, and the time for each evaluation does not grow with their number.

Everything follows from what was awaited and told, in that order, and not from when predictions were asked for.

Sources: see `gaussian_process`, `kernels` and `improvement` beside it; for evaluations under way, Desautels et al., Parallelizing
exploration-exploitation tradeoffs in Gaussian process bandit optimization, JMLR 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lut.prediction.replay import Floats, Ints
from search.space import Leaf
from search.surrogate.gaussian_process import Processes
from search.surrogate.improvement import log_expected_improvement
from search.surrogate.targets import Moments, Targets

_LIKELY: Final = 0.3
"""Processes with less than this share of the best one's weight are not asked."""
_LOW_TAIL: Final = 1.5
"""Values lower than this many times (best - median) below the median count as that low."""
_LEAST_VARIANCE: Final = 1e-9


@dataclass(frozen=True)
class Bounds:
    """Bounds on the evaluations that the processes hold: at most `most`; when these are reached `kept` stay, `best` of them the best."""

    most: int = 256
    kept: int = 192
    best: int = 96


BOUNDS: Final = Bounds()


class Surrogate:
    """Evaluations of leaves of so many decisions, and what they say of others.

    An evaluation is *awaited* while it is under way: it then makes leaves around it less uncertain, but changes nothing in what is
    expected of them, so that parallel proposals keep away from each other.
    """

    def __init__(self, decisions: int, *, bounds: Bounds = BOUNDS) -> None:
        self._bounds = bounds
        self._decisions = decisions
        self._leaves: list[Leaf] = []
        self._values: list[float] = []
        self._awaited: dict[Leaf, None] = {}
        self._chosen: Ints = np.zeros(0, np.int64)
        """Numbers of the evaluations that the processes hold, in their order."""
        self._chosen_at = 0
        """How many evaluations had been told when they were last chosen."""
        self._processes = Processes(np.zeros((0, decisions), np.int64))
        self._posterior: _Posterior | None = None

    def __len__(self) -> int:
        """Returns the number of evaluations that are known or awaited."""
        return self.observed + len(self._awaited)

    @property
    def observed(self) -> int:
        """Number of known values."""
        return len(self._values)

    @property
    def held(self) -> int:
        """Number of evaluations that the processes hold."""
        return len(self._processes)

    def await_value(self, leaf: Leaf) -> None:
        """Notes that a leaf's evaluation is under way."""
        self._awaited[leaf] = None
        self._posterior = None

    def tell(self, leaf: Leaf, value: float) -> None:
        """Notes the value of a leaf, awaited or not."""
        self.forget(leaf)
        self._leaves.append(leaf)
        self._values.append(value)

    def forget(self, leaf: Leaf) -> None:
        """Awaits a leaf no longer: its evaluation failed."""
        self._awaited.pop(leaf, None)
        self._posterior = None

    def log_improvement(self, targets: Targets) -> Floats:
        """Returns (R,) logarithms of the expected improvements over the best value seen, up to a constant. Some value must be known."""
        posterior = self._updated()
        mean, deviation = posterior.predict(posterior.moments(targets))
        return log_expected_improvement(mean, deviation, posterior.best)

    def predict(self, targets: Targets) -> tuple[Floats, Floats]:
        """Returns (R,) expected values and their standard deviations, in the units of the values. Some value must be known."""
        posterior = self._updated()
        mean, deviation = posterior.predict(posterior.moments(targets))
        return posterior.centre + posterior.scale * mean, posterior.scale * deviation

    def _updated(self) -> _Posterior:
        if self._posterior is None:
            self._catch_up()
            self._posterior = self._infer()
        return self._posterior

    def _catch_up(self) -> None:
        """Gives the processes what was told since; at counts that depend on nothing else, chooses anew what they hold."""
        most, kept = self._bounds.most, self._bounds.kept
        told = self.observed
        at = 0 if told < most else most + (told - most) // (most - kept) * (most - kept)
        if at != self._chosen_at:
            self._chosen, self._chosen_at = self._choose(at), at
            self._processes = Processes(np.array([self._leaves[number] for number in self._chosen], np.int64))
        held = at + len(self._processes) - (kept if at else 0)
        for number in range(held, told):
            self._processes.append(np.array(self._leaves[number], np.int64))
        self._chosen = np.concatenate([self._chosen[: kept if at else 0], np.arange(at, told)])

    def _choose(self, count: int) -> Ints:
        """Returns numbers of the first `count` evaluations, ascending: the best ones, and others spread over the time."""
        by_value = np.argsort(-np.array(self._values[:count]), kind="stable")
        best, others = by_value[: self._bounds.best], np.sort(by_value[self._bounds.best :])
        spread = np.linspace(0, len(others) - 1, self._bounds.kept - self._bounds.best).round().astype(np.int64)
        return np.sort(np.concatenate([best, others[spread]]))

    def _standardised(self) -> tuple[Floats, float, float]:
        """Returns the held values with mean 0 and deviation 1, very low ones raised; and the mean and deviation they had."""
        values = np.array([self._values[number] for number in self._chosen])
        best, median = values.max(), np.median(values)
        # Half of the values may be equal, the median then being the best: nothing can be told of a tail.
        values = np.maximum(values, median - _LOW_TAIL * (best - median)) if best > median else values
        mean, scale = float(values.mean()), float(values.std()) or 1.0
        return (values - mean) / scale, mean, scale

    def _infer(self) -> _Posterior:
        """Returns what the likely processes say, given the values so far."""
        values, centre, scale = self._standardised()
        fit = self._processes.fit(values)
        weights = np.exp(fit.log_likelihoods - fit.log_likelihoods.max())
        models = np.flatnonzero(weights >= _LIKELY)
        awaited = np.array(list(self._awaited), np.int64).reshape(-1, self._decisions)
        extension = self._processes.extension(models, awaited)
        return _Posterior(
            self._processes,
            models,
            weights=weights[models] / weights[models].sum(),
            means=fit.means[models],
            coefficients=self._processes.coefficients(models, fit.residuals),
            information=fit.information[models] + (extension.sum(axis=2) ** 2).sum(axis=1),
            variances=fit.variances[models],
            awaited=awaited,
            extension=extension,
            best=float(values.max()),
            centre=centre,
            scale=scale,
        )


@dataclass(frozen=True)
class _Posterior:
    """The likely processes given values: arrays of (M,), coefficients (M, n), extension (M, k, n + k) by the k awaited leaves.

    `centre` and `scale` undo the standardisation.
    """

    processes: Processes
    models: Ints
    weights: Floats
    means: Floats
    coefficients: Floats
    information: Floats
    variances: Floats
    awaited: Ints
    extension: Floats
    best: float
    centre: float
    scale: float

    def moments(self, targets: Targets) -> Moments:
        return targets.moments(self.processes, self.models, self.coefficients, self.awaited, self.extension)

    def predict(self, moments: Moments) -> tuple[Floats, Floats]:
        """Returns (R,) mean and standard deviation of the mixture, standardised."""
        means = self.means[:, None] + moments.means
        # The last term is the uncertainty of the mean itself.
        unexplained = 1.0 - moments.squares + (1.0 - moments.products) ** 2 / self.information[:, None]
        variances = self.variances[:, None] * np.maximum(unexplained, _LEAST_VARIANCE)
        mean = self.weights @ means
        variance = self.weights @ (variances + (means - mean) ** 2)
        return mean, np.sqrt(variance)
