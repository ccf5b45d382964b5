"""Schedules: the segments that each unit runs between hand-overs, and where their inputs come from.

They serve the exporters (which write a model per segment), the runner (which runs them) and the replay (which predicts their latency).
A segment may take and give several tensors; `build_schedule` makes the schedules of configs, by one rule set:

* The sync is part of the segment that follows it: a segment begins with the ADD or CONCAT, taking its own branch's features and
  the peers'. Sources stand in order of branch on every unit, so all units compute the same bits.
* The last sync opens only the segment of the unit that runs the head; the other units only send.
* A stem on one unit is a segment of its own, and the peers' first segments have one input that is handed over, and no sync; a
  duplicated stem opens each unit's first segment instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from collab.blocks import Add, AnyBlock, Block, Concat
from collab.errors import ConfigError
from collab.model import ModelConfig, Stage
from collab.placement import Placement
from collab.tensors.opaque import Opaque
from collab.tensors.types import Shape, TensorType

NETWORK_INPUT: Final = "input"
"""The name of a source's segment when it is the network's own input."""


@dataclass(frozen=True)
class Layer:
    """A block of a segment of a config. `weights` is the prefix of its tensors in a checkpoint; empty for a sync, which has none."""

    block: Block
    weights: str


@dataclass(frozen=True)
class Source:
    """Origin of a tensor: an output of a segment, or an input of the network (`NETWORK_INPUT`), by its number."""

    segment: str
    output: int = 0

    @property
    def is_input(self) -> bool:
        return self.segment == NETWORK_INPUT


@dataclass(frozen=True)
class Segment:
    """The blocks that one unit runs between two hand-overs: `layers` of a config, or `pieces` of another network.

    `sources[i]` gives `inputs[i]`, in the order of its model's inputs.
    """

    name: str
    unit: str
    sources: tuple[Source, ...]
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    layers: tuple[Layer, ...] = ()
    pieces: tuple[Opaque, ...] = ()

    @property
    def blocks(self) -> tuple[AnyBlock, ...]:
        return self.pieces or tuple(layer.block for layer in self.layers)

    @property
    def in_shapes(self) -> tuple[Shape, ...]:
        return tuple(tensor.shape for tensor in self.inputs)

    @property
    def senders(self) -> tuple[str, ...]:
        """The segments whose outputs it takes, each once, in the order of its inputs."""
        return tuple(dict.fromkeys(source.segment for source in self.sources if not source.is_input))


@dataclass(frozen=True)
class Schedule:
    """All segments, in an order in which they may run one after the other. `outputs` gives the network's outputs, in their order."""

    model: str
    units: tuple[str, ...]
    segments: tuple[Segment, ...]
    inputs: tuple[TensorType, ...]
    outputs: tuple[Source, ...]

    @cached_property
    def _by_name(self) -> dict[str, Segment]:
        return {segment.name: segment for segment in self.segments}

    def segment(self, name: str) -> Segment:
        return self._by_name[name]

    def type_of(self, source: Source) -> TensorType:
        return self.inputs[source.output] if source.is_input else self.segment(source.segment).outputs[source.output]

    @cached_property
    def _receivers(self) -> dict[Source, list[Segment]]:
        found: dict[Source, list[Segment]] = {}
        for segment in self.segments:
            for source in dict.fromkeys(segment.sources):
                if not source.is_input and self.segment(source.segment).unit != segment.unit:
                    found.setdefault(source, []).append(segment)
        return found

    def receivers(self, source: Source) -> Sequence[Segment]:
        """Returns the segments of other units that take this output of a segment, in order."""
        return self._receivers.get(source, ())


def chained(name: str, unit: str, layers: tuple[Layer, ...], sources: tuple[Source, ...]) -> Segment:
    """Makes a segment of blocks of a config, each of which takes what the one before it gives; the sources feed the first."""
    inputs = tuple(map(TensorType, layers[0].block.in_shapes))
    return Segment(name, unit, sources, inputs, (TensorType(layers[-1].block.out_shape),), layers)


def build_schedule(config: ModelConfig, placement: Placement) -> Schedule:
    """Cuts a model into segments.

    Raises:
        ConfigError: the placement is for another number of branches.
    """
    if len(placement.units) != config.branches:
        raise ConfigError(f"{config.name} has {config.branches} branches, the placement {placement.text} has {len(placement.units)}")
    cutter = _Cutter(config, placement)
    segments = cutter.cut()
    return Schedule(config.name, placement.units, segments, segments[0].inputs[:1], (Source(segments[-1].name),))


class _Cutter:
    """Collects each branch's layers and closes its segment at every hand-over."""

    def __init__(self, config: ModelConfig, placement: Placement) -> None:
        self._config = config
        self._placement = placement
        self._segments: list[Segment] = []
        self._counts = [0] * config.branches
        self._open: list[list[Layer]] = [[] for _ in range(config.branches)]
        self._sources: list[tuple[Source, ...]] = [(Source(NETWORK_INPUT),)] * config.branches

    def cut(self) -> tuple[Segment, ...]:
        self._stem()
        for index, stage in enumerate(self._config.stages):
            self._stage(index, stage)
            if stage.sync in ("a", "c"):
                self._sync(stage, is_last=index == len(self._config.stages) - 1)
        self._open[self._placement.head].append(Layer(self._config.head, "head"))
        self._close(self._placement.head)
        return tuple(self._segments)

    def _stem(self) -> None:
        stem = Layer(self._config.stem, "stem_conv")
        if self._placement.stem is None:
            for layers in self._open:
                layers.append(stem)
            return
        self._open[self._placement.stem].append(stem)
        name = self._close(self._placement.stem)
        self._sources = [(Source(name),)] * self._config.branches

    def _stage(self, index: int, stage: Stage) -> None:
        for branch, blocks in enumerate(stage.branches):
            for number, block in enumerate(blocks):
                self._open[branch].append(Layer(block, self._weights(index, branch, number)))

    def _weights(self, stage: int, branch: int, number: int) -> str:
        if self._config.is_collaborative:
            return f"stage{stage + 1}.branch{branch + 1}.{number}"
        return f"stages.{stage}.blocks.{number}"

    def _sync(self, stage: Stage, *, is_last: bool) -> None:
        closed = tuple(Source(self._close(branch)) for branch in range(self._config.branches))
        last = [blocks[-1] for blocks in stage.branches]
        opening: Block = (
            Concat(last[0].out_size, tuple(block.out_c for block in last))
            if stage.sync == "c"
            else Add(last[0].out_size, last[0].out_c, len(last))
        )
        for branch in [self._placement.head] if is_last else range(self._config.branches):
            self._open[branch].append(Layer(opening, ""))
            self._sources[branch] = closed

    def _close(self, branch: int) -> str:
        unit = self._placement.units[branch]
        name = f"{unit}.{self._counts[branch]}"
        self._counts[branch] += 1
        self._segments.append(chained(name, unit, tuple(self._open[branch]), self._sources[branch]))
        self._open[branch] = []
        return name
