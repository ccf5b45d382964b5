"""The learned prior: what the evaluations so far let one expect of leaves that were not evaluated yet, and how sure that is.

A mixture of Gaussian processes over categorical decisions. Each has a kernel that depends on where two leaves agree: in how many
decisions, in how many neighbouring pairs, in how many pairs at all, or exponentially in how many they differ; and a noise of its own.
They are weighted by how well they explain what was seen (marginal likelihood, with mean and scale integrated out), so that a landscape
of single effects, one of strong interactions and a noisy one are each met by the processes that fit it, from a handful of evaluations on.

Sources: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006 (2.7, 5.4); Duvenaud et al., Additive Gaussian Processes,
NIPS 2011; Ru et al., Bayesian optimisation over multiple continuous and categorical inputs, ICML 2020 (kernels of agreements); Jones et
al., Efficient global optimization, 1998 (expected improvement), in the logarithmic form of Ament et al., Unexpected improvements to
expected improvement, NeurIPS 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import erfcx, log_ndtr

from lut.prediction.replay import Floats, Ints

_LIKELY: Final = 0.3
"""Processes with less than this share of the best one's weight are not asked."""
_PRIOR_DEGREES: Final = 2.0
"""Pseudo-observations of the standardised scale: a few equal rewards do not make it sure that all are."""
_LOW_TAIL: Final = 1.5
"""Rewards lower than this many times (best - median) below the median count as that low."""


@dataclass(frozen=True)
class Kernel:
    """Correlation of two leaves: shares for single agreements, neighbouring pairs, all pairs, and ``decay ** differences``."""

    single: float = 0.0
    near: float = 0.0
    pairs: float = 0.0
    decay: float = 0.0
    decaying: float = 0.0

    def table(self, decisions: int) -> Floats:
        """(decisions + 1, max(1, decisions)): by the number of agreements and of neighbouring ones."""
        agreements = np.arange(decisions + 1)[:, None]
        near = np.arange(max(1, decisions))[None, :]
        value = self.single * agreements / max(1, decisions) + self.near * near / max(1, decisions - 1)
        value = value + self.pairs * agreements * (agreements - 1) / max(1, decisions * (decisions - 1))
        if self.decaying:
            value = value + self.decaying * self.decay ** (decisions - agreements)
        correlation: Floats = value / (self.single + self.near + self.pairs + self.decaying)
        return correlation


KERNELS: Final = (
    Kernel(decay=0.5, decaying=1.0),
    Kernel(decay=0.7, decaying=1.0),
    Kernel(decay=0.8, decaying=1.0),
    Kernel(decay=0.9, decaying=1.0),
    Kernel(single=1.0, near=0.1, decay=0.5, decaying=0.02),
    Kernel(single=1.0, near=0.3, pairs=0.1, decay=0.5, decaying=0.05),
    Kernel(single=1.0, pairs=1.0, decay=0.5, decaying=0.05),
    Kernel(single=0.3, pairs=1.0, decay=0.5, decaying=0.1),
)
NOISES: Final = (1e-3, 1e-2, 1e-1)


class Correlations:
    """Correlations of leaves of so many decisions by all kernels."""

    def __init__(self, decisions: int) -> None:
        self._tables = np.stack([kernel.table(decisions) for kernel in KERNELS])

    def of(self, leaf: Ints, leaves: Ints) -> Floats:
        """(kernels, R): of one leaf with (R, D) others."""
        agree = leaves == leaf
        near = np.count_nonzero(agree[:, 1:] & agree[:, :-1], axis=1)
        found: Floats = self._tables[:, np.count_nonzero(agree, axis=1), near]
        return found


class Surrogate:
    """Observations of leaves, and what they say of others.

    An observation is *awaited* while its evaluation is under way: it then makes leaves around it less uncertain, but changes nothing in
    what is expected of them, so that parallel proposals keep away from each other (Desautels et al., Parallelizing exploration-exploitation
    tradeoffs in Gaussian process bandit optimization, JMLR 2014).

    Args:
        pool: leaves that will be asked about again and again, (N, D); what it takes for them is kept from one question to the next.
    """

    def __init__(self, decisions: int, *, pool: Ints | None = None) -> None:
        self._correlations = Correlations(decisions)
        self._kernel_of = np.repeat(np.arange(len(KERNELS)), len(NOISES))
        self._noise = np.tile(NOISES, len(KERNELS))
        self._leaves = np.zeros((0, decisions), np.int64)
        self._values = np.zeros(0)
        self._is_awaited = np.zeros(0, bool)
        self._inverse = np.zeros((len(self._noise), 0, 0))
        """(models, n, n): inverses of the Cholesky factors of the correlation matrices, lower triangular."""
        self._log_diagonal = np.zeros(len(self._noise))
        self._pool = None if pool is None else _Pool(pool, self._correlations, self._kernel_of)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def observed(self) -> int:
        """How many values are known."""
        return int(np.count_nonzero(~self._is_awaited))

    def await_value(self, leaf: Ints) -> int:
        """A new observation, whose value is not known yet; gives its number."""
        self._append(leaf)
        self._values = np.append(self._values, np.nan)
        self._is_awaited = np.append(self._is_awaited, True)
        return len(self._values) - 1

    def tell(self, number: int, value: float) -> None:
        """The value of an observation is there."""
        self._values[number], self._is_awaited[number] = value, False

    def without(self, number: int) -> Surrogate:
        """The same without an observation, whose evaluation failed; those after it move up."""
        fresh = Surrogate(self._leaves.shape[1], pool=None if self._pool is None else self._pool.leaves)
        for leaf in np.delete(self._leaves, number, axis=0):
            fresh.await_value(leaf)
        fresh._values, fresh._is_awaited = np.delete(self._values, number), np.delete(self._is_awaited, number)
        return fresh

    def _append(self, leaf: Ints) -> None:
        """Extends every inverse factor by a row."""
        correlations = self._correlations.of(leaf, self._leaves)[self._kernel_of]
        count = len(self._leaves)
        projected = np.matmul(self._inverse, correlations[:, :, None])[:, :, 0]
        diagonal = np.sqrt(np.maximum(1.0 + self._noise - (projected * projected).sum(axis=1), 1e-9))
        grown = np.zeros((len(self._noise), count + 1, count + 1))
        grown[:, :count, :count] = self._inverse
        grown[:, count, :count] = -np.matmul(projected[:, None, :], self._inverse)[:, 0] / diagonal[:, None]
        grown[:, count, count] = 1.0 / diagonal
        self._inverse = grown
        self._log_diagonal += np.log(diagonal)
        self._leaves = np.concatenate([self._leaves, leaf[None, :]])
        if self._pool is not None:
            self._pool.append(leaf)

    def _standardised(self) -> tuple[Floats, float, float]:
        """Known values with mean 0 and deviation 1, very low ones raised; and the mean and deviation they had."""
        known = self._values[~self._is_awaited]
        best, median = known.max(), np.median(known)
        # Half of the values may be equal, the median then being the best: nothing can be told of a tail.
        known = np.maximum(known, median - _LOW_TAIL * (best - median)) if best > median else known
        mean, scale = float(known.mean()), float(known.std()) or 1.0
        return (known - mean) / scale, mean, scale

    def _posterior(self) -> _Posterior:
        """What the likely models say, given the values so far."""
        y, centre, scale = self._standardised()
        fit = self._fit(y) if not self._is_awaited.any() else self._fit_known(y)
        degrees = len(y) - 1 + _PRIOR_DEGREES
        squares = fit.squares + _PRIOR_DEGREES
        likelihood = -fit.log_diagonal - 0.5 * np.log(fit.information) - 0.5 * degrees * np.log(squares)
        weights = np.exp(likelihood - likelihood.max())
        models = np.flatnonzero(weights >= _LIKELY)
        coefficients = np.zeros((len(models), len(self)))
        coefficients[:, ~self._is_awaited] = fit.coefficients[models]
        information = (self._inverse[models].sum(axis=2) ** 2).sum(axis=1)
        shares = weights[models] / weights[models].sum()
        return _Posterior(
            models, shares, fit.means[models], coefficients, information, squares[models] / degrees, float(y.max()), centre, scale
        )

    def _fit(self, y: Floats) -> _Fit:
        """Every model's fit to the values, all being known."""
        ones = self._inverse.sum(axis=2)
        values = np.matmul(self._inverse, y)
        information = (ones * ones).sum(axis=1)
        means = (ones * values).sum(axis=1) / information
        residuals = values - means[:, None] * ones
        # The inverse factor is lower triangular, so its transpose takes the residuals back to the observations.
        coefficients = np.matmul(residuals[:, None, :], self._inverse)[:, 0]
        return _Fit(means, information, (residuals * residuals).sum(axis=1), self._log_diagonal, coefficients)

    def _fit_known(self, y: Floats) -> _Fit:
        """Every model's fit to the known values, as if what is awaited had not been asked for."""
        awaited, known = np.flatnonzero(self._is_awaited), np.flatnonzero(~self._is_awaited)
        precision = np.matmul(self._inverse.transpose(0, 2, 1), self._inverse)
        across = precision[:, awaited[:, None], known]
        within = precision[:, awaited[:, None], awaited]
        inverse = precision[:, known[:, None], known] - np.matmul(across.transpose(0, 2, 1), np.linalg.solve(within, across))
        sums = inverse.sum(axis=2)
        information = sums.sum(axis=1)
        means = (sums @ y) / information
        centred = y - means[:, None]
        coefficients = np.matmul(inverse, centred[:, :, None])[:, :, 0]
        log_diagonal = self._log_diagonal + 0.5 * np.linalg.slogdet(within)[1]
        return _Fit(means, information, (coefficients * centred).sum(axis=1), log_diagonal, coefficients)

    def log_improvement(self, leaves: Ints | None = None) -> Floats:
        """(R,) logarithm of the expected improvement over the best value seen, up to a constant; of the pool without `leaves`."""
        posterior = self._posterior()
        mean, deviation = self._moments(posterior, leaves)
        found: Floats = np.log(deviation) + _log_improvement((mean - posterior.best) / deviation)
        return found

    def predict(self, leaves: Ints) -> tuple[Floats, Floats]:
        """(R,) expected values and their standard deviations, in the units of what was observed."""
        posterior = self._posterior()
        mean, deviation = self._moments(posterior, leaves)
        return posterior.centre + posterior.scale * mean, posterior.scale * deviation

    def _moments(self, posterior: _Posterior, leaves: Ints | None) -> tuple[Floats, Floats]:
        pool = self._pool if leaves is None else self._pool_of(leaves)
        assert pool is not None
        means = pool.means(posterior.models, self._inverse, posterior.coefficients)
        return posterior.moments(means, pool)

    def _pool_of(self, leaves: Ints) -> _Pool:
        pool = _Pool(leaves, self._correlations, self._kernel_of, room=len(self))
        for leaf in self._leaves:
            pool.append(leaf)
        return pool


class _Pool:
    """Leaves that are asked about, and what every model knows of them whatever the values.

    With V the inverse factor times the leaves' correlations with what was observed (n, N): the sums of its columns' squares, and the
    products of its columns with the inverse factor's row sums. Both grow by a term with each observation, and only for models that are
    asked.
    """

    def __init__(self, leaves: Ints, correlations: Correlations, kernel_of: Ints, *, room: int = 64) -> None:
        self.leaves = leaves
        self._source, self._kernel_of = correlations, kernel_of
        self._count = 0
        self._correlations = np.zeros((len(KERNELS), room, len(leaves)))
        self._have = np.zeros(len(kernel_of), np.int64)
        self.squares = np.zeros((len(kernel_of), len(leaves)))
        self.products = np.zeros((len(kernel_of), len(leaves)))

    def append(self, leaf: Ints) -> None:
        """One observation more."""
        if self._count == self._correlations.shape[1]:
            self._correlations = np.concatenate([self._correlations, np.zeros_like(self._correlations)], axis=1)
        self._correlations[:, self._count] = self._source.of(leaf, self.leaves)
        self._count += 1

    def means(self, models: Ints, inverse: Floats, coefficients: Floats) -> Floats:
        """(models, N): coefficients (models, n) times correlations; adds the terms of what was observed since these models were last asked.

        Kernel by kernel, in one product each: most of the time goes into reading the correlations.
        """
        found = np.empty((len(models), len(self.leaves)))
        for kernel in np.unique(self._kernel_of[models]):
            which = np.flatnonzero(self._kernel_of[models] == kernel)
            new = [inverse[model, self._have[model] :] for model in models[which]]
            products = np.concatenate([*new, coefficients[which]]) @ self._correlations[kernel, : self._count]
            for model, rows in zip(models[which], new, strict=True):
                whitened, products = products[: len(rows)], products[len(rows) :]
                self.squares[model] += np.einsum("nr,nr->r", whitened, whitened)
                self.products[model] += rows.sum(axis=1) @ whitened
                self._have[model] = self._count
            found[which] = products
        return found


@dataclass(frozen=True)
class _Fit:
    """All models' fits: means (models,), the information on them, the squared residuals in the model's metric, half the logarithm of its
    determinant, and the coefficients (models, known) of correlations in what is expected of a leaf.
    """

    means: Floats
    information: Floats
    squares: Floats
    log_diagonal: Floats
    coefficients: Floats


@dataclass(frozen=True)
class _Posterior:
    """The likely models given values: arrays of (models,), the coefficients (models, n). `centre` and `scale` undo the standardisation."""

    models: Ints
    weights: Floats
    means: Floats
    coefficients: Floats
    information: Floats
    variances: Floats
    best: float
    centre: float
    scale: float

    def moments(self, means: Floats, pool: _Pool) -> tuple[Floats, Floats]:
        """(N,) mean and standard deviation of the mixture, from what each model's coefficients make of the pool."""
        means = self.means[:, None] + means
        # The last term is the uncertainty of the mean itself.
        unexplained = 1.0 - pool.squares[self.models] + (1.0 - pool.products[self.models]) ** 2 / self.information[:, None]
        variances = self.variances[:, None] * np.maximum(unexplained, 1e-9)
        mean = self.weights @ means
        variance = self.weights @ (variances + (means - mean) ** 2)
        return mean, np.sqrt(variance)


def _log_improvement(z: Floats) -> Floats:
    """log(pdf(z) + z cdf(z)) of the normal distribution, exact also where both underflow."""
    log_pdf = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
    low = np.minimum(z, -1.0)
    # pdf(z) (1 - |z| cdf(z) / pdf(z)): the ratio is Mills', whose expansion far out avoids the difference of two equal numbers.
    near = np.maximum(low, -1e3)
    tail = np.where(low < -1e3, -2.0 * np.log(-low), np.log1p(near * np.sqrt(np.pi / 2) * erfcx(-near / np.sqrt(2))))
    high = np.maximum(z, -1.0)
    body = np.log(np.exp(-0.5 * high * high) / np.sqrt(2 * np.pi) + high * np.exp(log_ndtr(high)))
    found: Floats = np.where(z < -1.0, log_pdf + tail, body)
    return found
