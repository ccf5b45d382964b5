"""The identity of a block: equal blocks, of one network or of two, have the same, and so share a row of a table.

It is a digest of all that decides how long a block takes, in a canonical form:

* operators with their versions and options, defaults filled in;
* shapes and types of all tensors; for quantised ones whether there is one scale or one for each channel, along which axis, whether zero
  points are all 0, and which tensors share their scales (a kernel may copy then, where it would have to compute otherwise);
* for constants also the form in which zeros are left out, and how many values are kept;
* values of those constants only that decide what there is to do: shapes, paddings, axes, bounds (`Rule.deciding`);
* which operator reads which tensor, whatever the order in the file and whatever the names.

Weights, scales and names do not count. Operators are put in order by digests of all that lies around them. Where more than a few dozen are
twins the file's order decides in the end, so two equal blocks may get different identities then. Different ones never get the same.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from graph.checking.rule import options_for
from graph.checking.rules import rule_of
from graph.cuts import Block
from graph.format.flatbuffer import Record, Span
from graph.network import Network, Operator, Tensor

FORM: Final = 1
"""Number of the canonical form; it goes up with every change, so that digests of two forms are never taken for each other."""
_DIGITS: Final = 32
_MOST_TWINS: Final = 64
"""So often one of several operators that nothing tells apart is chosen to be the first."""


def identity_of(network: Network, block: Block) -> str:
    """Computes a block's identity, in hexadecimal digits."""
    return digest_of(FORM, _Canonical(network, block).form())[:_DIGITS]


def label_of(network: Network, block: Block) -> str:
    """Returns a readable name of a block, as ``conv2d..add 14x14x96``: its first and last operator, and the shape that it gives."""
    names = [network.operators[index].name.lower().replace("_2d", "2d") for index in (block.operators[0], block.operators[-1])]
    shapes = ["x".join(map(str, _without_batch(network.tensors[tensor].shape))) or "1" for tensor in block.outputs]
    more = f" and {len(shapes) - 1} more" if len(shapes) > 1 else ""
    kinds = {network.operators[index].name for index in block.operators}
    said = "..".join(names) if len(kinds) > 1 else names[0] if len(block.operators) == 1 else f"{len(block.operators)}*{names[0]}"
    return f"{said} {shapes[-1]}{more}"


def _without_batch(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def digest_of(*parts: object) -> str:
    """Computes a digest of values that have one way of being written: numbers, texts, lists of them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class _Canonical:
    def __init__(self, network: Network, block: Block) -> None:
        self._network = network
        self._block = block
        self._operators = {index: network.operators[index] for index in sorted((*block.unpacking, *block.operators))}
        self._makers = {tensor: index for index, operator in self._operators.items() for tensor in operator.outputs}
        self._own = {index: self._own_form(operator) for index, operator in self._operators.items()}
        self._readers: dict[int, list[tuple[int, int]]] = {index: [] for index in self._operators}
        """Operators that read what one computes, each with the place among its inputs."""
        self._given: dict[int, list[tuple[int, int]]] = {}
        """Operators that read what the block is given, likewise."""
        for index, operator in self._operators.items():
            for at, tensor in enumerate(operator.inputs):
                if tensor in self._makers:
                    self._readers[self._makers[tensor]].append((at, index))
                elif tensor in block.inputs:
                    self._given.setdefault(tensor, []).append((at, index))

    def form(self) -> list[object]:
        """Returns the canonical form: each operator's own form, and its inputs by the number of an operator and output, or of an input."""
        numbers = {index: at for at, index in enumerate(self._order())}
        given: dict[int, int] = {}
        scales: dict[bytes, int] = {}
        found: list[object] = []
        for index in numbers:
            operator = self._operators[index]
            sources = [self._source(tensor, numbers, given) for tensor in operator.inputs]
            shared = [self._scale(tensor, scales) for tensor in (*operator.inputs, *operator.outputs)]
            found.append((self._own[index], sources, shared))
        return found

    def _source(self, tensor: int, numbers: Mapping[int, int], given: dict[int, int]) -> tuple[object, ...]:
        maker = self._makers.get(tensor)
        if maker is not None:
            return ("from", numbers[maker], self._operators[maker].outputs.index(tensor))
        if tensor == -1 or self._network.tensors[tensor].constant is not None:
            return ()
        return ("given", given.setdefault(tensor, len(given)))

    def _scale(self, tensor: int, scales: dict[bytes, int]) -> int | None:
        """Returns a number that tensors of the same scales and zero points have in common; constants have none."""
        if tensor == -1 or self._network.tensors[tensor].constant is not None:
            return None
        quantisation = self._network.tensors[tensor].quantisation
        if quantisation is None:
            return None
        key = quantisation["scale"].tobytes() + quantisation["zeroPoint"].tobytes()
        return scales.setdefault(key, len(scales))

    def _own_form(self, operator: Operator) -> tuple[object, ...]:
        rule = rule_of(self._network, operator)
        options = options_for(operator, rule)
        inputs = [
            None if tensor == -1 else self._tensor_form(self._network.tensors[tensor], deciding=at in rule.deciding)
            for at, tensor in enumerate(operator.inputs)
        ]
        outputs = [
            (self._tensor_form(self._network.tensors[tensor], deciding=False), tensor in self._block.outputs) for tensor in operator.outputs
        ]
        return operator.name, operator.version, _plain(options), inputs, outputs

    def _tensor_form(self, tensor: Tensor, *, deciding: bool) -> tuple[object, ...]:
        form: list[object] = [tensor.dtype, tensor.shape, _quantisation_form(tensor.quantisation)]
        if tensor.constant is not None:
            form += ["constant", _plain_sparsity(tensor.sparsity), tensor.constant.size_bytes]
            values = self._network.constant_values(tensor.index) if deciding else None
            if values is not None:
                form.append(values.reshape(-1).tolist())
        return tuple(form)

    def _order(self) -> list[int]:
        """Returns the operators in an order in which they can run, that does not depend on the file's."""
        colours = self._colours()
        left = {
            index: len({self._makers[tensor] for tensor in operator.inputs if tensor in self._makers})
            for index, operator in self._operators.items()
        }
        ready = [(colours[index], index) for index, count in left.items() if not count]
        heapq.heapify(ready)
        found = []
        while ready:
            index = heapq.heappop(ready)[1]
            found.append(index)
            for reader in {reader for _, reader in self._readers[index]}:
                left[reader] -= 1
                if not left[reader]:
                    heapq.heappush(ready, (colours[reader], reader))
        return found

    def _colours(self) -> dict[int, str]:
        """Computes a digest for each operator that says all of its place in the block: what is before it, behind it, and around these."""
        before = self._digests(self._operators, self._before)
        behind = self._digests(
            reversed(self._operators), lambda index, done: sorted((at, done[reader]) for at, reader in self._readers[index])
        )
        colours = self._finer({index: digest_of(before[index], behind[index]) for index in self._operators})
        for _ in range(_MOST_TWINS):
            counts = Counter(colours.values())
            twins = min((colour for colour, count in counts.items() if count > 1), default=None)
            if twins is None:
                break
            # Of twins any may be the first; what hangs together with it follows.
            first = min(index for index, colour in colours.items() if colour == twins)
            colours = self._finer(colours | {first: digest_of(twins, "first")})
        return colours

    def _finer(self, colours: dict[int, str]) -> dict[int, str]:
        """Tells operators apart by those around them, for as long as that tells more of them apart."""
        while True:
            given = {tensor: sorted((at, colours[index]) for at, index in readers) for tensor, readers in self._given.items()}
            finer = {
                index: digest_of(
                    colours[index],
                    [colours[self._makers[tensor]] if tensor in self._makers else given.get(tensor) for tensor in operator.inputs],
                    sorted((at, colours[reader]) for at, reader in self._readers[index]),
                )
                for index, operator in self._operators.items()
            }
            if len(set(finer.values())) == len(set(colours.values())):
                return colours
            colours = finer

    def _before(self, index: int, done: Mapping[int, str]) -> list[object]:
        return [
            (done[self._makers[tensor]], self._operators[self._makers[tensor]].outputs.index(tensor)) if tensor in self._makers else None
            for tensor in self._operators[index].inputs
        ]

    def _behind(self, index: int, done: Mapping[int, str]) -> list[object]:
        return [*sorted((at, done[reader]) for at, reader in self._readers[index])]

    def _digests(self, order: Iterable[int], around: Callable[[int, Mapping[int, str]], Sequence[object]]) -> dict[int, str]:
        done: dict[int, str] = {}
        for index in order:
            done[index] = digest_of(self._own[index], around(index, done))
        return done


def _quantisation_form(quantisation: Record | None) -> tuple[object, ...] | None:
    if quantisation is None:
        return None
    count = len(quantisation["scale"])
    return count, quantisation["quantizedDimension"] if count > 1 else 0, not np.any(quantisation["zeroPoint"])


def _plain_sparsity(sparsity: Record | None) -> object:
    """Returns the form in which zeros are left out, with the number of indices of each level, but not the indices."""
    if sparsity is None:
        return None
    levels = [(level["format"], level["denseSize"], _length(level["arrayIndices"])) for level in sparsity.records("dimMetadata")]
    return sparsity.vector("traversalOrder"), sparsity.vector("blockMap"), levels


def _length(vector: Record | None) -> int:
    values = vector["values"] if vector is not None else None
    if values is None:
        return 0
    return values.size_bytes if isinstance(values, Span) else len(values)


def _plain(value: object) -> object:
    """Returns options as lists and numbers, fields by name."""
    if isinstance(value, Record):
        return value.table, [(name, _plain(value[name])) for name in sorted(value.values)]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
