"""Tables, plans and imported tables: whatever is in a file, there is a value or one sentence; what is written is read back."""

from __future__ import annotations

import json
import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.blocks import parse_key
from collab.console import one_line
from collab.documents import MAX_US
from collab.errors import TableError
from lut import import_tables, predict
from lut.certificate import Accuracy, Bias, Certificate
from lut.entries import Contention, CopyLine, Fit, HandoverFit, PairPath, ReuseCost, Ripple
from lut.foreign.entries import MAX_BYTES
from lut.foreign.importing import import_sources
from lut.foreign.plain_csv import read_csv
from lut.foreign.yaml_tables import read_yaml
from lut.meta import Meta, load_meta, meta_document
from lut.tables import MAX_TEXT, BlockRow, HandoverRow, Tables, load_tables, save
from profiler import run
from profiler.effort import QUICK
from profiler.handover_setting import HandoverSetting
from profiler.plan import COARSE, plan_model
from profiler.request import PLAN_FILE, Request, load_request
from tests.borders.fuzzing import fuzz, refused_in_a_sentence, run_command
from tests.borders.mutation import HOSTILE_VALUES, mutate_bytes, mutate_json
from tests.lut.made_tables import UNITS, block_row, made_meta, made_tables, transfer_row
from tests.models import tiny

ACCURACY: Final = Accuracy(0.05, 0.1, 0.5, 0.9)
CERTIFICATE: Final = Certificate(
    60, ACCURACY, ACCURACY, Bias(-0.01, (-0.02, 0.0)), 0.02, 0.05, {"cpu0": 1.1}, {"sum": ACCURACY}, "2026-01-01"
)
LINE: Final = CopyLine(0.5, 0.1, 0.02, 6)
META: Final = made_meta(
    certificate=CERTIFICATE,
    block_in_network={"cpu0": 2.0},
    reuse=(ReuseCost("cpu0", "weights", (1.0, 8.0), (0.0, 50.0), 12),),
    fits=(Fit("cpu0", 30, 0.02, 0.1),),
    transfer_fits=(HandoverFit("cpu0", "cpu1", "shared", "spin", "hot", LINE, LINE, {"p50": 0.5}, 100),),
    channel_step={"cpu0": 4},
    ripple=(Ripple("cpu0", 14, 4, 1.3, 7.0, 0.5, 3),),
    contention=(Contention("cpu0", "mbconv", "cpu1", 1.1, 1.1, 0.02, 40, pooled=True),),
    drift={"cpu0": 0.1},
    disturbed={"cpu0": 0.0},
    paths={"cpu0>cpu1": PairPath("shared", "both work on the same memory")},
    deviation={"cpu0": 1e-6},
)
PLAN: Final = plan_model(tiny(), COARSE)
TABLES: Final = replace(made_tables(PLAN.blocks[:12], PLAN.transfers[:3], lambda _, block: 1 + block.macs / 1e4), meta=META)
CELLS: Final = (
    *(str(value) for value in HOSTILE_VALUES if isinstance(value, (int, float))),
    *("", " 1", "1_000", "0x10", "true", "null", "\u0663", "+1", "1e5", "x" * 20_000, "\ud800", '"', "\r", "\x00", "failed", "ok"),
)


def mutate_csv(text: str, generator: random.Random) -> bytes:
    """A table with cells, columns or bytes changed."""
    kind = generator.randrange(4)
    rows = [line.split(",") for line in text.splitlines()]
    if kind < 2:
        for _ in range(generator.randint(1, 2)):
            row = generator.choice(rows)
            row[generator.randrange(len(row))] = generator.choice(CELLS)
    elif kind == 2:
        at = generator.randrange(len(rows[0]))
        for row in rows:
            row.insert(generator.randrange(len(row)), "x") if generator.random() < 0.5 else row.pop(at % len(row))
    data = "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass") + b"\n"
    return mutate_bytes(data, generator) if kind == 3 else data


def test_any_meta_is_read_or_refused(tmp_path: Path) -> None:
    path, document = tmp_path / "meta.json", meta_document(META)

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        meta = load_meta(path)
        save(Tables((), (), meta), tmp_path)
        assert load_meta(path) == meta

    feed(json.dumps(document).encode())
    fuzz("meta.json", lambda generator: mutate_json(document, generator), feed)


def test_any_plan_is_read_or_refused(tmp_path: Path) -> None:
    request = Request("local", {"cpu": "x"}, "r", UNITS, ("mini_v2",), PLAN, QUICK, HandoverSetting(), 3, 60)
    request.save(tmp_path)
    document = json.loads((tmp_path / PLAN_FILE).read_text())
    for name in ("blocks", "transfers", "networks"):
        document[name] = document[name][:3]
    document["probe"] = document["partials"] = document["blocks"]

    def feed(data: bytes) -> None:
        (tmp_path / PLAN_FILE).write_bytes(data)
        found = load_request(tmp_path)
        found.save(tmp_path)
        assert load_request(tmp_path) == found

    feed(json.dumps(document).encode())
    fuzz("plan.json", lambda generator: mutate_json(document, generator), feed)


@pytest.mark.parametrize("name", ["blocks.csv", "transfers.csv"])
def test_any_table_is_read_or_refused(tmp_path: Path, name: str) -> None:
    save(TABLES, tmp_path)
    path = tmp_path / name
    text = path.read_text()
    short = "\n".join(text.splitlines()[:5]) + "\n"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        tables = load_tables(tmp_path)
        again = tmp_path / "again"
        save(tables, again)
        assert len(load_tables(again).blocks) == len(tables.blocks)

    feed(short.encode())
    fuzz(name, lambda generator: mutate_csv(short, generator), feed)


_YAML: Final = """expanded_conv-input:14x14x32-output:14x14x32-expand:6-kernel:3-stride:1-idskip:1:
  count: 154
  mean: 1.25
Conv_1-input:7x7x320-output:7x7x1280: {mean: 2.5, count: 10}
Logits-input:7x7x1280-output:1000:
  mean: 0.5
"""
_CSV: Final = "block,latency_us,unit,n,p95_us,mad_us\nmbconv_28_k3s1_32-192-32_relu6,12.5,cpu0,10,14,0.5\nadd_28_32x2,2.5,cpu0,,,\n"
_YAML_TOKENS: Final = (
    "&a ",
    "*a",
    "!!python/object:os.system ",
    "<<: ",
    "? ",
    "- ",
    "{" * 40,
    "[" * 9,
    "|\n",
    "'",
    '"',
    "\t",
    "%YAML 9\n",
    "---\n",
    "1e400",
    "nan",
    "0x7",
)


@pytest.mark.parametrize(("kind", "text"), [("yaml", _YAML), ("csv", _CSV)])
def test_any_foreign_table_is_read_or_refused(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / f"pixel1.{kind}"

    def make(generator: random.Random) -> bytes:
        if kind == "csv" and generator.random() < 0.7:
            return mutate_csv(text, generator)
        if generator.random() < 0.5:
            at = generator.randrange(len(text))
            return (text[:at] + generator.choice(_YAML_TOKENS) + text[at:]).encode()
        return mutate_bytes(text.encode(), generator)

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        source = read_yaml(path) if kind == "yaml" else read_csv(path)
        imported = import_sources([source], device="pixel1", units={"cpu0": UNITS["cpu0"]}, act=None)
        save(imported.tables, tmp_path / "out")
        assert len(load_tables(tmp_path / "out").blocks) == len(imported.tables.blocks)

    feed(text.encode())
    fuzz(f"foreign {kind}", make, feed)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b"block,latency_us" + b",y" * 40_000 + b"\na,1\n"),
        ("x.csv", ",".join(["block", "latency_us", *(f"c{number}" for number in range(40_000))]).encode()),
        ("x.csv", b"block,latency_us\n" + b"x" * 200_000 + b",1\n"),
        ("x.csv", b"block,latency_us\n" + b"a,1\n" * 300_000),
        ("x.csv", b"," * MAX_BYTES),
        ("x.csv", b'block,latency_us\n"' + b"a" * (MAX_BYTES - 100)),
        ("x.csv", b"block,latency_us\na\x00,1\n"),
        ("x.yaml", b"a: " + b"x" * (MAX_BYTES - 10)),
        ("x.yaml", b"[" * 1_000_000),
        ("x.yaml", b"a: 1\n" * 300_000),
        ("x.yaml", b"a: {mean: 1e400}\n"),
        ("x.yaml", b"a: {mean: 1, count: 1e400}\n"),
        ("x.yaml", b"a: {mean: 1, count: " + b"9" * 5000 + b"}\n"),
        ("x.yaml", b"a\x1b[2J: {mean: 1}\n"),
        ("x.yaml", b'"\\e[2J\\u202e": {mean: 1}\n'),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[:24]!r}",
)
def test_large_and_odd_foreign_tables_end_in_a_sentence(tmp_path: Path, name: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(data)
    arguments = [str(tmp_path / name), "--device", "pixel1", "--unit", "cpu", "--out", str(tmp_path / "out")]
    refused_in_a_sentence(run_command(import_tables.app, arguments, monkeypatch))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda text: text.replace("\n", ",y" * 40_000 + "\n", 1), "more than 1000 columns"),
        (lambda text: text.replace("unit,", "unit,unit,", 1), "unit is there twice"),
        (lambda text: text.replace(",10,", f",{'9' * 400},"), "n is '999.*not a whole number"),
        (lambda text: text.replace(",10,", ",9223372036854775808,"), "n is 9223372036854775808, more than"),
        (lambda text: text.replace("9.0000", "1e300"), "first_us is 1e300, more than"),
        (lambda text: text.replace("9.0000", "0x10"), "first_us is '0x10', not a number"),
        (lambda text: text.replace("litert", "x" * 100_000), "engine has 100000 characters|field larger than"),
        (lambda text: text.replace("litert", "\0"), "NUL"),
        (lambda text: text + 'x,"', "CSV"),
        (lambda text: text + "x,y\n", "2 cells, the first line has"),
    ],
)
def test_a_table_that_cannot_be_is_refused_at_once(tmp_path: Path, content: Any, reason: str) -> None:
    save(TABLES, tmp_path)
    path = tmp_path / "blocks.csv"
    path.write_bytes(content(path.read_text()).encode())
    with pytest.raises(TableError, match=reason):
        load_tables(tmp_path)


_TIMES = st.floats(1e-9, MAX_US)
_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=200)
@given(st.data())
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    def changes(kind: type[BlockRow] | type[HandoverRow], kept: tuple[str, ...]) -> dict[str, Any]:
        found = {"str": _TEXTS, "float | None": _TIMES, "float": _TIMES, "int": st.integers(1, 2**60), "int | None": st.integers(1, 2**60)}
        drawn = {f.name: data.draw(found[str(f.type)], label=f.name) for f in fields(kind) if f.name not in (*kept, "config_hash")}
        return {**drawn, "n": max(drawn["n"], drawn["visits"])}

    ours, theirs = (data.draw(st.from_regex(r"[0-9a-f]{16}", fullmatch=True), label="config_hash") for _ in range(2))
    block = block_row("cpu0", parse_key("add_8_8x2"), 1.0, **changes(BlockRow, ("unit", "block", "status")), config_hash=ours)
    kept = ("from_unit", "to_unit", "path", "wait", "pacing", "status")
    move = transfer_row("cpu0", "cpu1", 4, **changes(HandoverRow, kept), config_hash=theirs)
    provenance = dict.fromkeys((ours, theirs), META.provenance["one"])
    meta: Meta = replace(
        META, models=(data.draw(_TEXTS),), conditions={"x": data.draw(_TEXTS)}, measured_at=data.draw(_TEXTS), provenance=provenance
    )
    folder = tmp_path_factory.mktemp("tables")
    save(Tables((block,), (move,), meta), folder)
    loaded = load_tables(folder)
    assert loaded.meta == meta
    for saved, found in ((block, loaded.blocks[0]), (move, loaded.transfers[0])):
        for f in fields(saved):
            value, read = getattr(saved, f.name), getattr(found, f.name)
            if isinstance(value, float):
                assert read == pytest.approx(value, abs=5e-5, rel=1e-3)
                assert read > 0
            else:
                assert read == (one_line(value)[:MAX_TEXT] if isinstance(value, str) else value)


_KEYS: Final = (
    "mbconv_65536_k3s1_65536-65536-65536_relu",
    "mbconv",
    "",
    "x" * 5000,
    "add_8_8x65536",
    "concat_8_" + "8+" * 30_000 + "8",
    "a/../b",
    "\x1b[2J",
    "stem_1_k65535s1_1-1_relu",
)
_NUMBERS: Final = ("-1", "0", "3", "7", str(10**18), str(2**63), "9" * 400, "9" * 5000, "nan", "inf", "1e308", "-1e400", "x", "")
_UNITS: Final = (
    "cpu",
    "cpu:cores=0",
    "cpu:cores=99999",
    "cpu:threads=65",
    "tpu",
    "",
    "cpu:cores=" + "0+" * 500 + "0",
    "x" * 5000,
    "\x1b[2J",
    "npu:x=1",
)


def test_profiler_run_refuses_before_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No input of these can be carried out: each ends in a sentence, and leaves nothing."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "file"
    file.write_text("x")

    def make(generator: random.Random) -> list[str]:
        options = {
            "--block": _KEYS,
            "--transfer-bytes": _NUMBERS,
            "--seed": ("-1", *_NUMBERS[5:]),
            "--budget": ("999999h", "0s", "-1m", "x" * 5000, "1e5s", "\x1b[2Jm"),
            "--storage-mb": ("0", *_NUMBERS[4:]),
            "--cpu-mhz": _NUMBERS[4:],
            "--cool-limit-s": ("-1", "nan", "inf", "1e308", "-1e400", "x"),
            "--out": (str(file), str(file / "x"), "\udcff" * 300, "x" * 300),
            "--wait": ("x", "\x1b[2J", "[red]"),
            "--path": ("x", "upload", ""),
            "--unit": ("tpu", *_UNITS[2:]),
            "--model": ("x" * 5000, "\x1b[2J", "\udcff", "../../x", "/dev/null", "/proc/self/mem", str(tmp_path)),
        }
        chosen = generator.sample(sorted(options), generator.randint(1, 2))
        return [text for name in chosen for text in (name, generator.choice(options[name]))]

    def feed(arguments: list[str]) -> None:
        out = [] if "--out" in arguments else ["--out", str(tmp_path / "luts")]
        status, _, err = run_command(run.app, ["--device", "local", *out, *arguments], monkeypatch)
        assert status == 2, err
        assert "Traceback" not in err
        assert "Profiling" not in err, err
        assert any(line.startswith(("error: ", "Error: ")) for line in err.splitlines()), err
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    feed(["--unit", "cpu:cores=0", *["--unit", "cpu"] * 100])
    fuzz("profiler.run", make, feed)


def test_predict_and_import_take_any_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, source = tmp_path / "luts", tmp_path / "x.csv"
    save(TABLES, tables)
    source.write_text(_CSV)
    monkeypatch.chdir(tmp_path)
    names = (".", "..", "", "luts", "x.csv", "x.csv/y", "\udcff", "x" * 300, "/dev/null", "/proc/self/mem", "a\x1b[2J")

    def make(generator: random.Random) -> tuple[Any, list[str]]:
        if generator.random() < 0.5:
            placement = generator.choice(
                ("", "0=cpu0,1=cpu1", "0=gpu0", "0=cpu0,0=cpu0", "9" * 400 + "=cpu0", "stem=x", "\x1b[2J", "x" * 5000)
            )
            arguments = ["--lut", generator.choice(("luts", "luts", *names)), "--model", generator.choice(("mini_v2", *names))]
            return predict.app, [*arguments, "--placement", placement]
        device, unit = generator.choice(("", " ", "\x1b[2J", "x" * 5000, "pixel1", "\udcff")), generator.choice(_UNITS)
        out = generator.choice((*names[:-2], "luts"))
        return import_tables.app, [generator.choice(("x.csv", *names)), "--device", device, "--unit", unit, "--out", out]

    def feed(command: tuple[Any, list[str]]) -> None:
        before = sorted(path.name for path in tmp_path.rglob("*"))
        result = run_command(*command, monkeypatch)
        if result[0] != 0 and not result[2].startswith("Usage: "):
            refused_in_a_sentence(result)
            assert sorted(path.name for path in tmp_path.rglob("*")) == before

    fuzz("lut.predict, lut.import_tables", make, feed)
