"""A family of Gaussian processes that share their observations: one for each kernel and each level of noise.

Each has an unknown constant mean and an unknown scale, both integrated out. What a process knows is kept as the inverse of the Cholesky
factor of its correlation matrix, so that one observation more is one row more.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006: 2.2 and algorithm 2.1 (prediction), 2.7 (a mean that is
integrated out), 5.4 (marginal likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg.lapack import dtrtri

from lut.prediction.replay import Floats, Ints
from search.surrogate.kernels import KERNELS, agreements, correlation_tables

NOISES: Final = (1e-3, 1e-2, 1e-1)
"""Variances of an observation's error, in units of the process's own variance."""
PRIOR_DEGREES: Final = 2.0
"""Pseudo-observations of the standardised scale: a few equal values do not make a process sure that all are."""
_LEAST_VARIANCE: Final = 1e-9


@dataclass(frozen=True)
class Fit:
    """All processes' fits to n values: arrays of (models,).

    `means`; the `information` on each mean (the inverse of its variance, in units of the scale); the scale's estimate `variances`; the
    logarithms of the marginal likelihoods, up to a constant; and `residuals` (models, n), decorrelated.
    """

    means: Floats
    information: Floats
    variances: Floats
    log_likelihoods: Floats
    residuals: Floats


class Processes:
    """The family, and the leaves whose values it has been given room for, in their order."""

    def __init__(self, leaves: Ints) -> None:
        self.kernel_of: Ints = np.repeat(np.arange(len(KERNELS)), len(NOISES))
        self.noise = np.tile(NOISES, len(KERNELS))
        self.tables = correlation_tables(leaves.shape[1])
        self._count = len(leaves)
        self._leaves = leaves.copy()
        self._inverse = np.zeros((len(self.noise), self._count, self._count))
        self._row_sums = np.zeros((len(self.noise), self._count))
        self._log_diagonal = np.zeros(len(self.noise))
        if self._count:
            self._factorise()

    def __len__(self) -> int:
        return self._count

    @property
    def leaves(self) -> Ints:
        """(n, D)."""
        found: Ints = self._leaves[: self._count]
        return found

    @property
    def inverse(self) -> Floats:
        """(models, n, n): inverses of the Cholesky factors of the correlation matrices with noise, lower triangular."""
        return self._inverse[:, : self._count, : self._count]

    @property
    def row_sums(self) -> Floats:
        """(models, n): sums of the rows of `inverse`."""
        return self._row_sums[:, : self._count]

    def _factorise(self) -> None:
        correlations = self.tables[:, agreements(self._leaves, self._leaves)]
        for model, (kernel, noise) in enumerate(zip(self.kernel_of, self.noise, strict=True)):
            factor = np.linalg.cholesky(correlations[kernel] + noise * np.eye(self._count))
            self._inverse[model] = np.tril(dtrtri(factor, lower=1)[0])
            self._log_diagonal[model] = np.log(np.diagonal(factor)).sum()
        self._row_sums[:] = self._inverse.sum(axis=2)

    def append(self, leaf: Ints) -> None:
        """Adds a leaf of (D,) decisions."""
        self._make_room()
        count, inverse = self._count, self.inverse
        correlations = self.tables[:, agreements(leaf[None, :], self.leaves)[0]][self.kernel_of]
        projected = np.matmul(inverse, correlations[:, :, None])[:, :, 0]
        diagonal = np.sqrt(np.maximum(1.0 + self.noise - (projected * projected).sum(axis=1), _LEAST_VARIANCE))
        row = -np.matmul(projected[:, None, :], inverse)[:, 0] / diagonal[:, None]
        self._inverse[:, count, :count] = row
        self._inverse[:, count, count] = 1.0 / diagonal
        self._row_sums[:, count] = row.sum(axis=1) + 1.0 / diagonal
        self._log_diagonal += np.log(diagonal)
        self._leaves[count] = leaf
        self._count += 1

    def _make_room(self) -> None:
        room = self._inverse.shape[1]
        if self._count < room:
            return
        more = max(16, room // 2)
        self._inverse = np.pad(self._inverse, ((0, 0), (0, more), (0, more)))
        self._row_sums = np.pad(self._row_sums, ((0, 0), (0, more)))
        self._leaves = np.pad(self._leaves, ((0, more), (0, 0)))

    def fit(self, values: Floats) -> Fit:
        """Fits every process to the (n,) values, which should have mean 0 and deviation 1."""
        ones = self.row_sums
        decorrelated = np.matmul(self.inverse, values)
        information = (ones * ones).sum(axis=1)
        means = (ones * decorrelated).sum(axis=1) / information
        residuals = decorrelated - means[:, None] * ones
        degrees = self._count - 1 + PRIOR_DEGREES
        squares = (residuals * residuals).sum(axis=1) + PRIOR_DEGREES
        likelihoods = -self._log_diagonal - 0.5 * np.log(information) - 0.5 * degrees * np.log(squares)
        return Fit(means, information, squares / degrees, likelihoods, residuals)

    def coefficients(self, models: Ints, residuals: Floats) -> Floats:
        """Returns (M, n): of the correlations with each observation, in what M of the processes expect of a leaf."""
        # The factor's inverse is lower triangular, so that its transpose takes decorrelated residuals back to the observations.
        found: Floats = np.stack([residuals[model] @ self.inverse[model] for model in models])
        return found

    def extension(self, models: Ints, leaves: Ints) -> Floats:
        """Returns (M, k, n + k): the rows by which `inverse` of M of the processes would grow with k leaves more."""
        if not len(leaves):
            return np.zeros((len(models), 0, self._count))
        across = self.tables[:, agreements(self.leaves, leaves)]
        within = self.tables[:, agreements(leaves, leaves)]
        rows = np.empty((len(models), len(leaves), self._count + len(leaves)))
        for place, model in enumerate(models):
            kernel, inverse = self.kernel_of[model], self.inverse[model]
            projected = inverse @ across[kernel]
            rest = within[kernel] + self.noise[model] * np.eye(len(leaves)) - projected.T @ projected
            own = np.tril(dtrtri(np.linalg.cholesky(rest), lower=1)[0])
            rows[place, :, : self._count] = -(own @ projected.T) @ inverse
            rows[place, :, self._count :] = own
        return rows
