"""Stretches that can be split: from an operator that opens a split over all that goes along to what closes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import gcd
from typing import Final

from graph.cuts import Cutter
from graph.network import Network, Operator
from graph.splitting.operators import MEETING, groups_of, why_not_along, why_not_closing, why_not_opening

_LEAST_CHANNELS: Final = 8
"""An operator of fewer output channels is not worth a split."""


class Part(Enum):
    """Role of an operator in a split: whole in and divided out, divided in and out, or divided in and partial sums out."""

    OPENS = "opens"
    GOES_ALONG = "goes along"
    CLOSES = "closes"


@dataclass(frozen=True)
class Stretch:
    """Operators that several units can run at once, each with its share of the channels.

    Attributes:
        parts: what each operator of the stretch does, by the operator's index, in order.
        divided: tensors of which each unit has a share of the channels.
        joined: those among them whose shares are put together again, as somebody needs the whole.
        summed: tensors that are sums of what each unit computes of them.
        groups: into how many equal groups of channels all divided tensors can be divided alike.
        ends: why the stretch ends where tensors are joined, by the operator that needs the whole.
    """

    parts: Mapping[int, Part]
    divided: tuple[int, ...]
    joined: tuple[int, ...]
    summed: tuple[int, ...]
    groups: int
    ends: Mapping[int, str] = field(default_factory=dict)


def stretches_of(network: Network) -> tuple[Stretch, ...]:
    """Returns a stretch for each operator that can open one; they may have operators in common."""
    cutter = Cutter(network)
    working = cutter.working
    found = []
    for index in working:
        operator = network.operators[index]
        if why_not_opening(network, operator) is None and network.tensors[operator.outputs[0]].shape[-1] >= _LEAST_CHANNELS:
            found.append(_Grower(network, working, cutter.unpacking).grown(operator))
    return tuple(stretch for stretch in found if stretch.groups > 1)


def apart(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Chooses stretches that have no operator in common: those that end in sums first, then in the order of the network."""
    chosen: list[Stretch] = []
    taken: set[int] = set()
    for stretch in sorted(stretches, key=lambda stretch: (not stretch.summed, min(stretch.parts))):
        if not taken & set(stretch.parts):
            chosen.append(stretch)
            taken |= set(stretch.parts)
    return tuple(sorted(chosen, key=lambda stretch: min(stretch.parts)))


class _Grower:
    """Grows one stretch from the operator that opens it, over the network's working operators in order."""

    def __init__(self, network: Network, working: Sequence[int], unpacking: frozenset[int]) -> None:
        self._network = network
        self._working = working
        self._working_set = frozenset(working)
        self._unpacking = unpacking
        self._parts: dict[int, Part] = {}
        self._divided: dict[int, None] = {}
        self._summed: list[int] = []
        self._ends: dict[int, str] = {}

    def grown(self, opening: Operator) -> Stretch:
        self._divide(opening, Part.OPENS)
        known = 0
        # An operator that opens the split once more, in front of one that goes along, divides what others have read before.
        while known != len(self._parts):
            known = len(self._parts)
            self._ends.clear()
            for index in self._working:
                operator = self._network.operators[index]
                if index not in self._parts and self._divided.keys() & set(operator.inputs):
                    self._take(operator)
        return Stretch(
            parts=dict(sorted(self._parts.items())),
            divided=tuple(self._divided),
            joined=tuple(tensor for tensor in self._divided if self._is_needed_whole(tensor)),
            summed=tuple(self._summed),
            groups=self._groups(),
            ends=self._ends,
        )

    def _divide(self, operator: Operator, part: Part) -> None:
        self._parts[operator.index] = part
        self._divided[operator.outputs[0]] = None

    def _take(self, operator: Operator) -> None:
        """Makes an operator that reads what is divided a part of the stretch, or an end of it."""
        divided = self._divided.keys()
        chain = self._opened_for(operator)
        reason = why_not_along(self._network, operator, divided | {each.outputs[0] for each in chain})
        if reason is None:
            for number, each in enumerate(chain):
                self._divide(each, Part.OPENS if number == 0 else Part.GOES_ALONG)
            self._divide(operator, Part.GOES_ALONG)
            return
        closes = why_not_closing(self._network, operator, divided)
        if closes is None:
            self._parts[operator.index] = Part.CLOSES
            self._summed.append(operator.outputs[0])
        else:
            self._ends[operator.index] = reason if operator.name in MEETING else closes

    def _opened_for(self, operator: Operator) -> list[Operator]:
        """Returns an operator that can open the split for the other input of one that meets what is divided, and those in between.

        So a gate on channels, as squeeze-and-excitation has it, goes along: its last layer is divided as what it opens or closes.
        """
        others = [tensor for tensor in operator.inputs if tensor not in self._divided] if operator.name in MEETING else []
        chain: list[Operator] = []
        while len(others) == 1:
            maker = self._network.producers.get(others[0])
            if maker is None or maker in self._parts or maker in self._unpacking:
                break
            before = self._network.operators[maker]
            chain.insert(0, before)
            if why_not_opening(self._network, before) is None:
                return chain
            if len(before.inputs) != 1 or why_not_along(self._network, before, set(before.inputs)) is not None:
                break
            others = list(before.inputs)
        return []

    def _is_needed_whole(self, tensor: int) -> bool:
        readers = [index for index in self._network.readers.get(tensor, ()) if index in self._working_set]
        # What opens the split a second time takes all that the first has given.
        return tensor in self._network.outputs or any(self._parts.get(index, Part.OPENS) is Part.OPENS for index in readers)

    def _groups(self) -> int:
        """Returns the number of groups that divides the channels of all divided tensors, and the groups of grouped convolutions."""
        found = 0
        for tensor in self._divided:
            found = gcd(found, self._network.tensors[tensor].shape[-1])
        for index in self._parts:
            operator = self._network.operators[index]
            if self._parts[index] is Part.GOES_ALONG and groups_of(self._network, operator) > 1:
                found = gcd(found, groups_of(self._network, operator))
        return found
