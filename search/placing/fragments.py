"""A network with any splits, block by block, put together without writing it anew.

A split changes one block only (`graph.splitting.cutting`). So every split is carried out once, and whatever splits are tried together is
made of the blocks that are known by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from collab.tensors.opaque import Opaque
from graph.cuts import Block
from graph.network import Tensor
from graph.scheduling import CutNetwork
from graph.splitting.choosing import apart_from_each_other
from graph.splitting.cutting import SplitCut, Splittable
from graph.splitting.split import Split


@dataclass(frozen=True)
class Fragment:
    """A block, or what a split makes of one: the number of the arm that it belongs to, `JOINED` for none."""

    block: Block
    opaque: Opaque
    arm: int


@dataclass(frozen=True)
class Composed:
    """A network with some stretches split: its blocks, and for each the number of the block that it was, and its arm."""

    cut: CutNetwork
    owners: tuple[int, ...]
    arms: tuple[int, ...]


class Fragments:
    """Everything that splits of a network can make of its blocks.

    Args:
        splits: those that may be chosen.
    """

    def __init__(self, of: Splittable, splits: Sequence[Split]) -> None:
        self._of = of
        self._tensors: list[Tensor] = list(of.network.tensors)
        self._whole = self._pieces(of.cut([]))
        self._split: dict[Split, list[Fragment]] = {}
        for together in apart_from_each_other(splits):
            pieces = self._pieces(of.cut(together))
            self._split |= {split: pieces[of.owner_of(split.opens)] for split in together}

    def pieces_of(self, split: Split) -> Sequence[Fragment]:
        """Returns what a split makes of the block that has its stretch."""
        return self._split[split]

    def composed(self, splits: Mapping[int, Split]) -> Composed:
        """Returns the network with these splits, each by the number of the block that has its stretch."""
        owners, found = [], []
        for owner in range(len(self._whole)):
            pieces = self._split[splits[owner]] if owner in splits else self._whole[owner]
            owners += [owner] * len(pieces)
            found += pieces
        network = replace(self._of.network, tensors=tuple(self._tensors))
        cut = CutNetwork.of_blocks(network, [piece.block for piece in found], [piece.opaque for piece in found], name=self._of.name)
        return Composed(cut, tuple(owners), tuple(piece.arm for piece in found))

    def _pieces(self, made: SplitCut) -> dict[int, list[Fragment]]:
        """Returns the blocks of a network by the block that they were, with tensors that no other network of these has."""
        known, first = len(self._of.network.tensors), len(self._tensors)
        self._tensors += made.cut.network.tensors[known:]

        def place(tensor: int) -> int:
            return tensor if tensor < known else tensor - known + first

        found: dict[int, list[Fragment]] = {}
        for block, opaque, owner, arm in zip(made.cut.blocks, made.cut.opaque, made.owners, made.arms, strict=True):
            found.setdefault(owner, []).append(Fragment(_moved(block, place), opaque, arm))
        return found


def _moved(block: Block, place: Callable[[int], int]) -> Block:
    return replace(block, inputs=tuple(map(place, block.inputs)), outputs=tuple(map(place, block.outputs)))
