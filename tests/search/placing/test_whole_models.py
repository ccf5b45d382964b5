"""SyncNAS models as one file: cutting finds their branches, and placed by branch they are the schedule that their config gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

import pytest

from collab import config as configs
from collab.model import ModelConfig
from collab.networks.weights import seeded_layer
from collab.placement import Placement
from collab.schedule import Schedule, build_schedule
from collab.tensors.types import TensorType
from exporters.tflite_graph import TfliteGraph
from exporters.tflite_route import _write_layer, write_block
from graph.format.source import Source
from graph.network import Network
from graph.reading import network_of
from graph.scheduling import CutNetwork
from graph.work import work_of
from lut.entries import PairPath
from lut.prediction.costs import Costs
from lut.prediction.program import pack, unit_operations
from lut.prediction.replay import replay
from lut.tables import Tables
from search.placing.objective import Judge, Objective
from search.placing.searching import search_placement
from tests.lut.made_tables import UNITS, block_row, made_meta, transfer_row

NAMES = tuple(UNITS)
FOUND = ("syncnas_mobilenet_v2_100", "syncnas_mnasnet_b1_100")
GRAIN_US = 100.0


@dataclass(frozen=True)
class Whole:
    """A model as one file, with the number of the unit that runs each operator."""

    network: Network
    units: tuple[int, ...]


def read(model: bytes) -> Network:
    return network_of(Source("whole", memoryview(model)))


def whole(schedule: Schedule) -> Whole:
    """A file of all segments, so that a sync or stem that every unit runs stands in it for each."""
    graph = TfliteGraph("whole")
    given = {"input": graph.add_input(schedule.inputs[0].shape)}
    units: list[int] = []
    for segment in schedule.segments:
        ends = [given[source.segment] for source in segment.sources]
        for layer in segment.layers:
            ends = [_write_layer(graph, ends, layer, seeded_layer(layer, seed=1) if layer.weights else {}, 1e-5)]
            units += [NAMES.index(segment.unit)] * (len(graph._operators) - len(units))
        given[segment.name] = ends[0]
    return Whole(read(graph.build(given[schedule.segments[-1].name])), tuple(units))


def nominal_us(network: Network, operators: Iterable[int] | None = None) -> float:
    """The time of operators one by one, so that it adds up however they are cut."""
    taken = range(len(network.operators)) if operators is None else operators
    return sum(work_of(network, network.operators[index]).nominal_us for index in taken)


def both_tables(config: ModelConfig, schedule: Schedule, cut: CutNetwork, *, path: str) -> Tables:
    """Tables in which a block of either kind costs what its operators do; cpu1 takes twice as long."""
    blocks = {layer.block for segment in schedule.segments for layer in segment.layers}
    costs: dict[object, float] = {block: nominal_us(read(write_block(block))) for block in blocks}
    costs |= {opaque: nominal_us(cut.network, block.operators) for opaque, block in zip(cut.opaque, cut.blocks, strict=True)}
    rows = [block_row(unit, block, us * (1 + number)) for number, unit in enumerate(NAMES) for block, us in costs.items()]  # type: ignore[arg-type]
    sizes = {cut.type_of(tensor).size_bytes for block in cut.blocks for tensor in block.outputs}
    pairs = list(permutations(NAMES, 2))
    moves = [transfer_row(*pair, size, path=path) for pair in pairs for size in sorted(sizes)]
    paths = {f"{one}>{other}": PairPath(path, "made so") for one, other in pairs}
    return Tables(tuple(rows), tuple(moves), made_meta(handover={"wait": "spin", "path": path}, paths=paths, models=(config.name,)))


def exchanges(schedule: Schedule) -> list[tuple[str, str, set[str], list[TensorType], list[TensorType]]]:
    def own(types: tuple[TensorType, ...]) -> list[TensorType]:
        return sorted(types, key=lambda tensor: tensor.text)

    return sorted((s.name, s.unit, set(s.senders), own(s.inputs), own(s.outputs)) for s in schedule.segments)


def replayed_us(schedule: Schedule, costs: Costs) -> float:
    of = unit_operations(schedule, costs)
    return float(replay(pack([[of[unit] for unit in NAMES]]), costs.contention(NAMES), costs.jitter(NAMES)).total_us[0])


@pytest.mark.parametrize("stem", [None, 0])
@pytest.mark.parametrize("path", ["shared", "memcpy"])
@pytest.mark.parametrize("name", FOUND)
def test_placed_by_branch_it_is_the_config_s_schedule(name: str, path: str, stem: int | None) -> None:
    config = configs.load(name)
    schedule = build_schedule(config, Placement(NAMES, stem))
    made = whole(schedule)
    cut = CutNetwork(made.network, name=name, grain_us=GRAIN_US)
    owners = [{made.units[operator] for operator in block.operators} for block in cut.blocks]
    assert all(len(owner) == 1 for owner in owners), "every block is of one branch"
    placement = tuple(next(iter(owner)) for owner in owners)
    placed = cut.schedule([NAMES[unit] for unit in placement], order=NAMES)
    assert exchanges(placed) == exchanges(schedule)
    costs = Costs(both_tables(config, schedule, cut, path=path), source="x")
    us = replayed_us(schedule, costs)
    assert replayed_us(placed, costs) == pytest.approx(us, rel=1e-9)
    assert Judge(cut, costs, NAMES, objective=Objective.LATENCY).us([placement])[0] == pytest.approx(us, rel=1e-9)
    assert search_placement(cut, costs, NAMES).us <= us * (1 + 1e-9)
