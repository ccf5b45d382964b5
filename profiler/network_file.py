"""A network of others in a profile: its file, kept in the profile's folder, and the blocks that it is cut into."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collab.blocks import BYTES_PER_VALUE
from collab.console import one_line
from collab.errors import ConfigError, ExportError, TableError
from collab.files import write_whole, writing
from collab.tensors.opaque import Opaque
from collab.tensors.types import Shape, TensorType
from collab.wording.options import option_named
from exporters.bundle import write_chain_of_others
from exporters.checking import random_input
from exporters.interpret import run_model
from lut.tables import MAX_TEXT, NETWORK_FILE
from profiler.chains import Chain, chain_of
from profiler.described import Described
from profiler.plan import FULL, Plan
from profiler.plan import Network as Chained

if TYPE_CHECKING:
    from graph.cuts import Block, Cutter
    from graph.network import Network
    from graph.scheduling import CutNetwork

MAX_GRAIN_US: Final = 1e9
_SUFFIX: Final = ".tflite"
_MOST_SIZES: Final = 32
"""Hand-overs are timed at so many sizes at most; what they take is linear between two of them."""


@dataclass(frozen=True)
class NetworkFile:
    """A network that a profile measures.

    Attributes:
        name: of its file, for readers.
        grain_us: nominal time that a block is worth at least.
        path: where it can be read now.
    """

    name: str
    sha256: str
    grain_us: float
    path: Path = field(compare=False)

    @cached_property
    def _network(self) -> Network:
        from graph.reading import read_network

        network = read_network(self.path)
        found = hashlib.sha256(network.source.data).hexdigest()
        if found != self.sha256:
            raise TableError(
                f"{self.path} is not the network that was profiled (SHA-256 {found[:12]}, not {self.sha256[:12]}); give that one with"
                f" {option_named('--model', argument='models')}, or profile into another folder"
            )
        return network

    @cached_property
    def cut(self) -> CutNetwork:
        """The network with its blocks, as placements take it.

        Raises:
            NetworkError, TableError: the file cannot be read, or is another one by now.
        """
        from graph.scheduling import CutNetwork

        return CutNetwork(self._network, name=Path(self.name).stem, grain_us=self.grain_us)

    @cached_property
    def _cutter(self) -> Cutter:
        from graph.cuts import Cutter

        return Cutter(self._network, grain_us=self.grain_us)

    @cached_property
    def _all_blocks(self) -> tuple[tuple[Opaque, Block], ...]:
        """The blocks that it is cut into, in the order in which they run."""
        from graph.opaque import opaque_of

        return tuple((opaque_of(self._network, block), block) for block in self._cutter.blocks())

    @cached_property
    def _blocks(self) -> dict[Opaque, Block]:
        """Each of them once: the first of several that are equal."""
        return dict(reversed(self._all_blocks))

    @cached_property
    def _chain(self) -> Chain:
        opaque, blocks = zip(*self._all_blocks, strict=True)
        return chain_of(self._network, blocks, opaque)

    def slice_of(self, block: Opaque) -> bytes:
        """Returns the model of one of its blocks.

        Raises:
            ConfigError: it has no such block.
            NetworkError, TableError: the file cannot be read, or is another one by now.
        """
        from graph.slicing import slice_bytes

        if block not in self._blocks:
            raise no_block_of(block.key, self.name)
        return slice_bytes(self._network, self._blocks[block])

    def whole_of(self, network: Chained) -> bytes:
        """Returns the model of all blocks of a network that follow each other."""
        spans = self._chain.spans(network)
        return self._merged_slice(spans[0][0], spans[-1][1])[0]

    def write_pieces(self, network: Chained, out: Path, *, unit: str) -> None:
        """Writes blocks that follow each other, in pieces, as a bundle on one unit.

        Raises:
            ExportError: the runtime refuses a piece.
        """
        pieces = [self._merged_slice(*span) for span in self._chain.spans(network)]
        ends = [pieces[0][1].inputs[0], *(block.outputs[0] for _, block in pieces)]
        types = [TensorType(self._network.tensors[tensor].shape) for tensor in ends]
        blocks = [[block for block in piece if isinstance(block, Opaque)] for piece in network]
        write_chain_of_others([model for model, _ in pieces], blocks, types, out, unit=unit)

    def _that_run(self, networks: Iterable[Chained]) -> Iterator[Chained]:
        """Yields the networks that the runtime carries out: with values of no meaning, an index that one computes may lie anywhere."""
        known: dict[tuple[int, int], bool] = {}
        for network in networks:
            spans = self._chain.spans(network)
            span = (spans[0][0], spans[-1][1])
            if span not in known:
                known[span] = self._runs(*span)
            if known[span]:
                yield network

    def _runs(self, begin: int, end: int) -> bool:
        model, block = self._merged_slice(begin, end)
        try:
            run_model(model, [random_input(self._network.tensors[block.inputs[0]].shape)])
        except ExportError:
            return False
        return True

    def _merged_slice(self, begin: int, end: int) -> tuple[bytes, Block]:
        from graph.slicing import slice_bytes

        block = self._cutter.joined([block for _, block in self._all_blocks[begin:end]])
        return slice_bytes(self._network, block), block

    def keep(self, folder: Path) -> None:
        """Writes its file into a profile's folder, unless that is where it is read from.

        Raises:
            NetworkError, TableError: the file cannot be read, or is another one by now.
            StorageError: it cannot be written.
        """
        target = folder / NETWORK_FILE
        with writing(target):
            there = target.exists() and target.samefile(self.path)
        if not there:
            write_whole(target, bytes(self._network.source.data))

    def plan(self, *, mixed: int = FULL.mixed) -> Plan:
        """Returns what it needs: its blocks, hand-overs of whatever passes between two of them, and runs of it in pieces.

        Args:
            mixed: how often it is cut at random.

        Raises:
            NetworkError: it cannot be cut.
        """
        # In the order in which they run.
        blocks = tuple(dict.fromkeys(opaque for opaque, _ in self._all_blocks))
        described = tuple(_describe(self._network, self._blocks[opaque], opaque) for opaque in blocks)
        transfers = handed_over(self._crossing_bytes())
        return Plan(blocks, transfers, tuple(self._that_run(self._chain.networks(mixed=mixed))), described=described)

    def _crossing_bytes(self) -> set[int]:
        blocks = [block for _, block in self._all_blocks]
        taken = {tensor for block in blocks for tensor in block.inputs}
        return {self._network.tensors[tensor].size_bytes for block in blocks for tensor in block.outputs if tensor in taken}


def is_network_file(name: str) -> bool:
    """Tells whether a name is that of a ``.tflite`` of others, and not of a config."""
    return name.lower().endswith(_SUFFIX)


def open_network(path: Path, *, grain_us: float) -> NetworkFile:
    """Reads a network that is to be profiled.

    Raises:
        NetworkError: it cannot be read, or cut.
    """
    from graph.reading import read_network

    network = read_network(path)
    found = NetworkFile(one_line(path.name)[:MAX_TEXT], hashlib.sha256(network.source.data).hexdigest(), grain_us, path)
    # It is not read once more: the file may be another one by then.
    found.__dict__["_network"] = network
    return found


def at(network: NetworkFile, path: Path) -> NetworkFile:
    """Returns a network that is read from elsewhere."""
    return replace(network, path=path)


def no_block_of(key: str, name: str) -> ConfigError:
    """Returns the error of an opaque block that is asked for and that no network at hand has."""
    where = f"no block of {name} as it is cut here" if name else "a block of a network, which is not at hand"
    return ConfigError(
        f"{key} is {where}; name its .tflite with {option_named('--model', argument='models')}, and {option_named('--grain')} as it was cut"
    )


def handed_over(sizes_bytes: Iterable[int], *, most: int = _MOST_SIZES) -> tuple[Shape, ...]:
    """Returns feature maps to hand over that tell what hand-overs of these sizes take.

    Each is of float32, so of a multiple of 4 bytes, and sizes between two of these have one on either side. Where there are many sizes,
    the smallest and the largest stay, and of those between them as many as may be, evenly by their order.
    """
    values = {count for size in sizes_bytes for count in (max(size // BYTES_PER_VALUE, 1), max(-(-size // BYTES_PER_VALUE), 1))}
    # Below the smallest there is none to draw a line to: less than a value is handed over as a value is.
    return tuple((1, 1, 1, count) for count in _thinned(sorted(values), most))


def _thinned(values: Sequence[int], most: int) -> list[int]:
    if len(values) <= most:
        return list(values)
    return [values[round(number * (len(values) - 1) / (most - 1))] for number in range(most)]


def _describe(network: Network, block: Block, opaque: Opaque) -> Described:
    from graph.identity import label_of

    inputs, outputs = ([network.tensors[tensor] for tensor in ends] for ends in (block.inputs, block.outputs))
    return Described(
        opaque,
        label=label_of(network, block),
        in_shape=_joined("x".join(map(str, tensor.shape)) or "1" for tensor in inputs),
        out_shape=_joined("x".join(map(str, tensor.shape)) or "1" for tensor in outputs),
        dtype=_joined(dict.fromkeys(tensor.dtype.lower() for tensor in (*inputs, *outputs))),
    )


def _joined(texts: Iterable[str]) -> str:
    return ";".join(texts)[:MAX_TEXT]
