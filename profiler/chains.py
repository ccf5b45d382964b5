"""Networks of others in pieces on one unit: at which places they are cut, and which networks are run.

Runs of whole networks tell what blocks and calls cost there beyond what they take alone. Pieces are blocks in a row; whatever they take and
give passes between them as between the segments of a schedule, several tensors of any type that can be handed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from collab.tensors.opaque import Opaque
from profiler.plan import Network

if TYPE_CHECKING:
    from graph.scheduling import CutNetwork

_SEED: Final = 0
"""Seed of the places where networks are cut: random, but the same in every plan of a network."""


@dataclass(frozen=True)
class Chain:
    """The blocks of a network in the order in which they run, and the places where it may be cut, by the number of the block behind."""

    opaque: tuple[Opaque, ...]
    places: tuple[int, ...]
    times_us: tuple[float, ...]

    def networks(self, *, mixed: int) -> list[Network]:
        """Returns the networks that are run: in as many pieces as can be, whole, both halves, and `mixed` cut at random; each once."""
        if len(self.places) < 2:
            return []
        generator = np.random.default_rng(_SEED)
        ends = (self.places[0], self.places[-1])
        cuts = [list(self.places), list(ends), *self._halves()]
        for _ in range(mixed):
            inner = self.places[1:-1]
            kept = [place for place, is_kept in zip(inner, generator.random(len(inner)) < generator.random(), strict=True) if is_kept]
            cuts.append([ends[0], *kept, ends[1]])
        return list(dict.fromkeys(tuple(self.opaque[begin:end] for begin, end in pairwise(cut)) for cut in cuts))

    def _halves(self) -> list[list[int]]:
        """Returns the cuts of both halves: a unit that shares a network with another one touches less than all of it."""
        inner = self.places[1:-1]
        if not inner:
            return []
        total_us = sum(self.times_us[self.places[0] : self.places[-1]])
        middle = min(inner, key=lambda place: abs(sum(self.times_us[self.places[0] : place]) - total_us / 2))
        at = self.places.index(middle)
        return [list(self.places[: at + 1]), list(self.places[at:])]

    def bounds(self, network: Network) -> list[int]:
        """Returns the first block of each piece of a network, and the one behind the last; where the same blocks follow twice, the first.

        Raises:
            ValueError: it is no network of these blocks.
        """
        keys = [block for piece in network for block in piece]
        for begin in self.places:
            bounds = [begin, *(begin + count for count in _sums(network))]
            if set(bounds) <= set(self.places) and list(self.opaque[begin : bounds[-1]]) == keys:
                return bounds
        raise ValueError("a network is none of the blocks that there are")


def _sums(network: Network) -> Iterator[int]:
    count = 0
    for piece in network:
        count += len(piece)
        yield count


def chain_of(cut: CutNetwork) -> Chain:
    """Returns a network's blocks as a chain."""
    return Chain(cut.opaque, tuple(cut.places()), tuple(block.work.nominal_us for block in cut.blocks))
