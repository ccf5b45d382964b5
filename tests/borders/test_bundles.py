"""Whatever a bundle's files say, and whatever `exporters.run` is given: a value, or one sentence."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.errors import ExportError, StorageError
from collab.placement import Placement, parse_placement
from collab.schedule import build_schedule
from collab.tensors.types import TensorType
from collab.variants import collaborative, random_collaborative
from exporters import run
from exporters.bundle import write_bundle
from exporters.manifests.manifest import (
    MANIFEST,
    FileEntry,
    InputEntry,
    Manifest,
    Origin,
    OutputEntry,
    OutputReference,
    Reference,
    SegmentEntry,
)
from exporters.manifests.reading import load_manifest, parse_manifest
from exporters.references import read_tensor
from profiler.deviation import DEVIATION_FILE, read_deviation
from tests.borders.fuzzing import fuzz, refused_in_a_sentence, run_command
from tests.borders.mutation import mutate_json, mutate_json_or_one_value
from tests.models import tiny


@pytest.fixture(name="bundle", scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "b"
    write_bundle(collaborative(tiny(), "nca"), parse_placement("", branches=2), out)
    return out


PLAUSIBLE = ["cpu0", "cpu1.0", "input", "x", "a/b", "a" * 77, "a" * 100, 1, 24, 2**24, "0" * 64]


def test_hostile_manifests(bundle: Path) -> None:
    document = json.loads((bundle / MANIFEST).read_text())

    def feed(data: bytes) -> None:
        _, manifest = parse_manifest(data, origin="manifest.json")
        _, again = parse_manifest(json.dumps(manifest.to_document()), origin="again")
        assert again == manifest
        assert all(len(entry.file) <= 100 for entry in manifest.files)

    counts = fuzz("manifest", lambda g: mutate_json_or_one_value(document, g, PLAUSIBLE), feed)
    assert counts["accepted"] >= 15
    assert counts["refused"] >= 100


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 4), st.booleans(), st.booleans())
def test_every_manifest_that_is_made_is_read_as_it_was_written(seed: int, branches: int, with_model: bool, has_stem: bool) -> None:
    config = random_collaborative(tiny(), np.random.default_rng(seed), branches=branches)
    generator = random.Random(seed)
    units = tuple(generator.sample(["cpu0", "cpu7", "gpu0", "gpu999", "npu0", "nnapi1"], branches))
    placement = Placement(units, 0 if has_stem else None, generator.randrange(branches))
    schedule = build_schedule(config, placement)
    digest = "0" * 64
    segments = tuple(
        SegmentEntry(
            segment.name,
            segment.unit,
            tuple(layer.block.key for layer in segment.layers),
            tuple(InputEntry(f"in{i}", t, n) for i, (t, n) in enumerate(zip(segment.inputs, segment.sources, strict=True))),
            tuple(OutputEntry(f"out{i}", t) for i, t in enumerate(segment.outputs)),
            FileEntry(f"segments/{segment.name}.tflite", digest) if with_model else None,
            7 if with_model else 0,
            None if with_model else FileEntry(f"segments/{segment.name}.onnx", digest),
        )
        for segment in schedule.segments
    )
    made = Manifest(
        config.name,
        Origin(FileEntry("config.json", digest), placement.text),
        units,
        segments,
        (Reference("reference_input.f32", digest, schedule.inputs[0]),),
        (OutputReference("reference_output.f32", digest, TensorType(config.head.out_shape), schedule.outputs[0]),),
        "x",
    )
    document, read = parse_manifest(json.dumps(made.to_document()), origin="made")
    assert read == made
    assert document == made.to_document()


@pytest.mark.parametrize(
    "name",
    ["a\x00b", "\ud800", "x" * 77, "a/" * 60 + "b", "x\n", "\x1b[2J", ".", "..", "a/../b", "/x", "a//b", "./a", "a\\b", "", ".lock", "-rf"],
)
@pytest.mark.parametrize("where", ["inputs", "outputs", "config", "segment"])
def test_names_of_files_are_plain(bundle: Path, name: str, where: str) -> None:
    document = json.loads((bundle / MANIFEST).read_text())
    if where == "segment":
        document["segments"][0]["model"] = name
    elif where == "config":
        document["config"]["file"] = name
    else:
        document[where][0]["file"] = name
    with pytest.raises(ExportError, match=r"plain names|not valid JSON"):
        parse_manifest(json.dumps(document), origin="m")


@pytest.mark.parametrize(("shape", "values"), [((1, 3), b"\0" * 8), ((1, 2), b"\0" * 7), ((1 << 23,) * 8, b"\0" * 8)])
def test_numbers_that_are_not_as_many_as_said(tmp_path: Path, shape: tuple[int, ...], values: bytes) -> None:
    (tmp_path / "x.f32").write_bytes(values)
    with pytest.raises(ExportError, match="numbers"):
        read_tensor(tmp_path / "x.f32", TensorType(shape))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_reference_is_finite(tmp_path: Path, value: float) -> None:
    np.array([1, value], dtype="<f4").tofile(tmp_path / "x.f32")
    assert read_tensor(tmp_path / "x.f32", TensorType((2,)))[0] == 1
    with pytest.raises(ExportError, match="not finite"):
        read_tensor(tmp_path / "x.f32", TensorType((2,)), finite=True)


def test_a_bundle_of_fifos_and_folders_is_refused(tmp_path: Path) -> None:
    write_bundle(tiny(), parse_placement("", branches=1), tmp_path / "b")
    (tmp_path / "b" / "config.json").unlink()
    os.mkfifo(tmp_path / "b" / "config.json")
    with pytest.raises(ExportError, match="no regular file"):
        load_manifest(tmp_path / "b")
    (tmp_path / "b" / MANIFEST).unlink()
    os.mkfifo(tmp_path / "b" / MANIFEST)
    with pytest.raises(ExportError, match="no regular file"):
        load_manifest(tmp_path / "b")


def test_hostile_deviations(tmp_path: Path) -> None:
    libraries = {"litert": "2"}
    document = {"libraries": libraries, "deviation": {"cpu0": 0.001, "gpu0": 0.25, "npu0": 0}}

    def feed(data: bytes) -> None:
        (tmp_path / DEVIATION_FILE).write_bytes(data)
        kept = read_deviation(tmp_path, libraries)
        assert all(0 <= error <= 1e6 for error in kept.values())
        if not kept:
            raise StorageError("nothing readable")

    counts = fuzz("deviation", lambda g: mutate_json(document, g), feed)
    assert counts["accepted"] >= 15
    assert counts["refused"] >= 50


HOSTILE_OPTIONS: dict[str, tuple[str, ...]] = {
    "--model": ("", ".", "nowhere", "/dev/zero", "fifo", "a\udcff", "[red]x", "x" * 5000, "bad.json", "\x1b[2J"),
    "--out": ("", ".", "..", "/", "mine", "mine/file", "mine/file/b", "x" * 300, "fifo", "repository", "/proc/x/y"),
    "--weights": ("", ".", "/dev/zero", "fifo", "nowhere.npz", "mine/file", "bad.npz", "bad.pth", "\udcff.npz"),
    "--placement": ("0=cpu0,1=cpu0", "9=cpu0", "x" * 5000, "\udcff", "0=\x1b[2J", "=,=", "stem=7"),
    "--format": ("caffe", "", "\udcff", "[/]"),
    "--route": ("magic", "", "x" * 5000),
}


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in HOSTILE_OPTIONS.items() for value in values])
def test_hostile_arguments(option: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / MANIFEST).write_text("{}")
    for name in ("bad.json", "bad.npz", "bad.pth"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 no archive")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "model.json").write_text(collaborative(tiny(), "nca").to_json())
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    options = {"--model": "model.json", "--out": "b", option: value}
    refused_in_a_sentence(run_command(run.app, [word for pair in options.items() for word in pair], monkeypatch))
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("seed", ["-1", str(2**63), "9" * 400, "x", "nan", ""])
def test_impossible_seeds_are_refused(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run_command(run.app, ["--model", "mini_v2", "--out", "b", "--seed", seed], monkeypatch)
    assert status == 2
    assert "--seed" in err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["[red]b[/]", "ä", "b c", "\x1b[2J", "a\nb", "-b", ".b", "x" * 200, "\udcff"])
def test_odd_names_of_folders_are_taken_and_shown_as_they_are(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.json").write_text(tiny().to_json())
    for more in ([], ["--json"]):
        status, out, err = run_command(run.app, ["--model", "model.json", f"--out=./{name}", *more, "--seed", str(2**63 - 1)], monkeypatch)
        assert (status, err) == (0, "")
        assert "\x1b" not in out
        assert not more or json.loads(out)["model"] == "tiny"
    assert load_manifest(tmp_path / name).model == "tiny"
