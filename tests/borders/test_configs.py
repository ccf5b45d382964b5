"""Whatever a config, a block key, a unit or a placement says: a value that is written as it was read, or a sentence."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab import config as configs
from collab.blocks import MAX_BRANCHES, Block, Concat, MBConv, check_memory, parse_key
from collab.errors import ConfigError
from collab.names import MAX_FILE_NAME, MAX_NAME, is_file_path, is_model_name
from collab.networks.weights import seeded_layer
from collab.placement import parse_placement
from collab.units import UnitSpec, parse_unit
from collab.variants import collaborative, random_collaborative
from exporters.checking import reference_input
from exporters.tflite_route import write_block, write_relu
from tests.borders.fuzzing import fuzz
from tests.borders.mutation import HOSTILE_VALUES, mutate_bytes, mutate_json_or_one_value
from tests.models import tiny

DOCUMENTS = [
    tiny().document,
    collaborative(tiny(), "nca").document,
    {**collaborative(tiny(), "cca", branches=3).document, "accuracy": {"top1": 0.7}, "note": None, "eps": 1e-3},
    configs.load("syncnas_mnasnet_b1_100").document,
]


PLAUSIBLE = [*range(1, 9), 16, 24, 2**16, "n", "a", "c", "ReLU6", 0.1]


def _read_config(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    config = configs.load(path)
    again = configs.parse(config.to_json())
    assert again == config
    assert list(again.document) == list(config.document)
    assert config.macs <= configs.MAX_MACS


def test_hostile_configs(tmp_path: Path) -> None:
    def make(generator: random.Random) -> bytes:
        return mutate_json_or_one_value(generator.choice(DOCUMENTS), generator, PLAUSIBLE)

    counts = fuzz("config", make, lambda data: _read_config(data, tmp_path / "c.json"))
    assert counts["accepted"] >= 15
    assert counts["refused"] >= 100


KEYS = ["stem_224_k3s2_3-32_relu6", "mbconv_112_k3s2_16-96-24_relu6", "head_7_k1s1_320-1280-1000_relu6", "add_28_32x2", "concat_112_8+8"]
SPECS = ["cpu:threads=2,cores=4-7", "cpu:cluster=big,precision=fp16", "gpu:driver=0,engine=classic", "nnapi:accelerator=x", "npu"]
PLACEMENTS = ["0=cpu0,1=cpu1,stem=all,head=0", "1=gpu0,head=gpu0", "0=npu0,stem=1", ""]


def _text(generator: random.Random, texts: list[str]) -> str:
    choice = generator.random()
    if choice < 0.1:
        return str(generator.choice(HOSTILE_VALUES))[:6000]
    if choice < 0.5:
        text = generator.choice(texts)
        at = generator.randrange(len(text) + 1)
        return text[:at] + generator.choice("0123456789+-_,=xk:") + text[at + generator.randrange(2) :]
    return mutate_bytes(generator.choice(texts).encode(), generator).decode("utf-8", "surrogateescape")


def _same(text: str) -> None:
    assert parse_key(text).key == text


def _same_unit(text: str) -> None:
    unit = parse_unit(text)
    assert parse_unit(unit.text) == unit


def _same_placement(text: str) -> None:
    placement = parse_placement(text, branches=2)
    assert parse_placement(placement.text, branches=2) == placement


@pytest.mark.parametrize(
    ("border", "texts", "feed"), [("block key", KEYS, _same), ("unit", SPECS, _same_unit), ("placement", PLACEMENTS, _same_placement)]
)
def test_hostile_texts(border: str, texts: list[str], feed: Any) -> None:
    counts = fuzz(border, lambda g: _text(g, texts), feed)
    assert counts["accepted"] >= 15
    assert counts["refused"] >= 100


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 4), st.sampled_from(["tiny", "mini_v2", "fbnet_c"]))
def test_every_model_that_is_made_is_read_as_it_was_written(seed: int, branches: int, base: str) -> None:
    import numpy as np

    config = random_collaborative(tiny() if base == "tiny" else configs.load(base), np.random.default_rng(seed), branches=branches)
    again = configs.parse(config.to_json())
    assert again == config
    assert all(parse_key(block.key) == block for block in config.blocks)


@given(st.sets(st.integers(0, 1023), min_size=1))
def test_units_with_many_cores_parse_back(cores: set[int]) -> None:
    for unit in (UnitSpec("cpu").on_cores(cores), UnitSpec("cpu").on_cores(range(min(cores), 1024, 2))):
        assert parse_unit(unit.text) == unit


@given(st.permutations([f"{kind}{number}" for kind in ("cpu", "gpu", "npu", "nnapi") for number in (0, 7, 999)]), st.integers(1, 12))
def test_placements_of_many_branches_parse_back(units: list[str], branches: int) -> None:
    text = ",".join(f"{branch}={units[branch]}" for branch in range(branches)) + f",head={branches - 1}"
    assert parse_placement(parse_placement(text, branches=branches).text, branches=branches).units == tuple(units[:branches])


def chain(stages: int, **more: Any) -> dict[str, Any]:
    return {**tiny().document, **{str(index): [[24, 3, 1, 16, 16, 16]] for index in range(stages)}, "head": [16, 8, 1, 1], **more}


def _widest() -> dict[str, Any]:
    rows = {str(index): [[8, 3, 1, 16 if not index else 65535, 65535, 65535]] for index in range(3)}
    return {**tiny().document, **rows, "head": [65535, 8, 1, 1]}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (chain(20_000), "at most 1024"),
        (chain(1, **{"0": [[24, 3, 1, 16, 16, 16]] * 5000}), "4096"),
        (chain(3, **{"7": []}), "stage 3 is missing"),
        (chain(3, **{"9" * 5000: []}), "missing"),
        (_widest(), "GiB"),
        (chain(3, stem=[3, 16, 65535, 2]), "weights of"),
        (chain(3, **{str(index): [[32768, 3, 1, 16, 16, 16]] for index in range(3)}), "features of"),
        (
            chain(3, **{str(i): [[8192, 31, 1, 4 if i else 16, 4096, 4]] for i in range(3)}, stem=[3, 16, 3, 1], head=[4, 8, 1, 1]),
            "GiB|can be waited",
        ),
        (chain(3, **{str(i): [[4096, 63, 1, 16, 28, 16]] * 600 for i in range(3)}, stem=[3, 16, 3, 1]), "can be waited for"),
        (chain(3, name="x" * (MAX_NAME + 1)), f"1 to {MAX_NAME} letters"),
        *((chain(3, name=name), "begin with none") for name in (".", "..", "-x", ".x", "a/b", "x\n", "", "ä")),
        (chain(3, sync=[["n"]]), "no branches"),
        (chain(3, eps=float("inf")), "above 0"),
        (chain(3, bn_momentum=10**400), "above 0"),
        (chain(3, num_classes=10**400), "65536"),
        (collaborative(tiny(), "nca").document | {"0": {str(b): [[24, 3, 1, 16, 16, 16]] for b in range(MAX_BRANCHES + 1)}}, "branches"),
        (collaborative(tiny(), "nca").document | {"sync": ["n", {"a": 1}, "a"]}, "letter 1"),
    ],
)
def test_what_no_model_is_ends_in_a_sentence(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        configs.from_document(document)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    "text",
    [
        '{"' + '": 1, "'.join(map(str, range(60_000))) + '": 1, "0": 2}',
        json.dumps(chain(3))[:-1] + ', "x": ' + "9" * 5000 + "}",
        json.dumps(chain(3))[:-1] + ', "x": 1e999}',
        json.dumps(chain(3))[:-1] + ', "x": -Infinity}',
        json.dumps(chain(3))[:-1] + ', "x": "\\ud800"}',
        json.dumps(chain(3))[:-1] + ', "x": ' + "[" * 60_000 + "]" * 60_000 + "}",
    ],
    ids=["key twice", "5000 digits", "1e999", "infinity", "surrogate", "deep"],
)
def test_text_that_is_no_config_ends_in_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError):
        configs.parse(text)


@pytest.mark.parametrize("key", ["concat_8_" + "+".join("4" * 100_000), "concat_8_" + "+".join("4" * 33), "add_8_4x33", "add_8_4x65536"])
def test_syncs_of_more_branches_than_a_model_has_are_no_keys(key: str) -> None:
    with pytest.raises(ConfigError, match="no block key"):
        parse_key(key)
    assert parse_key("concat_8_" + "+".join("4" * 32)) == Concat(8, (4,) * 32)


@pytest.mark.parametrize(
    "key", ["mbconv_8_k3s1_65536-65536-65536_relu", "mbconv_65535_k3s1_8-8-8_relu", "head_1_k1s1_1-65536-65536_relu", "add_65536_32x2"]
)
def test_blocks_that_no_memory_holds_are_refused_before_it_is_taken(key: str) -> None:
    block: Block = parse_key(key)
    for ask in (lambda: check_memory(block), lambda: write_block(block)):
        with pytest.raises(ConfigError, match="GiB"):
            ask()


def test_features_that_no_memory_holds_are_refused_before_it_is_taken() -> None:
    from collab.errors import ExportError
    from collab.schedule import Layer

    for ask in (lambda: write_relu((1, 65536, 65536, 64)), lambda: reference_input((1, 32768, 32768, 3))):
        with pytest.raises(ExportError, match="GiB"):
            ask()
    with pytest.raises(ConfigError, match="GiB"):
        seeded_layer(Layer(MBConv(8, 3, 1, 60_000, 60_000, 60_000, "relu"), "block"))


@pytest.mark.parametrize("what", ["folder", "fifo", "/dev/zero", "a\x00b", "\ud800", "x" * 5000, ""])
def test_only_files_are_read_as_configs(tmp_path: Path, what: str) -> None:
    import os

    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    path = str(tmp_path / what) if what in ("folder", "fifo") else what
    for given_as in (path, Path(path)):
        with pytest.raises(ConfigError, match=r"no regular file|no model|no path"):
            configs.load(given_as)


def test_names_made_of_the_longest_names_are_names() -> None:
    base = configs.from_document({**tiny().document, "name": "x" * MAX_NAME})
    made = [collaborative(base, strategy).name for strategy in ("nca", "cca")]
    assert all(map(is_model_name, [*made, configs.in_single_blocks(base).name]))
    assert made[0] != made[1]


@given(st.text(max_size=140))
def test_names_are_safe_as_names_of_files_or_refused(text: str) -> None:
    if is_model_name(text):
        assert len(os_encoded := text.encode()) <= MAX_NAME
        assert os_encoded[0] not in b".-"
    if is_file_path(text):
        assert len(text.encode()) <= 100
        assert all(0 < len(part) <= MAX_FILE_NAME and part not in (".", "..") for part in text.split("/"))
