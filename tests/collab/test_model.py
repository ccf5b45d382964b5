"""Models: what follows from their stages, and how they are written."""

from __future__ import annotations

import json

import pytest

from collab import config as configs


def test_a_found_model_is_understood() -> None:
    config = configs.load("syncnas_mnasnet_b1_100")
    assert config.strategy == "cnnnana"
    assert config.branches == 2
    assert config.stem.in_size == 224
    assert config.stages[0].out_c == 16
    assert [block.out_c for block in config.stages[0].branches[0]] == [8]


def test_what_a_base_model_is() -> None:
    config = configs.load("mini_v2")
    assert (config.is_collaborative, config.branches, config.strategy) == (False, 1, "")
    assert all(stage.sync is None for stage in config.stages)
    assert [block for stage in config.stages for block in stage.branches[0]] == list(config.blocks)


@pytest.mark.parametrize("name", ["mini_v2", "syncnas_mobilenet_v2_100"])
def test_costs_are_the_sums_of_all_blocks(name: str) -> None:
    config = configs.load(name)
    parts = [config.stem, *config.blocks, config.head]
    assert config.macs == sum(part.macs for part in parts)
    assert config.params == sum(part.params for part in parts)


def test_its_hash_is_of_what_it_says_not_of_how_it_is_written() -> None:
    config = configs.load("mini_v2")
    turned = dict(reversed(list(config.document.items())))
    again = configs.parse(json.dumps(turned, indent=3))
    assert again.sha256 == config.sha256
    assert again.to_json() != config.to_json()
    assert configs.from_document({**config.document, "num_classes": 11}).sha256 != config.sha256
