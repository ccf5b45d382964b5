"""Networks as others write them come through the door, are read and cut, and their blocks compute what the whole does, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from exporters.convert import cut_document
from exporters.doors.branches import branches_of
from exporters.doors.collaborative import CollaborativeNetwork
from exporters.doors.converted import differences
from exporters.doors.modules import convert_module
from graph.cuts import Cutter
from graph.reading import read_network
from tests.exporters.doors import networks

pytest.importorskip("litert_torch")


@pytest.mark.parametrize("make", [networks.resnet, networks.mobilenet_v3, networks.VitBlock, networks.stretched])
def test_a_network_is_converted_and_its_blocks_equal_it(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    module = networks.trained(make())
    image = torch.randn(networks.IMAGE, generator=torch.Generator().manual_seed(1))
    converted = convert_module(module, [image])
    assert max(differences(converted).values()) < 1e-5
    assert converted.inputs["in0"].shape == (1, 32, 32, 3)
    found = cut_document(converted.model, check=True)
    assert found["cuttable"]
    assert found["blocks"] > 2
    assert found["check"]["equal"]
    if isinstance(module, CollaborativeNetwork):
        branches = branches_of(module, image, converted)
        assert [stretch.stages for stretch in branches.stretches] == [(0,), (1, 2)]
        assert all(not set(one) & set(other) for one, other in (stretch.branches for stretch in branches.stretches))
        path = tmp_path / "whole.tflite"
        path.write_bytes(converted.model)
        arms = [set(arm) for stretch in branches.stretches for arm in stretch.branches]
        for block in Cutter(read_network(path), grain_us=1).blocks():
            assert sum(bool(arm & set(block.operators)) for arm in arms) <= 1, "a block has operators of two branches"
