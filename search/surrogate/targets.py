"""Targets: the leaves whose values are predicted (test inputs, in the words of Gaussian processes).

With V, for one process, the inverse Cholesky factor times the targets' correlations with the observations (n, R), a prediction's variance
needs the sums of V's columns' squares and the products of its columns with the factor's row sums. Both grow by a term with each
observation, whatever its value. They are kept, for the processes that are asked, so that a question costs what has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lut.prediction.replay import Floats, Ints
from search.surrogate.gaussian_process import Processes
from search.surrogate.kernels import agreements

_CHUNK: Final = 4096
"""Targets that are worked on at a time: bounds the memory that correlations take."""


@dataclass(frozen=True)
class Moments:
    """Moments of M processes: (M, R) products of correlations with the coefficients, sums of squares, and products with the row sums."""

    means: Floats
    squares: Floats
    products: Floats


class Targets:
    """(R, D) leaves and what processes know of them."""

    def __init__(self, leaves: Ints) -> None:
        self.leaves = leaves
        self._processes: Processes | None = None
        self._agreements = np.zeros((0, len(leaves)), np.int64)
        self._count = 0
        """How many rows of the agreements are filled."""
        self._squares: dict[int, Floats] = {}
        self._products: dict[int, Floats] = {}
        self._seen: dict[int, int] = {}
        """By process: of how many observations its sums hold the terms."""

    def replace(self, kept: npt.NDArray[np.bool_], added: Ints) -> None:
        """Keeps some of the leaves, and appends (A, D) others."""
        fresh = Targets(added)
        if self._processes is not None:
            fresh._catch_up(self._processes, self._count)
            for model, seen in self._seen.items():
                fresh._add_terms(model, seen)
                self._squares[model] = np.concatenate([self._squares[model][kept], fresh._squares[model]])
                self._products[model] = np.concatenate([self._products[model][kept], fresh._products[model]])
        stay = int(np.count_nonzero(kept))
        grown = np.zeros((len(self._agreements), stay + len(added)), np.int64)
        grown[: self._count, :stay] = self._agreements[: self._count, kept]
        grown[: self._count, stay:] = fresh._agreements[: self._count]
        self._agreements = grown
        self.leaves = np.concatenate([self.leaves[kept], added])

    def moments(self, processes: Processes, models: Ints, coefficients: Floats, more: Ints, extension: Floats) -> Moments:
        """Returns what the predictions of some processes are made of.

        Args:
            models: (M,) numbers of the processes; only their sums are kept until the next time.
            coefficients: (M, n).
            more: (k, D) leaves that are observed besides, without values.
            extension: (M, k, n + k) rows of `Processes.extension` for them.
        """
        self._catch_up(processes, len(processes))
        for model in set(self._seen) - set(models.tolist()):
            del self._seen[model], self._squares[model], self._products[model]
        for model in models.tolist():
            self._add_terms(model, len(processes))
        means = np.empty((len(models), len(self.leaves)))
        squares = np.stack([self._squares[model] for model in models.tolist()])
        products = np.stack([self._products[model] for model in models.tolist()])
        known = len(processes)
        for part in self._parts():
            across = agreements(more, self.leaves[part]) if len(more) else None
            for kernel in np.unique(processes.kernel_of[models]):
                which = np.flatnonzero(processes.kernel_of[models] == kernel)
                correlations = processes.tables[kernel].take(self._agreements[:known, part])
                means[which, part] = coefficients[which] @ correlations
                if across is None:
                    continue
                correlations = np.concatenate([correlations, processes.tables[kernel].take(across)])
                for place in which:
                    whitened = extension[place] @ correlations
                    squares[place, part] += np.einsum("kr,kr->r", whitened, whitened)
                    products[place, part] += extension[place].sum(axis=1) @ whitened
        return Moments(means, squares, products)

    def _parts(self) -> list[slice]:
        return [slice(start, start + _CHUNK) for start in range(0, len(self.leaves), _CHUNK)]

    def _catch_up(self, processes: Processes, count: int) -> None:
        """Brings the agreements up to the first `count` observations; forgets all if the processes are others."""
        if processes is not self._processes:
            self._processes = processes
            self._agreements, self._count = np.zeros((count, len(self.leaves)), np.int64), 0
            self._squares, self._products, self._seen = {}, {}, {}
        if len(self._agreements) < count:
            self._agreements = np.pad(self._agreements, ((0, max(16, count // 2)), (0, 0)))
        for part in self._parts():
            self._agreements[self._count : count, part] = agreements(processes.leaves[self._count : count], self.leaves[part])
        self._count = count

    def _add_terms(self, model: int, count: int) -> None:
        """Adds the terms of the first `count` observations to a process's sums, as far as they are not there."""
        assert self._processes is not None
        seen = self._seen.get(model, 0)
        squares = self._squares.setdefault(model, np.zeros(len(self.leaves)))
        products = self._products.setdefault(model, np.zeros(len(self.leaves)))
        self._seen[model] = count
        if seen == count:
            return
        rows = self._processes.inverse[model, seen:count, :count]
        table = self._processes.tables[self._processes.kernel_of[model]]
        for part in self._parts():
            whitened = rows @ table.take(self._agreements[:count, part])
            squares[part] += np.einsum("nr,nr->r", whitened, whitened)
            products[part] += self._processes.row_sums[model, seen:count] @ whitened
