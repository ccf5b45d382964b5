"""Tables in the formats of others: everything that goes out is read back, and what cannot go out is named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from collab.blocks import Add, Block, Concat, Head, MBConv, Stem, parse_key
from collab.errors import ConfigError, SyncNasError, TableError
from lut import export_tables, import_tables
from lut.foreign.exporting import CSV, FORMATS, NN_METER, ONCE_FOR_ALL, ONE_UNIT, PARQUET, PROXYLESSNAS
from lut.tables import Tables, load_tables, save
from tests.lut.made_tables import block_row, made_meta, transfer_row

NEEDS_PYARROW = pytest.mark.skipif(find_spec("pyarrow") is None, reason="the extra parquet is not installed")


def _each(forms: Iterable[str]) -> list[object]:
    return [pytest.param(form, marks=[NEEDS_PYARROW] if form == PARQUET else []) for form in forms]


SIZES, EXTENTS, ACTS = st.integers(1, 512), st.integers(1, 2000), st.sampled_from(["relu", "relu6"])
KERNELS = st.sampled_from([1, 3, 5, 7])


def _by_ratio(size: int, in_c: int, ratio: int, out_c: int, act: str) -> MBConv:
    return MBConv(size, 3, 1, in_c, in_c * ratio, out_c, act)


BLOCKS = st.one_of(
    st.builds(Stem, SIZES, KERNELS, st.integers(1, 3), EXTENTS, EXTENTS, ACTS),
    st.builds(Stem, SIZES, st.just(3), st.just(2), st.just(3), EXTENTS, ACTS),
    st.builds(MBConv, SIZES, KERNELS, st.integers(1, 3), EXTENTS, EXTENTS, EXTENTS, ACTS),
    st.builds(_by_ratio, SIZES, EXTENTS, st.integers(1, 10), EXTENTS, ACTS),
    st.builds(Head, st.integers(1, 32), st.sampled_from([1, 3]), st.just(1), *(st.integers(8, 2000),) * 3, ACTS),
    st.builds(Add, SIZES, EXTENTS, st.integers(2, 4)),
    st.builds(Concat, SIZES, st.lists(EXTENTS, min_size=2, max_size=6).map(tuple)),
).filter(lambda block: parse_key(block.key) == block)


def tables_of(blocks: Sequence[Block], latencies_us: Sequence[float], *, unit: str = "cpu0") -> Tables:
    rows = tuple(block_row(unit, block, us) for block, us in zip(blocks, latencies_us, strict=True))
    return Tables(rows, (), replace(made_meta(), units={"cpu0": made_meta().units["cpu0"]}))


def run(app: Any, *arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, SyncNasError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def there_and_back(tables: Tables, form: str, folder: Path, *options: object) -> tuple[Tables, dict[str, Any]]:
    """Exports tables by the command and imports the files by the other; returns what came back, and the account."""
    save(tables, folder / "lut")
    out = folder / {NN_METER: "out.json", CSV: "out", PARQUET: "out"}.get(form, "out.yaml")
    account = run(export_tables.app, folder / "lut", "--format", form, "--out", out, *options, "--json")
    units = [word for spec in tables.meta.units.values() for word in ("--unit", spec.text)]
    run(import_tables.app, *account["files"], "--device", "d", *units, "--out", folder / "back", "--json")
    return load_tables(folder / "back"), account


def costs(tables: Tables) -> dict[tuple[str, str], float]:
    return {(row.unit, row.block): row.marginal_us for row in tables.blocks if row.marginal_us is not None}


@pytest.mark.parametrize("form", _each(FORMATS))
@given(blocks=st.lists(BLOCKS, min_size=1, max_size=8, unique_by=lambda block: block.key), act=ACTS, data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_goes_out_comes_back(
    form: str, blocks: list[Block], act: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    latencies_us = data.draw(st.lists(st.floats(1e3, 1e7), min_size=len(blocks), max_size=len(blocks)))
    options = ("--act", act) if form in (PROXYLESSNAS, ONCE_FOR_ALL) else ()
    tables = tables_of(blocks, latencies_us)
    try:
        back, account = there_and_back(tables, form, tmp_path_factory.mktemp("tables"), *options)
    except TableError as error:
        assert form in ONE_UNIT, error
        assert str(error).startswith("no row of cpu0 "), "not one of them has a place there"
        return
    kept = {parse_key(row.block).key for row in tables.blocks} - {entry["name"] for entry in account["left_out"]}
    found, sent = costs(back), costs(load_tables_of(tables, tmp_path_factory))
    assert {block for _, block in found} >= kept
    assert all(found["cpu0", block] == pytest.approx(sent["cpu0", block], rel=1e-6, abs=1e-4) for block in kept)
    if form in (CSV, PARQUET):
        assert not account["left_out"]


def load_tables_of(tables: Tables, folders: pytest.TempPathFactory) -> Tables:
    """The tables as their own files have them, which round times."""
    folder = folders.mktemp("own")
    save(tables, folder)
    return load_tables(folder)


STEM, BLOCK, HEAD = "stem_224_k3s2_3-32_relu6", "mbconv_28_k3s1_32-192-32_relu6", "head_7_k1s1_320-1280-1000_relu6"


def test_yaml_has_the_names_and_milliseconds_of_its_readers(tmp_path: Path) -> None:
    _, account = there_and_back(tables_of(list(map(parse_key, (STEM, BLOCK, HEAD))), [6500.0, 2250.0, 4500.0]), PROXYLESSNAS, tmp_path)
    said = yaml.safe_load(Path(account["files"][0]).read_text())
    assert said["Conv-input:224x224x3-output:112x112x32"] == {"mean": 6.5, "count": 10}
    assert said["expanded_conv-input:28x28x32-output:28x28x32-expand:6-kernel:3-stride:1-idskip:1"] == {"mean": 2.25, "count": 10}
    parts = [said["Conv_1-input:7x7x320-output:7x7x1280"]["mean"], said["Logits-input:7x7x1280-output:1000"]["mean"]]
    assert sum(parts) == pytest.approx(4.5)
    assert min(parts) > 0
    assert any("shared out to Conv_1 and Logits" in sentence for sentence in account["assumed"])


def test_what_has_no_name_there_is_left_out_with_its_reason(tmp_path: Path) -> None:
    keys = [BLOCK, "mbconv_28_k3s1_32-100-32_relu6", "add_28_32x2", "stem_224_k5s2_3-32_relu6", "head_7_k1s1_320-1280-10_relu6", HEAD]
    tables = tables_of(list(map(parse_key, keys)), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    failed = block_row("cpu0", parse_key("add_7_8x2"), 1.0, status="failed", reason="it broke", marginal_us=None, median_us=None)
    _, account = there_and_back(replace(tables, blocks=(*tables.blocks, failed)), PROXYLESSNAS, tmp_path)
    said = {entry["name"]: entry["reason"] for entry in account["left_out"]}
    assert "no whole ratio" in said[keys[1]]
    assert "no syncs" in said[keys[2]]
    assert "3x3 with stride 2" in said[keys[3]]
    assert "also one of head_7_k1s1_320-1280-10_relu6" in said[HEAD]
    assert said["add_7_8x2 on cpu0"] == "it broke"


def test_activations_with_different_latencies_are_asked_for(tmp_path: Path) -> None:
    other = BLOCK.replace("relu6", "relu")
    tables = tables_of([parse_key(BLOCK), parse_key(other)], [1.0, 2.0])
    with pytest.raises(TableError, match="choose one with act="):
        there_and_back(tables, PROXYLESSNAS, tmp_path)
    back, _ = there_and_back(tables, PROXYLESSNAS, tmp_path / "relu", "--act", "relu")
    assert costs(back)["cpu0", other] == 2.0
    same, _ = there_and_back(tables_of([parse_key(BLOCK), parse_key(other)], [1.0, 1.0]), PROXYLESSNAS, tmp_path / "same")
    assert costs(same) == {("cpu0", BLOCK): 1.0, ("cpu0", other): 1.0}


@pytest.mark.parametrize("form", _each([CSV, PARQUET]))
def test_hand_overs_go_out_and_come_back(form: str, tmp_path: Path) -> None:
    moves = [transfer_row("cpu0", "cpu1", size, path=path) for size in (400, 800) for path in ("shared", "memcpy")]
    broken = transfer_row("cpu1", "cpu0", 400, status="failed", reason="it broke", read_us=None, wakeup_us=None, write_us=None)
    tables = Tables((block_row("cpu1", parse_key(BLOCK), 9.0),), (*moves, broken), made_meta())
    back, account = there_and_back(tables, form, tmp_path)
    assert [Path(file).name for file in account["files"]] == [f"blocks.{form}", f"handovers.{form}"]
    assert [(row.bytes, row.path, row.read_us, row.wakeup_us, row.write_us, row.n) for row in back.transfers] == [
        (row.bytes, row.path, row.read_us, row.wakeup_us, row.write_us, row.n) for row in moves
    ]
    assert [entry["reason"] for entry in account["left_out"]] == ["it broke"]


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save(replace(tables_of([parse_key(BLOCK)], [1.0]), meta=made_meta()), tmp_path / "lut")

    def export(*options: object) -> Any:
        return run(export_tables.app, tmp_path / "lut", *options)

    with pytest.raises(ConfigError, match="one of proxylessnas"):
        export("--format", "xml", "--out", tmp_path / "x")
    with pytest.raises(TableError, match=r"name it with unit=\.\.\., one of cpu0, cpu1"):
        export("--format", NN_METER, "--out", tmp_path / "x")
    with pytest.raises(TableError, match="no unit 'gpu0'"):
        export("--format", NN_METER, "--out", tmp_path / "x", "--unit", "gpu0")
    with pytest.raises(ConfigError, match="the rows of all units"):
        export("--format", CSV, "--out", tmp_path / "x", "--unit", "cpu0")
    with pytest.raises(ConfigError, match="act="):
        export("--format", CSV, "--out", tmp_path / "x", "--act", "relu")
    with pytest.raises(TableError, match="is there already"):
        export("--format", CSV, "--out", tmp_path)
    with pytest.raises(TableError, match="no row of cpu1 is a kernel"):
        export("--format", NN_METER, "--out", tmp_path / "x", "--unit", "cpu1")
    text = CliRunner().invoke(export_tables.app, [str(tmp_path / "lut"), "--format", CSV, "--out", str(tmp_path / "y")]).output
    assert f"{tmp_path / 'y' / 'blocks.csv'}: 1 rows" in text
