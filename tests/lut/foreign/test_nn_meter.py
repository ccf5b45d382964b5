"""Profiled kernels of nn-Meter, read as blocks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import TableError
from lut.foreign.nn_meter import block_of
from lut.foreign.reading import read_source
from tests.lut.foreign.made_sources import imported, write

CONV = {"HW": 224, "CIN": 3, "COUT": 32, "KERNEL_SIZE": 3, "STRIDES": 2}


def test_kernels_that_are_blocks_are_read_and_others_named(tmp_path: Path) -> None:
    kernels = {
        "conv-bn-relu6": {"id_0": {"model": "m", "shapes": [[224, 224, 3]], "config": CONV, "latency": "6.5 +- 0.2"}},
        "add": {"id_0": {"config": {"HW": 28, "CIN": 32}, "latency": "0.25 +- nan"}},
        "dwconv-bn-relu": {"id_0": {"config": CONV, "latency": "1 +- 0"}},
        "concat": {"id_0": {"config": {"HW": 28, "CIN1": 16, "CIN2": 16, "CIN3": 0, "CIN4": 0}, "latency": "0 +- 0"}},
    }
    result = imported(read_source(write(tmp_path, json.dumps(kernels), "profiled.json")))
    assert {row.block: row.marginal_us for row in result.tables.blocks} == {"stem_224_k3s2_3-32_relu6": 6500.0, "add_28_32x2": 250.0}
    assert [entry.where for entry in result.left_out] == ["profiled.json, dwconv-bn-relu, id_0", "profiled.json, concat, id_0"]


@pytest.mark.parametrize(
    ("kernel", "config", "reason"),
    [
        ("conv-bn-relu", {"HW": 224}, "does not say CIN"),
        ("conv-bn-relu", {**CONV, "KERNEL_SIZE": 4}, "such extents"),
        ("conv-bn-hswish", CONV, "no block of its own"),
        ("add", {"HW": 0, "CIN": 4}, "such extents"),
        ("mbconv-relu", CONV, "does not say CEXP"),
    ],
)
def test_what_is_no_block_says_why(kernel: str, config: dict[str, int], reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        block_of(kernel, config)


def test_other_json_is_read_as_yaml(tmp_path: Path) -> None:
    text = json.dumps({"add_7_8x2": {"mean": 2.0, "count": 3}})
    assert imported(read_source(write(tmp_path, text, "t.json"))).tables.blocks[0].marginal_us == 2000.0


@given(
    kernel=st.sampled_from(["add", "concat", "conv-relu", "head-relu6", "x"]),
    config=st.dictionaries(st.sampled_from([*CONV, "CHID"]), st.integers(0, 1 << 20)),
)
def test_no_configuration_gives_anything_but_a_block_or_a_reason(kernel: str, config: dict[str, int]) -> None:
    try:
        block_of(kernel, config)
    except TableError as error:
        assert "\n" not in str(error)
