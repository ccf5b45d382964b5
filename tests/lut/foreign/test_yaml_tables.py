"""YAML tables of once-for-all and ProxylessNAS, which are not trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab import config as configs
from collab.blocks import MBConv
from collab.errors import TableError
from lut.foreign.yaml_tables import read_yaml
from tests.lut.foreign.made_sources import PIXEL, imported, layer_name, reasons, write, yaml_of

BASE = configs.load("mobilenet_v2")


def test_tables_may_lie_in_mappings_of_their_own(tmp_path: Path) -> None:
    text = f"224:\n{yaml_of(BASE, indent='  ')}160:\n  {layer_name(MBConv(20, 3, 1, 8, 48, 8, 'relu6'))}: {{mean: 0.5}}\n"
    result = imported(read_yaml(write(tmp_path, text)))
    assert result.left_out == ()
    assert "mbconv_20_k3s1_8-48-8_relu6" in {row.block for row in result.tables.blocks}


@pytest.mark.parametrize(
    "mean", ["0", "-1", ".nan", "nan", "inf", "-.inf", "fast", "1e300", "1e-9", "''", "[1, 2]", "!!python/name:os.system ''"]
)
def test_impossible_latencies_are_named_and_never_in_the_table(tmp_path: Path, mean: str) -> None:
    bad = f"stem_32_k3s2_3-8_relu: {{mean: {mean}}}\n"
    result = imported(read_yaml(write(tmp_path, PIXEL + bad)))
    assert len(result.tables.blocks) == 8
    assert reasons(result)["stem_32_k3s2_3-8_relu"].startswith("mean is ")


@pytest.mark.parametrize(
    "entry", ["{mean: 1, count: 0}", "{mean: 1, count: 2.5}", "{mean: 1, count: many}", "{mean: 1, mean: 2}", "3.5", "[3.5]", "{ms: 1}"]
)
def test_entries_of_another_form_are_named(tmp_path: Path, entry: str) -> None:
    result = imported(read_yaml(write(tmp_path, f"{PIXEL}stem_32_k3s2_3-8_relu: {entry}\n")))
    assert len(result.tables.blocks) == 8
    assert len(result.left_out) == 1


@pytest.mark.parametrize("text", [PIXEL, "a: [1", "\x00", "[" * 100_000, "- " * 50_000, "{" * 50_000, "x: &x {mean: 1}\ny: *x"])
def test_without_libyaml_it_is_the_same(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> object:
        try:
            return read_yaml(path).entries
        except TableError:
            return None

    import yaml

    path = write(tmp_path, text)
    fast = outcome()
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert outcome() == fast
