"""Candidate leaves of a search: all that are feasible, where they can be listed; a pool of promising ones, where they cannot.

A pool follows from the seed, the number of the question and what was asked and told before, and from nothing else: a search that is told
the same things again has the same pool. What the surrogate knows of the leaves that stay is kept from one question to the next.

Source of the climbing: Hutter et al., Sequential model-based optimization for general algorithm configuration, LION 2011 (local search on
the expected improvement, from the best configurations seen and from random ones).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from lut.prediction.replay import Floats, Ints
from search.engine.prior import Candidates
from search.space import Leaf, Space
from search.surrogate.mixture import Surrogate
from search.surrogate.targets import Targets

Feasible: TypeAlias = Callable[[Ints], npt.NDArray[np.bool_]]
"""Which of (R, decisions) leaves can be evaluated at all, (R,)."""

_SLOTS: Final = 16
"""Questions for which a random leaf stays in the pool."""
_PER_SLOT: Final = 48
_DRAWS: Final = (64, 256, 512)
"""Draws for the random leaves of one question, where many are infeasible."""
_TRIES: Final = 4096
"""Draws for a feasible leaf, where most are infeasible."""
_CLIMBERS: Final = 6
_APART: Final = 3
"""Climbers begin at leaves that differ in so many decisions."""
_LOOKED_AT: Final = 128
"""So many of the best candidates may be a climber's beginning."""
_STEPS: Final = 12
_GAIN: Final = 1e-9


class Pool(Protocol):
    """Feasible leaves that were not asked for yet."""

    def begin(self, leaf: Leaf) -> None:
        """A leaf is asked for."""

    def random(self, count: int, generator: np.random.Generator) -> Ints:
        """Returns up to so many of the open, feasible leaves of the space, (R, decisions)."""

    def candidates(self, question: int, best: Sequence[Leaf], surrogate: Surrogate) -> Candidates:
        """Returns the leaves from which the next one is chosen, in an order that depends on nothing but which they are; maybe none.

        Args:
            question: its number.
            best: the best leaves seen.
        """


class CompletePool:
    """All feasible leaves of a space that is small enough. `choices` are the decisions that are no foregone conclusion."""

    def __init__(self, space: Space, leaves: Ints, choices: Ints) -> None:
        self._space, self._leaves = space, leaves
        self._codes = space.codes(leaves)
        self._is_open = np.ones(len(leaves), bool)
        self._targets = Targets(leaves[:, choices])

    def __len__(self) -> int:
        return len(self._leaves)

    def begin(self, leaf: Leaf) -> None:
        code = self._space.codes(np.array([leaf]))
        self._is_open[np.isin(self._codes, code)] = False

    def random(self, count: int, generator: np.random.Generator) -> Ints:
        found: Ints = self._leaves[generator.permutation(np.flatnonzero(self._is_open))[:count]]
        return found

    def candidates(self, question: int, best: Sequence[Leaf], surrogate: Surrogate) -> Candidates:  # noqa: ARG002 - as any pool's
        improvement = surrogate.log_improvement(self._targets)
        return Candidates(self._leaves[self._is_open], improvement[self._is_open])


class SampledPool:
    """Some leaves of a space that is too large to be listed: random ones, neighbours of the best ones seen, and what climbing finds."""

    def __init__(self, space: Space, feasible: Feasible, choices: Ints, seed: int) -> None:
        self._space, self._feasible, self._choices, self._seed = space, feasible, choices, seed
        self._asked: set[int] = set()
        self._random: dict[int, Ints] = {}
        """By question: codes of the random leaves that came with it."""
        self._around: dict[Leaf, Ints] = {}
        """By leaf: codes of its feasible neighbours."""
        self._codes: Ints = np.zeros(0, np.int64)
        self._targets = Targets(np.zeros((0, len(choices)), np.int64))

    def begin(self, leaf: Leaf) -> None:
        self._asked.add(int(self._space.codes(np.array([leaf]))[0]))

    def random(self, count: int, generator: np.random.Generator) -> Ints:
        drawn = self._space.random(_TRIES, generator)
        found: list[Ints] = []
        for start in range(0, _TRIES, 256):
            part = drawn[start : start + 256]
            part = part[self._is_open(self._space.codes(part))]
            found.append(part[self._feasible(part)] if len(part) else part)
            if sum(map(len, found)) >= count:
                break
        return np.concatenate(found)[:count]

    def candidates(self, question: int, best: Sequence[Leaf], surrogate: Surrogate) -> Candidates:
        self._refresh(question, best)
        improvement = surrogate.log_improvement(self._targets)
        is_open = self._is_open(self._codes)
        codes, improvement = self._climb(self._codes[is_open], improvement[is_open], surrogate)
        order = np.argsort(codes)
        return Candidates(self._space.leaves(codes[order]), improvement[order])

    def _is_open(self, codes: Ints) -> npt.NDArray[np.bool_]:
        return np.array([code not in self._asked for code in codes.tolist()], bool)

    def _refresh(self, question: int, best: Sequence[Leaf]) -> None:
        """Replaces the leaves that the pool holds by those that belong to this question."""
        numbers = range(question - _SLOTS + 1, question + 1)
        self._random = {number: self._random[number] if number in self._random else self._drawn(number) for number in numbers}
        self._around = {leaf: self._around[leaf] if leaf in self._around else self._near(leaf) for leaf in best}
        wanted = np.unique(np.concatenate([*self._random.values(), *self._around.values()]))
        stays = np.isin(self._codes, wanted)
        new = np.setdiff1d(wanted, self._codes)
        self._targets.replace(stays, self._space.leaves(new)[:, self._choices])
        self._codes = np.concatenate([self._codes[stays], new])

    def _drawn(self, number: int) -> Ints:
        generator = np.random.default_rng((self._seed, number + _SLOTS, _SLOTS))
        codes: Ints = np.zeros(0, np.int64)
        for draws in _DRAWS:
            leaves = self._space.random(draws, generator)
            codes = np.concatenate([codes, self._space.codes(leaves[self._feasible(leaves)])])
            if len(codes) >= _PER_SLOT:
                break
        return codes[:_PER_SLOT]

    def _near(self, leaf: Leaf) -> Ints:
        leaves = self._space.neighbours(np.array(leaf))
        return self._space.codes(leaves[self._feasible(leaves)]) if len(leaves) else np.zeros(0, np.int64)

    def _climb(self, codes: Ints, values: Floats, surrogate: Surrogate) -> tuple[Ints, Floats]:
        """Improves some of the best leaves by single decisions, side by side, as long as more is expected; returns all with those met."""
        known = dict(zip(codes.tolist(), values.tolist(), strict=True))
        feasible = dict.fromkeys(known, True)
        moving = self._beginnings(codes, values)
        for _ in range(_STEPS):
            if not moving:
                break
            around = {code: self._space.codes(self._space.neighbours(self._space.leaves(np.array([code]))[0])) for code in moving}
            unknown = np.array(sorted({code for near in around.values() for code in near.tolist()} - known.keys()), np.int64)
            if len(unknown):
                targets = Targets(self._space.leaves(unknown)[:, self._choices])
                known.update(zip(unknown.tolist(), surrogate.log_improvement(targets).tolist(), strict=True))
            better = {
                code: sorted((other for other in near.tolist() if known[other] > known[code] + _GAIN), key=lambda c: (-known[c], c))
                for code, near in around.items()
            }
            moving = self._best_usable(better, feasible)
        found = np.array(sorted(code for code, can in feasible.items() if can), np.int64)
        return found, np.array([known[code] for code in found.tolist()])

    def _beginnings(self, codes: Ints, values: Floats) -> list[int]:
        """Leaves of which much is expected, that are apart from each other."""
        found: list[int] = []
        leaves = np.zeros((0, len(self._space.options)), np.int64)
        for row in np.lexsort((codes, -values))[:_LOOKED_AT]:
            leaf = self._space.leaves(codes[[row]])
            if ((leaves != leaf).sum(axis=1) >= _APART).all():
                found.append(int(codes[row]))
                leaves = np.concatenate([leaves, leaf])
            if len(found) == _CLIMBERS:
                break
        return found

    def _best_usable(self, better: dict[int, list[int]], feasible: dict[int, bool]) -> list[int]:
        """Returns the best open and feasible one of each climber's better neighbours; `feasible` remembers what was looked up."""
        wanted = sorted({code for codes in better.values() for code in codes if code not in feasible and code not in self._asked})
        if wanted:
            leaves = np.array(wanted, np.int64)
            feasible.update(zip(wanted, self._feasible(self._space.leaves(leaves)).tolist(), strict=True))
        next_ones = (next((code for code in codes if feasible.get(code, False)), None) for codes in better.values())
        return sorted({code for code in next_ones if code is not None})
