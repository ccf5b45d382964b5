"""Arms in a profile: the blocks that splits make of a network, each as a model of its own, and what passes between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from collab.tensors.opaque import Opaque

if TYPE_CHECKING:
    from graph.cuts import Block
    from graph.network import Network
    from graph.scheduling import CutNetwork
    from graph.splitting.cutting import Splittable
    from graph.splitting.split import Split


class Arms:
    """The blocks that a network has when some of its stretches are split, in one way or another, and when none is."""

    def __init__(self, of: Splittable, splits: Sequence[Split]) -> None:
        self._of = of
        self._splits = splits

    @cached_property
    def _cuts(self) -> tuple[CutNetwork, ...]:
        """The network without a split, and with each split in one of these: splits of several stretches do not change each other."""
        from graph.splitting.choosing import apart_from_each_other

        return tuple(self._of.cut(splits).cut for splits in ([], *apart_from_each_other(self._splits)))

    @cached_property
    def blocks(self) -> dict[Opaque, tuple[Network, Block]]:
        """Each block once, with the network that it is a part of."""
        found: dict[Opaque, tuple[Network, Block]] = {}
        for cut in self._cuts:
            for opaque, block in zip(cut.opaque, cut.blocks, strict=True):
                found.setdefault(opaque, (cut.network, block))
        return found

    def crossing_bytes(self) -> set[int]:
        """Returns the sizes of whatever passes between two blocks."""
        return {size for cut in self._cuts for size in cut.crossing_bytes}
