"""Entries of others' tables become tables of this project, with an account of what did not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collab.errors import MissingEntryError, TableError
from collab.units import name_units, parse_unit
from lut.foreign.plain_csv import read_csv
from lut.foreign.yaml_tables import read_yaml
from lut.prediction.costs import Costs
from lut.tables import load_tables, save
from tests.lut.foreign.made_sources import PIXEL, imported, reasons, write

BOTH = ("relu", "relu6")


def test_layers_become_blocks_and_the_two_halves_a_head(tmp_path: Path) -> None:
    result = imported(read_yaml(write(tmp_path, PIXEL)))
    rows = {row.block: row for row in result.tables.blocks}
    latencies = {
        "stem_224_k3s2_3-32": 6500.0,
        "mbconv_112_k3s1_32-32-16": 4000.0,
        "mbconv_28_k3s1_32-192-32": 2250.0,
        "head_7_k1s1_320-1280-1000": 4500.0,
    }
    assert {key: row.marginal_us for key, row in rows.items()} == {f"{k}_{act}": us for k, us in latencies.items() for act in BOTH}
    assert rows["stem_224_k3s2_3-32_relu6"].n == 81
    assert rows["head_7_k1s1_320-1280-1000_relu6"].n is None
    assert result.left_out == ()
    [head, other] = result.combined
    assert head.entries == other.entries == ("Conv_1-input:7x7x320-output:7x7x1280", "Logits-input:7x7x1280-output:1000")
    assert any("serve relu and relu6 alike; act=" in sentence for sentence in result.assumed)


@pytest.mark.parametrize("act", BOTH)
def test_one_activation_alone_can_be_asked_for(act: str, tmp_path: Path) -> None:
    result = imported(read_yaml(write(tmp_path, PIXEL)), act=act)
    assert {row.block.rpartition("_")[2] for row in result.tables.blocks} == {act}
    assert len(result.tables.blocks) == 4
    assert any(f"all activations are {act}, as act=... has it" in sentence for sentence in result.assumed)


def test_a_name_that_says_its_activation_goes_before_one_that_does_not(tmp_path: Path) -> None:
    result = imported(read_yaml(write(tmp_path, PIXEL + "stem_224_k3s2_3-32_relu: {mean: 9.0}\n")))
    rows = {row.block: row.marginal_us for row in result.tables.blocks}
    assert (rows["stem_224_k3s2_3-32_relu"], rows["stem_224_k3s2_3-32_relu6"]) == (9000.0, 6500.0)
    assert result.left_out == ()


def test_what_the_source_does_not_say_stays_empty_and_is_named(tmp_path: Path) -> None:
    result = imported(read_yaml(write(tmp_path, PIXEL)))
    save(result.tables, tmp_path / "lut")
    assert load_tables(tmp_path / "lut") == result.tables
    [_, _, stem, *_] = (tmp_path / "lut" / "blocks.csv").read_text().splitlines()
    assert stem == "cpu0,stem_224_k3s2_3-32_relu6,1x224x224x3,1x112x112x32,,,,81,,,,,,,,6500.0000,,,,ok,,,,,,,,,,,,,"
    meta = result.tables.meta
    assert meta.call_in_network == {}
    assert meta.fingerprint == {}
    assert meta.source.startswith("table.yaml (sha256 ")
    assert {"the fixed cost of a call", "hand-overs between units", "medians of 8 of 8 blocks"} <= set(meta.lacks)
    assert "numbers of samples of 2 of 8 blocks" in meta.lacks


def test_half_a_head_is_left_out_and_so_is_one_that_does_not_fit(tmp_path: Path) -> None:
    text = PIXEL.replace("Logits-input:7x7x1280", "Logits-input:1x1x1280")
    result = imported(read_yaml(write(tmp_path, text)))
    assert result.combined == ()
    assert "no Logits takes its features" in reasons(result)["Conv_1-input:7x7x320-output:7x7x1280"]
    assert "no Conv_1 makes its features" in reasons(result)["Logits-input:1x1x1280-output:1000"]


def test_two_latencies_for_one_block_are_both_left_out(tmp_path: Path) -> None:
    again = "Conv-input:224x224x3-output:112x112x32: {mean: 9.0}\n"
    result = imported(read_yaml(write(tmp_path, PIXEL + again)), read_yaml(write(tmp_path, "stem_32_k3s2_3-8_relu: {mean: 1}", "b.yaml")))
    keys = [row.block for row in result.tables.blocks]
    assert "stem_224_k3s2_3-32_relu6" not in keys
    assert "stem_32_k3s2_3-8_relu" in keys
    assert [entry.where for entry in result.left_out] == ["table.yaml, line 1", "table.yaml, line 12"]


def test_entries_without_a_unit_need_there_to_be_one_only(tmp_path: Path) -> None:
    source = read_csv(write(tmp_path, "block,time_ns\nadd_7_28x2,500\n", "t.csv"))
    assert imported(source).tables.blocks[0].marginal_us == 0.5
    with pytest.raises(TableError, match="which of the units"):
        imported(source, units=name_units([parse_unit("cpu"), parse_unit("gpu")]))


def test_what_needs_a_hand_over_says_that_there_is_none_and_how_to_get_it(tmp_path: Path) -> None:
    save(imported(read_yaml(write(tmp_path, PIXEL))).tables, tmp_path / "lut")
    costs = Costs(load_tables(tmp_path / "lut"), source="luts/pixel1")
    assert costs.call_us("cpu0") == 0.0
    with pytest.raises(MissingEntryError, match=r"lacks hand-overs.*from cpu0 to cpu1.*syncnas profile --device SERIAL"):
        costs.handover("cpu0", "cpu1", 400)


def test_imported_tables_are_checked_for_what_they_do_say(tmp_path: Path) -> None:
    tables = imported(read_yaml(write(tmp_path, PIXEL))).tables
    save(tables, tmp_path / "lut")
    blocks, meta = tmp_path / "lut" / "blocks.csv", tmp_path / "lut" / "meta.json"
    good = blocks.read_text()
    for bad in ("6500.0000", ",81,"):
        blocks.write_text(good.replace(bad, bad.replace("6500.0000", "0").replace("81", "0")))
        with pytest.raises(TableError):
            load_tables(tmp_path / "lut")
    blocks.write_text(good)
    document = json.loads(meta.read_text())
    meta.write_text(json.dumps({**document, "source": "", "lacks": []}))
    with pytest.raises(TableError, match=r"median_us is None|n or visits is empty"):
        load_tables(tmp_path / "lut")
