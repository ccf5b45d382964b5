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
from collab.tensors.types import Shape
from collab.wording.options import option_named
from exporters.bundle import write_network_pieces
from exporters.interpret import run_model
from exporters.references import seeded_tensor
from lut.tables import MAX_TEXT, NETWORK_FILE
from profiler.arms import Arms
from profiler.chains import Chain, chain_of
from profiler.described import Described
from profiler.placed_rehearsal import PlacedRehearsal, draw_placed
from profiler.plan import FULL_NETWORK, NetworkGrid, Plan
from profiler.plan import Network as Chained

if TYPE_CHECKING:
    from collab.schedule import Schedule
    from graph.cuts import Block
    from graph.network import Network
    from graph.scheduling import CutNetwork
    from graph.splitting.cutting import Splittable
    from graph.splitting.split import Split

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
        splits: of which the blocks are measured as well.
    """

    name: str
    sha256: str
    grain_us: float
    path: Path = field(compare=False)
    splits: tuple[Split, ...] = field(default=(), compare=False)

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
        """The network with the blocks that it is cut into, in the order in which they run.

        Raises:
            NetworkError, TableError: the file cannot be read, or is another one by now.
        """
        from graph.scheduling import CutNetwork

        return CutNetwork(self._network, name=Path(self.name).stem, grain_us=self.grain_us)

    @cached_property
    def splittable(self) -> Splittable:
        """The network with the stretches of it that may be split."""
        from graph.splitting.cutting import Splittable

        return Splittable(self._network, name=self.name, grain_us=self.grain_us)

    @cached_property
    def _arms(self) -> Arms | None:
        return Arms(self.splittable, self.splits) if self.splits else None

    @cached_property
    def _sources(self) -> dict[Opaque, tuple[Network, Block]]:
        """Each block that is measured, with the network that it is a part of, in the order in which they run."""
        arms = self._arms.blocks if self._arms is not None else {}
        found: dict[Opaque, tuple[Network, Block]] = {}
        for opaque, block in zip(self.cut.opaque, self.cut.blocks, strict=True):
            found.setdefault(opaque, (self._network, block))
        return found | {opaque: source for opaque, source in arms.items() if opaque not in found}

    @cached_property
    def _chain(self) -> Chain:
        return chain_of(self.cut)

    def slice_of(self, block: Opaque) -> bytes:
        """Returns the model of one of its blocks.

        Raises:
            ConfigError: it has no such block.
            NetworkError, TableError: the file cannot be read, or is another one by now.
        """
        from graph.slicing import slice_bytes

        if block not in self._sources:
            raise no_block_of(block.key, self.name)
        return slice_bytes(*self._sources[block])

    def whole_of(self, network: Chained) -> bytes:
        """Returns the model of all blocks of a network that follow each other."""
        bounds = self._chain.bounds(network)
        return self._models([bounds[0], bounds[-1]])[0]

    def write_pieces(self, network: Chained, out: Path, *, unit: str) -> None:
        """Writes blocks that follow each other, in pieces, as a bundle on one unit.

        Raises:
            ExportError: the runtime refuses a piece.
        """
        bounds = self._chain.bounds(network)
        schedule = self.cut.in_pieces(bounds, unit=unit)
        names = [segment.name for segment in schedule.segments]
        write_network_pieces(schedule, dict(zip(names, self._models(bounds), strict=True)), out)

    def _models(self, bounds: Sequence[int]) -> list[bytes]:
        from graph.slicing import slice_bytes

        return [slice_bytes(self._network, block) for block in self.cut.piece_blocks(bounds)]

    def schedule(self, rehearsal: PlacedRehearsal, one: str, other: str) -> Schedule:
        """Returns the schedule of a rehearsal of its blocks on two units.

        Raises:
            TableError: it places other blocks than these.
            NetworkError: a tensor that would be handed over has a type that cannot be.
        """
        return self.cut.schedule(self._placed(rehearsal, one, other), order=(one, other))

    def write_rehearsal(self, rehearsal: PlacedRehearsal, out: Path, *, one: str, other: str) -> None:
        """Writes a rehearsal of its blocks on two units as a bundle.

        Raises:
            TableError, NetworkError: see `schedule`.
            ExportError: the runtime refuses a segment.
        """
        from graph.slicing import slice_bytes

        schedule = self.schedule(rehearsal, one, other)
        blocks = self.cut.segment_blocks(self._placed(rehearsal, one, other))
        models = {segment.name: slice_bytes(self._network, block) for segment, block in zip(schedule.segments, blocks, strict=True)}
        write_network_pieces(schedule, models, out)

    def _placed(self, rehearsal: PlacedRehearsal, one: str, other: str) -> tuple[str, ...]:
        placed = rehearsal.on(one, other)
        if len(placed) != len(self.cut.blocks):
            raise TableError(
                f"a rehearsal of the profile places {len(placed)} blocks, and {self.name} is cut into {len(self.cut.blocks)}; profile into"
                " another folder"
            )
        return placed

    def _that_run(self, networks: Iterable[Chained]) -> Iterator[Chained]:
        """Yields the networks that the runtime carries out: with values of no meaning, an index that one computes may lie anywhere."""
        known: dict[tuple[int, int], bool] = {}
        for network in networks:
            bounds = self._chain.bounds(network)
            span = (bounds[0], bounds[-1])
            if span not in known:
                known[span] = self._runs(*span)
            if known[span]:
                yield network

    def _runs(self, begin: int, end: int) -> bool:
        types = self.cut.in_pieces([begin, end], unit="").inputs
        try:
            run_model(self._models([begin, end])[0], [seeded_tensor(tensor, seed=0, number=number) for number, tensor in enumerate(types)])
        except ExportError:
            return False
        return True

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

    def plan(self, grid: NetworkGrid = FULL_NETWORK) -> Plan:
        """Returns what it needs: its blocks, hand-overs of whatever passes between two of them, runs of it in pieces, and rehearsals.

        Raises:
            NetworkError: it cannot be cut.
        """
        described = tuple(_describe(network, block, opaque) for opaque, (network, block) in self._sources.items())
        transfers = handed_over(self._crossing_bytes())
        networks = tuple(self._that_run(self._chain.networks(mixed=grid.mixed)))
        runs_whole = any(sum(map(len, network)) == len(self.cut.blocks) for network in networks)
        rehearsals = draw_placed(self.cut, grid.rehearsals) if runs_whole else []
        return Plan(tuple(self._sources), transfers, networks, tuple(rehearsals), described)

    def _crossing_bytes(self) -> frozenset[int]:
        return self.cut.crossing_bytes | (self._arms.crossing_bytes() if self._arms is not None else set())

    def with_splits(self, splits: Iterable[Split]) -> NetworkFile:
        """Returns the network with further splits of which the blocks are measured."""
        found = replace(self, splits=tuple(dict.fromkeys((*self.splits, *splits))))
        # It is not read once more: the file may be another one by then.
        found.__dict__["_network"] = self._network
        return found


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
