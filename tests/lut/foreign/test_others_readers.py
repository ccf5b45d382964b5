"""Files that go out are read by the code of the projects whose formats they have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collab import config as configs
from collab.blocks import MBConv, parse_key
from lut.foreign.exporting import NN_METER, ONCE_FOR_ALL, PROXYLESSNAS
from lut.tables import save
from tests.lut.foreign import others_readers
from tests.lut.foreign.test_exporting import export_tables, run, tables_of

READERS = os.environ.get("SYNCNAS_READERS", "")
pytestmark = pytest.mark.skipif(
    not READERS, reason="SYNCNAS_READERS names no folder with others' packages: pip install --no-deps --target FOLDER ofa nn-meter"
)
BASE = configs.load("mobilenet_v2")


def read_by(reader: str, file: Path, question: object) -> Any:
    command = [sys.executable, others_readers.__file__, READERS, reader, str(file), json.dumps(question)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def exported(folder: Path, keys: dict[str, float], form: str) -> Path:
    save(tables_of([parse_key(key) for key in keys], list(keys.values())), folder / "lut")
    run(export_tables.app, folder / "lut", "--format", form, "--out", folder / "out", "--json")
    return folder / "out"


def network_of_once_for_all() -> dict[str, Any]:
    """MobileNetV2 as a configuration of ProxylessNAS' networks."""
    blocks = [
        {
            "mobile_inverted_conv": {
                "in_channels": block.in_c,
                "out_channels": block.out_c,
                "expand_ratio": block.exp_c // block.in_c,
                "kernel_size": block.kernel,
                "stride": block.stride,
            },
            "shortcut": {} if block.has_residual else None,
        }
        for block in BASE.blocks
    ]
    head = BASE.head
    return {
        "first_conv": {"out_channels": BASE.stem.out_c},
        "blocks": blocks,
        "feature_mix_layer": {"in_channels": head.in_c, "out_channels": head.hidden_c},
        "classifier": {"in_features": head.hidden_c, "out_features": head.classes},
    }


def test_once_for_all_predicts_a_network_as_the_sum_of_its_blocks(tmp_path: Path) -> None:
    blocks = [BASE.stem, *BASE.blocks, BASE.head]
    latencies_us = {block.key: 100.0 * number for number, block in enumerate(blocks, start=1)}
    file = exported(tmp_path, latencies_us, PROXYLESSNAS)
    said_ms = read_by("once-for-all", file, {"config": network_of_once_for_all(), "size": BASE.stem.in_size})
    assert said_ms == pytest.approx(sum(latencies_us[block.key] for block in blocks) / 1000)


def test_once_for_all_finds_the_blocks_of_mobilenet_v3(tmp_path: Path) -> None:
    block = parse_key("mbconv_56_k5s2_24-100-40_relu")
    assert isinstance(block, MBConv)
    file = exported(tmp_path, {block.key: 250.0}, ONCE_FOR_ALL)
    layer = {
        "input_shape": [56, 56, 24],
        "output_shape": [28, 28, 40],
        "mid": 100,
        "ks": 5,
        "stride": 2,
        "id_skip": 0,
        "se": 0,
        "h_swish": 0,
    }
    assert read_by("once-for-all", file, {"layers": [layer]}) == [0.25]


def test_nn_meter_takes_its_kernels_to_train_by(tmp_path: Path) -> None:
    keys = {"stem_224_k3s2_3-32_relu6": 6500.0, "add_28_32x2": 250.0, "concat_28_16+8": 125.0}
    found = read_by("nn-meter", exported(tmp_path, keys, NN_METER), ["conv-bn-relu6", "add", "concat"])
    assert found["conv-bn-relu6"][0][0][:5] == [224, 3, 32, 3, 2]
    assert [found[kernel][1] for kernel in ("conv-bn-relu6", "add", "concat")] == [[6.5], [0.25], [0.125]]
    assert (found["add"][0], found["concat"][0]) == ([[28, 32, 32]], [[28, 16, 8, 0, 0]])
