"""Searches that are compared, each as a generator that yields leaves and is sent their accuracies.

* tree, uct, surrogate: the toolkit's methods;
* random: uniformly, without repetition;
* evolution: regularised evolution (Real et al., AAAI 2019): 20 in the population, the best of 5 mutated in one letter, the oldest dies;
* authors' uct: UCT with a fixed constant on raw accuracies, as the authors of SyncNAS released it, closing what was evaluated;
* gp: Bayesian optimisation, a Gaussian process (Matérn 5/2 on one-hot letters, fitted by likelihood) with expected improvement over all
  strategies, from 10 random ones on; only where they can be enumerated.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import numpy as np

from benchmarks.search.landscapes import Landscape, space
from search.engine.tree_search import METHODS, Settings, TreeSearch
from search.space import Leaf

Searcher: TypeAlias = Generator[Leaf, float, None]
_POPULATION, _TOURNAMENT = 20, 5
_UCT_CONSTANT = 2 * math.sqrt(2)
"""Constant of the authors' release of SyncNAS."""
_GP_FIRST = 10


def random_search(landscape: Landscape, seed: int) -> Searcher:
    """Draws feasible leaves uniformly, without repetition."""
    draw = fresh_leaves(landscape, seed)
    while True:
        yield draw()


def fresh_leaves(landscape: Landscape, seed: int) -> Callable[[], Leaf]:
    generator, seen, everything = np.random.default_rng(seed), set(), space(landscape.stages)

    def draw() -> Leaf:
        while True:
            leaves = everything.random(64, generator)
            for leaf in map(tuple, leaves[landscape.feasible(leaves)].tolist()):
                if leaf not in seen:
                    seen.add(leaf)
                    return leaf

    return draw


def evolution(landscape: Landscape, seed: int) -> Searcher:
    """Searches by regularised evolution (Real et al., AAAI 2019); a child that was evaluated before is mutated once more."""
    generator, everything = np.random.default_rng(seed), space(landscape.stages)
    draw = fresh_leaves(landscape, seed)
    population: deque[tuple[float, Leaf]] = deque(maxlen=_POPULATION)
    seen: set[Leaf] = set()
    while True:
        if len(population) < _POPULATION:
            leaf = draw()
        else:
            chosen = generator.choice(_POPULATION, _TOURNAMENT, replace=False)
            leaf = max(population[index] for index in chosen)[1]
            while leaf in seen:
                neighbours = everything.neighbours(np.array(leaf))
                neighbours = neighbours[landscape.feasible(neighbours)]
                leaf = tuple(generator.choice(neighbours).tolist()) if len(neighbours) else draw()
        seen.add(leaf)
        population.append(((yield leaf), leaf))


def uct(landscape: Landscape, seed: int) -> Searcher:
    """Searches by UCT with a fixed constant. It skips infeasible and evaluated leaves, either of which would only make it worse."""
    generator, options = np.random.default_rng(seed), space(landscape.stages).options
    visits: dict[Leaf, int] = {}
    totals: dict[Leaf, float] = {}
    closed: set[Leaf] = set()
    while True:
        leaf: Leaf = ()
        while len(leaf) < len(options):
            children = [child for value in options[len(leaf)] if (child := (*leaf, value)) not in closed]
            new = [child for child in children if child not in visits]
            if new:
                leaf = tuple(new[int(generator.integers(len(new)))])
            else:
                log = math.log(visits[leaf])
                leaf = max(children, key=lambda c: totals[c] / visits[c] + _UCT_CONSTANT * math.sqrt(log / visits[c]))
        for depth in range(len(leaf), 0, -1):
            if depth < len(leaf) and any((*leaf[:depth], value) not in closed for value in options[depth]):
                break
            closed.add(leaf[:depth])
        if not landscape.feasible(np.array([leaf]))[0]:
            continue
        accuracy = yield leaf
        for depth in range(len(leaf)):
            visits[leaf[:depth]] = visits.get(leaf[:depth], 0) + 1
            totals[leaf[:depth]] = totals.get(leaf[:depth], 0.0) + accuracy
        visits[leaf], totals[leaf] = 1, accuracy


def gaussian_process(landscape: Landscape, seed: int) -> Searcher:
    """Searches by a Gaussian process: the leaf of the largest expected improvement over all strategies."""
    from scipy.stats import norm
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    everything = space(landscape.stages)
    leaves = everything.leaves(np.arange(everything.size))
    leaves = leaves[landscape.feasible(leaves)]
    codes = np.concatenate([(leaves[:, [i]] == np.arange(3)).astype(float) for i in range(landscape.stages)], axis=1)
    generator = np.random.default_rng(seed)
    seen = generator.permutation(len(leaves))[:_GP_FIRST].tolist()
    values: list[float] = []
    for index in seen:
        value = yield tuple(leaves[index].tolist())
        values.append(value)
    kernel = ConstantKernel(1.0) * Matern(length_scale=2.0, length_scale_bounds=(0.3, 30.0), nu=2.5) + WhiteKernel(1e-2, (1e-6, 1.0))
    while True:
        y = np.array(values)
        model: Any = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mean, deviation = model.fit(codes[seen], y).predict(codes, return_std=True)
        z = (mean - y.max()) / np.maximum(deviation, 1e-12)
        improvement = deviation * (z * norm.cdf(z) + norm.pdf(z))
        improvement[seen] = -np.inf
        index = int(improvement.argmax())
        seen.append(index)
        values.append((yield tuple(leaves[index].tolist())))


def ours(method: str) -> Callable[[Landscape, int], Searcher]:
    """Returns the toolkit's search by one of its methods."""

    def search(landscape: Landscape, seed: int) -> Searcher:
        asked = TreeSearch(space(landscape.stages), landscape.feasible, Settings(seed=seed, method=method))
        while (leaf := asked.ask()) is not None:
            asked.tell(leaf, (yield leaf))

    return search


SEARCHERS: dict[str, Callable[[Landscape, int], Searcher]] = {
    **{method: ours(method) for method in METHODS},
    "gp": gaussian_process,
    "evolution": evolution,
    "authors' uct": uct,
    "random": random_search,
}
