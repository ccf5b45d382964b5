"""Models of configs as one file of any network: the general way finds the schedule and the latency that their config gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab import config as configs
from collab.blocks import AnyBlock
from collab.networks.weights import Weights, seeded
from collab.placement import default_placement
from collab.schedule import Schedule, build_schedule
from exporters.tflite_route import write_segment, write_whole
from graph.reading import read_network
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict_schedule
from search.placing.searching import search_placement
from tests.graph.samples import written
from tests.lut.made_tables import made_tables

FOUND = ("syncnas_mobilenet_v2_100", "syncnas_mnasnet_b1_100")


def cost_us(unit: str, block: AnyBlock) -> float:
    """Adds up over the blocks of a segment, however it is cut."""
    return (1.0 if unit == "cpu0" else 1.2) * block.macs * 1e-4


def owners(schedule: Schedule, weights: Weights, eps: float, folder: Path) -> list[str]:
    """The unit of each operator of the whole, in order."""
    found: list[str] = []
    for segment in schedule.segments:
        alone = read_network(written(folder, write_segment(segment, weights, eps=eps), f"{segment.name}.tflite"))
        found += [segment.unit] * len(alone.operators)
    return found


@pytest.mark.parametrize("grain_us", [0.0, 50.0])
@pytest.mark.parametrize("name", FOUND)
def test_a_model_as_one_file_has_the_schedule_of_its_config(name: str, grain_us: float, tmp_path: Path) -> None:
    config = configs.load(name)
    weights = seeded(config, seed=1)
    schedule = build_schedule(config, default_placement(config.branches))
    cut = CutNetwork(
        read_network(written(tmp_path, write_whole(schedule, weights, eps=config.eps), "whole.tflite")), name=name, grain_us=grain_us
    )
    unit_of = owners(schedule, weights, config.eps, tmp_path)
    assert all(len({unit_of[number] for number in block.operators}) == 1 for block in cut.blocks), "a block lies in both branches"
    block_units = [unit_of[block.operators[0]] for block in cut.blocks]
    general = cut.schedule(block_units, order=schedule.units)

    def said(of: Schedule) -> list[tuple[object, ...]]:
        return [(segment.name, segment.unit, segment.senders, segment.inputs, segment.outputs) for segment in of.segments]

    assert said(general) == said(schedule)
    assert general.outputs == schedule.outputs
    blocks = {block for segment in schedule.segments for block in segment.blocks}
    handed_over = {tensor.shape for segment in schedule.segments for tensor in segment.inputs}
    costs = Costs(made_tables([*blocks, *dict.fromkeys(cut.opaque)], handed_over, cost_us), source="x")
    special_us = predict_schedule(schedule, costs, placement="").total_us
    assert predict_schedule(general, costs, placement="").total_us == pytest.approx(special_us, rel=1e-9)
    if grain_us:
        found = search_placement(cut, costs, schedule.units)
        assert found.us <= special_us * (1 + 1e-9)
        assert found.us < min(found.alone_us.values())
