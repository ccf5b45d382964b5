"""Importing what others measured, from the command line to a prediction."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from collab import config as configs
from collab.blocks import MBConv, Stem, parse_key
from collab.errors import MissingEntryError, SyncNasError, TableError
from collab.units import name_units, parse_unit
from lut.foreign.entries import MAX_BYTES, Source
from lut.foreign.importing import Imported, import_sources
from lut.foreign.layer_names import CHANNELS, RATIO, FeatureMix, Logits, dialect, read_name
from lut.foreign.plain_csv import read_csv
from lut.foreign.yaml_tables import MAX_DEPTH, read_yaml
from lut.import_tables import ACCOUNT_FILE, app
from lut.prediction.costs import Costs
from lut.tables import load_tables, save
from tests.lut.foreign_names import layer_name, yaml_of

BASE = configs.load("mobilenet_v2")
CPU = name_units([parse_unit("cpu:threads=1")])
V3_BLOCK = "expanded_conv-input:56x56x24-output:28x28x40-expand:72-kernel:5-stride:2-idskip:0"

PIXEL = """\
Conv-input:224x224x3-output:112x112x32:
  count: 81
  mean: 6.5
  var: 0.25
expanded_conv-input:112x112x32-output:112x112x16-expand:1-kernel:3-stride:1-idskip:0:
  count: 77
  mean: 4.0
  var: 0.5
expanded_conv-input:28x28x32-output:28x28x32-expand:6-kernel:3-stride:1-idskip:1: {count: 60, mean: 2.25}
Conv_1-input:7x7x320-output:7x7x1280: {count: 60, mean: 3.0}
Logits-input:7x7x1280-output:1000: {count: 61, mean: 1.5}
"""


def write(folder: Path, text: str | bytes, name: str = "table.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def imported(*sources: Source, act: str | None = None, units: Any = CPU) -> Imported:
    return import_sources(sources, device="pixel1", units=units, act=act)


def reasons(result: Imported) -> dict[str, str]:
    return {entry.name: entry.reason for entry in result.left_out}


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, SyncNasError), result.output
    text = str(result.exception)
    assert "\n" not in text
    return text


def test_layers_become_blocks_and_the_two_halves_a_head(tmp_path: Path) -> None:
    result = imported(read_yaml(write(tmp_path, PIXEL)))
    rows = {row.block: row for row in result.tables.blocks}
    assert {key: row.marginal_us for key, row in rows.items()} == {
        "stem_224_k3s2_3-32_relu6": 6500.0,
        "mbconv_112_k3s1_32-32-16_relu6": 4000.0,
        "mbconv_28_k3s1_32-192-32_relu6": 2250.0,
        "head_7_k1s1_320-1280-1000_relu6": 4500.0,
    }
    assert rows["stem_224_k3s2_3-32_relu6"].n == 81
    assert rows["head_7_k1s1_320-1280-1000_relu6"].n is None
    assert result.left_out == ()
    [head] = result.combined
    assert head.entries == ("Conv_1-input:7x7x320-output:7x7x1280", "Logits-input:7x7x1280-output:1000")
    assert any("relu6" in sentence and "--act" in sentence for sentence in result.assumed)


def test_what_the_source_does_not_say_stays_empty_and_is_named(tmp_path: Path) -> None:
    result = imported(read_yaml(write(tmp_path, PIXEL)))
    save(result.tables, tmp_path / "lut")
    assert load_tables(tmp_path / "lut") == result.tables
    [_, stem, *_] = (tmp_path / "lut" / "blocks.csv").read_text().splitlines()
    assert stem == "cpu0,stem_224_k3s2_3-32_relu6,1x224x224x3,1x112x112x32,,,,81,,,,,,6500.0000,,,,ok,,,,,,,"
    meta = result.tables.meta
    assert meta.fixed == {}
    assert meta.fingerprint == {}
    assert meta.source.startswith("table.yaml (sha256 ")
    assert {"the fixed cost of a call", "hand-overs between units", "medians of 4 of 4 blocks"} <= set(meta.lacks)
    assert "numbers of samples of 1 of 4 blocks" in meta.lacks


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{V3_BLOCK}-se:1-hs:0", "squeeze-and-excitation"),
        (f"{V3_BLOCK}-se:0-hs:1", "h-swish"),
        ("expanded_conv-input:7x7x96-output:7x7x96-expand:6-kernel:3-stride:1-idskip:0", "without a residual"),
        ("expanded_conv-input:7x7x96-output:7x7x192-expand:6-kernel:3-stride:1-idskip:1", "with a residual"),
        ("expanded_conv-input:7x7x96-output:7x7x192-expand:6-kernel:3-stride:1-idskip:2", "idskip"),
        ("expanded_conv-input:28x28x96-output:7x7x96-expand:6-kernel:3-stride:2-idskip:0", "does not follow"),
        ("expanded_conv-input:28x14x96-output:14x7x96-expand:6-kernel:3-stride:2-idskip:0", "not square"),
        ("expanded_conv-input:96x28-output:14x14x96-expand:6-kernel:3-stride:2-idskip:0", "height x width x channels"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:1.5-kernel:3-stride:2-idskip:0", "not whole"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:6-kernel:4-stride:2-idskip:0", "such a kernel"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:6-kernel:3-stride:2", "this one does not"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:6-expand:6-kernel:3-stride:2-idskip:0", "this one does not"),
        ("expanded_conv-input:28x28x96000-output:14x14x96-expand:6-kernel:3-stride:2-idskip:0", "so many channels"),
        ("Conv-input:224x224x3-output:224x224x32", "stride 2"),
        ("Conv-input:224x224x3-output:112x112x32-hs:1", "more than its shapes"),
        ("Conv_1-input:7x7x320-output:4x4x1280", "1x1 convolution"),
        ("AvgPool2D-input:7x7x960-output:1x1x960", "AvgPool2D"),
        ("Logits-input:7x7x1280-output:1x1000", "not whole"),
        ("mbconv_28_k4s1_8-8-8_relu6", "neither"),
        ("concat_7_" + "9" * 5000 + "+1", "neither"),
        ("", "neither"),
    ],
)
def test_what_is_no_block_here_says_why(name: str, reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        read_name(name, dialect=RATIO)


def test_mobilenet_v3_counts_channels_has_relu_and_no_stem_or_head_here() -> None:
    assert dialect([V3_BLOCK]) == RATIO
    assert dialect([f"{V3_BLOCK}-se:0-hs:0"]) == CHANNELS
    assert read_name(f"{V3_BLOCK}-se:0-hs:0", dialect=CHANNELS) == parse_key("mbconv_56_k5s2_24-72-40_relu")
    assert read_name(f"{V3_BLOCK}-se:0-hs:0", dialect=CHANNELS, act="relu6") == parse_key("mbconv_56_k5s2_24-72-40_relu6")
    for layer in ("Conv-input:224x224x3-output:112x112x16", "Conv_1-input:7x7x160-output:7x7x960", "Logits-input:1x1x1280-output:1000"):
        with pytest.raises(TableError, match="h-swish"):
            read_name(layer, dialect=CHANNELS)


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
    assert len(result.tables.blocks) == 4
    assert reasons(result)["stem_32_k3s2_3-8_relu"].startswith("mean is ")


@pytest.mark.parametrize(
    "entry", ["{mean: 1, count: 0}", "{mean: 1, count: 2.5}", "{mean: 1, count: many}", "{mean: 1, mean: 2}", "3.5", "[3.5]", "{ms: 1}"]
)
def test_entries_of_another_form_are_named(tmp_path: Path, entry: str) -> None:
    result = imported(read_yaml(write(tmp_path, f"{PIXEL}stem_32_k3s2_3-8_relu: {entry}\n")))
    assert len(result.tables.blocks) == 4
    assert len(result.left_out) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\xff\xfeC\x00", "not UTF-8"),
        ("a: [1", "not YAML"),
        ("a: b: c", "not YAML"),
        ("\x00", "not YAML"),
        ("x: &x {mean: 1}\ny: *x", "line 2: an alias"),
        ("[" * 20, f"more than {MAX_DEPTH} deep"),
        ("[" * 100_000, "nest"),
        ("- " * 50_000, f"more than {MAX_DEPTH} deep"),
        ("{{1: 2}: 3}", "a key that is no plain text"),
        ("{" * 50_000, "line 1"),
        ("", "no entry is a block"),
        ("just text", "no entry is a block"),
        ("- mean: 3", "no entry is a block"),
        ("!!python/object/apply:os.system ['exit 1']", "no entry is a block"),
        ("Conv_9-input:1x1x1-output:1x1x1: {mean: 2}", "the first, Conv_9"),
    ],
)
def test_files_that_are_no_tables_are_refused_in_a_sentence(tmp_path: Path, text: str | bytes, reason: str) -> None:
    path = write(tmp_path, text)
    assert reason in refused(path, "--device", "d", "--unit", "cpu", "--out", tmp_path / "lut")
    assert not (tmp_path / "lut").exists()


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


def test_files_that_are_too_large_missing_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    options = ("--device", "d", "--unit", "cpu", "--out", tmp_path / "lut")
    assert "larger than 32 MiB" in refused(tmp_path / "large.yaml", *options)
    assert "No such file" in refused(tmp_path / "none.csv", *options)
    assert ".csv" in refused(write(tmp_path, "", "table.txt"), *options)


def test_csv_with_all_that_a_source_can_know(tmp_path: Path) -> None:
    text = "\ufeffblock,unit,median_ms,n,p95_us,mad_us,phone\nstem_32_k3s2_3-8_relu,cpu0,0.25,30.0,300,0,x\n\nadd_7_32x2,gpu,0.5,,,,x\n"
    units = name_units([parse_unit("cpu:threads=2"), parse_unit("gpu")])
    result = imported(read_csv(write(tmp_path, text, "t.csv")), units=units)
    first, second = result.tables.blocks
    assert (first.unit, first.median_us, first.marginal_us, first.n, first.p95_us, first.mad_us) == ("cpu0", 250.0, 250.0, 30, 300.0, 0.0)
    assert (second.unit, second.marginal_us, second.n, second.p95_us) == ("gpu0", 500.0, None, None)
    assert reasons(result) == {"phone": "a column that is not read"}
    assert not any("medians" in what for what in result.tables.meta.lacks)
    assert "numbers of samples of 1 of 2 blocks" in result.tables.meta.lacks
    save(result.tables, tmp_path / "lut")
    assert load_tables(tmp_path / "lut") == result.tables


def test_csv_rows_that_cannot_be_taken_are_named(tmp_path: Path) -> None:
    rows = [
        "add_7_8x2,cpu0,nan",
        "add_7_12x2,cpu0,0",
        "add_7_16x2,cpu9,1",
        "add_7_20x2,,1",
        "add_7_24x2,cpu0",
        ",cpu0,1",
        "add_7_28x2,cpu0,1",
    ]
    result = imported(read_csv(write(tmp_path, "block,unit,latency_us\n" + "\n".join(rows), "t.csv")))
    assert [row.block for row in result.tables.blocks] == ["add_7_28x2"]
    assert "above 0" in reasons(result)["add_7_8x2"]
    assert "cpu9" in reasons(result)["add_7_16x2"]
    assert "unit is empty" in reasons(result)["add_7_20x2"]
    assert "2 cells" in reasons(result)["add_7_24x2"]
    assert "names no block" in reasons(result)["a row without a block"]
    assert len(result.left_out) == 6


def test_entries_without_a_unit_need_there_to_be_one_only(tmp_path: Path) -> None:
    source = read_csv(write(tmp_path, "block,time_ns\nadd_7_28x2,500\n", "t.csv"))
    assert imported(source).tables.blocks[0].marginal_us == 0.5
    with pytest.raises(TableError, match="which of the units"):
        imported(source, units=name_units([parse_unit("cpu"), parse_unit("gpu")]))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("block,latency", "does not say its unit of time; name it latency_us"),
        ("block,cost", "no column with the latency"),
        ("block,mean_us,median_us", "mean_us, median_us"),
        ("block,mean_us,mean_ms", "twice"),
        ("block,latency_us,block", "two columns are named block"),
        ("block;latency_us", "separated by commas"),
        ("112x112x16-56x56x24,5.6", "no column block"),
        ("unit,block,median_us,marginal_us", "tables of this project already"),
        ("block,latency_us,p95", "p95_us"),
        ("", "no column block"),
        ('block,"latency_us', "not CSV"),
    ],
)
def test_csv_headers_that_leave_something_open_are_refused(tmp_path: Path, header: str, reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        read_csv(write(tmp_path, f"{header}\nadd_7_28x2,1\n", "t.csv"))


@pytest.mark.parametrize("options", [("--act", "gelu"), ("--unit", "tpu"), ("--device", " "), ("--device", "a\nb")])
def test_options_that_say_nothing_are_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    refused(write(tmp_path, PIXEL), "--out", tmp_path / "lut", "--device", "d", "--unit", "cpu", *options)
    assert not (tmp_path / "lut").exists()


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path) -> None:
    path = write(tmp_path, PIXEL)
    for out in (tmp_path, path):
        assert "not empty" in refused(path, "--device", "d", "--unit", "cpu", "--out", out)
    assert [item.name for item in tmp_path.iterdir()] == ["table.yaml"]


def test_the_account_names_everything(tmp_path: Path) -> None:
    path = write(tmp_path, f"{PIXEL}note: 3\n" + "".join(f"Conv_{i}-input:1x1x1-output:1x1x1: {{mean: 2}}\n" for i in range(3, 9)))
    options = ("--device", "pixel1", "--unit", "cpu")
    text = run(path, *options, "--out", tmp_path / "a").output
    assert "4 blocks on cpu0" in text
    assert "Combined: head_7_k1s1_320-1280-1000_relu6" in text
    assert "Lacking: the fixed cost of a call" in text
    assert "Left out: 7" in text
    document = json.loads(run(path, *options, "--out", tmp_path / "b", "--json").output)
    assert document.pop("out") == str(tmp_path / "b")
    assert document == json.loads((tmp_path / "b" / ACCOUNT_FILE).read_text())
    assert len(document["left_out"]) == 7
    assert document["blocks"] == {"cpu0": 4}


def test_import_then_predict_through_the_command_line(tmp_path: Path) -> None:
    def command(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", module, *map(str, arguments)], capture_output=True, text=True, check=False)

    path, out = write(tmp_path, yaml_of(BASE, ms=0.5)), tmp_path / "lut"
    made = command("lut.import_tables", path, "--device", "pixel1", "--unit", "cpu:threads=1", "--out", out)
    assert made.returncode == 0, made.stderr
    asked = command("lut.predict", "--lut", out, "--model", "mobilenet_v2")
    assert asked.returncode == 0, asked.stderr
    total_ms = 0.5 * (1 + len(BASE.blocks) + 2)
    assert f"Predicted: {total_ms:.3f} ms" in asked.stdout
    assert "imported from table.yaml" in asked.stdout
    assert "the fixed cost of a call" in asked.stdout
    document = json.loads(command("lut.predict", "--lut", out, "--model", "mobilenet_v2", "--json").stdout)
    assert document["predicted_us"] == total_ms * 1000
    assert "hand-overs between units" in document["tables"]["lacks"]
    other = command("lut.predict", "--lut", out, "--model", "fbnet_c")
    assert other.returncode == 2
    assert other.stderr.startswith("error: stem_224")
    assert "Traceback" not in other.stderr
    assert command("lut.import_tables", path, "--device", "p", "--unit", "cpu", "--out", out).returncode == 2


def test_what_needs_a_hand_over_says_that_there_is_none_and_how_to_get_it(tmp_path: Path) -> None:
    save(imported(read_yaml(write(tmp_path, PIXEL))).tables, tmp_path / "lut")
    costs = Costs(load_tables(tmp_path / "lut"), source="luts/pixel1")
    assert costs.fixed_us("cpu0") == 0.0
    with pytest.raises(MissingEntryError, match=r"lacks hand-overs.*from cpu0 to cpu1.*python -m profiler\.run --device SERIAL"):
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
    with pytest.raises(TableError, match=r"median_us is None|n is empty"):
        load_tables(tmp_path / "lut")


CHANNELS_OF = st.integers(1, 2000)


@given(
    block=st.builds(
        lambda size, kernel, stride, in_c, ratio, out_c: MBConv(size, 2 * kernel + 1, stride, in_c, in_c * ratio, out_c, "relu6"),
        st.integers(1, 512),
        st.integers(0, 5),
        st.integers(1, 4),
        CHANNELS_OF,
        st.integers(1, 10),
        CHANNELS_OF,
    )
)
def test_any_mbconv_is_read_back_from_its_layer(block: MBConv) -> None:
    assert read_name(layer_name(block), dialect=RATIO) == block
    assert read_name(block.key, dialect=CHANNELS) == block


@given(size=st.integers(1, 1024), in_c=CHANNELS_OF, out_c=CHANNELS_OF, act=st.sampled_from(["relu", "relu6"]))
def test_any_stem_and_both_parts_of_a_head_are_read_back(size: int, in_c: int, out_c: int, act: str) -> None:
    stem = Stem(size, 3, 2, in_c, out_c, act)
    assert read_name(layer_name(stem), dialect=RATIO, act=act) == stem
    mix = f"Conv_1-input:{size}x{size}x{in_c}-output:{size}x{size}x{out_c}"
    assert read_name(mix, dialect=RATIO) == FeatureMix(size, in_c, out_c)
    assert read_name(f"Logits-input:{size}x{size}x{in_c}-output:{out_c}", dialect=RATIO) == Logits(size, in_c, out_c)


LAYERS = [
    "expanded_conv",
    "Conv",
    "Conv_1",
    "Logits",
    "-input:",
    "-output:",
    "-expand:",
    "-kernel:",
    "-stride:",
    "-idskip:",
    "-se:",
    "-hs:",
]
OTHERS = ["7x7x320", "0x1x2", "99999999", "1", "0", "x", "-", ":", "_", "é", "\n", "mbconv_28", "_k3s1_", "concat_7_", "+", " "]
PIECES = st.sampled_from([*LAYERS, *OTHERS])
GARBAGE = st.one_of(st.text(), st.lists(PIECES, max_size=14).map("".join))


@given(name=GARBAGE, of=st.sampled_from([RATIO, CHANNELS]))
@settings(max_examples=400)
def test_no_name_gives_anything_but_a_part_or_a_reason(name: str, of: str) -> None:
    try:
        read_name(name, dialect=of)
    except TableError as error:
        assert "\n" not in str(error)


@given(
    text=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.one_of(PIECES, st.sampled_from(["\n", ": ", "mean: ", "{", "}", "[", "&a ", "*a", "!!x ", "'", "? ", "- ", "---\n"])),
            max_size=30,
        ).map(lambda parts: "".join(parts).encode()),
    )
)
@settings(max_examples=400)
def test_no_file_gives_anything_but_a_source_or_a_reason(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, read in (("any.yaml", read_yaml), ("any.csv", read_csv)):
        try:
            source = read(write(folder, text, name))
        except TableError as error:
            assert "\n" not in str(error)
        else:
            assert all(entry.name.isprintable() for entry in (*source.entries, *source.left_out))
