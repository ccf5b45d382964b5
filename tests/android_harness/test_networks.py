"""Bundles of any network on the real runner: cut into blocks that two units take by turns, they compute what the whole does, to the bit."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from android_harness.bundles.result import output_error
from android_harness.protocol.journal import CollabDone, Event, JobFailed
from android_harness.protocol.phases import CollabJob, Phase, Repeat, output_files
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.errors import ExportError
from collab.schedule import NETWORK_INPUT, Schedule, Source
from collab.units import UnitSpec
from exporters.bundle import write_network_bundle
from exporters.interpret import run_model, run_segments
from exporters.manifests.manifest import MANIFEST, Manifest
from exporters.manifests.reading import load_manifest
from exporters.references import read_tensor
from graph.format.source import Source as NetworkSource
from graph.format.writing import model_bytes
from graph.network import Network
from graph.reading import network_of, read_network
from graph.scheduling import CutNetwork as PlacedNetwork
from graph.slicing import slice_bytes
from lut.prediction.program import NETWORK_OUTPUT, peer_name
from tests.android_harness.cut_networks import CutNetwork, taken_by_turns
from tests.graph.models import found_models
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, TYPES, Sample
from tests.graph.samples import samples

UNITS = ("cpu0", "cpu1")
_GIVES_SHAPES = "SHAPE"
"""LiteRT knows the output of this operator before a run, and writes it to no memory of the caller's: no model can give it."""


def random_bytes(seed: int) -> bytes:
    return model_bytes(random_network(seed), NO_SOURCE)


def in_memory(model: bytes) -> Network:
    return network_of(NetworkSource("whole", memoryview(model)))


def bundle_of(model: bytes, out: Path, *, grain_us: float) -> tuple[CutNetwork, Manifest]:
    cut = taken_by_turns(in_memory(model), name="whole", units=UNITS, grain_us=grain_us)
    manifest = write_network_bundle(cut.schedule, cut.models, network=model, plan_text="{}\n", out=out, seed=1)
    return cut, manifest


def run_everywhere(device: LocalTarget, bundles: list[Path], folder: Path) -> dict[str, CollabDone]:
    """Runs bundles on two units over every path in both modes, and holds all outputs against their references."""
    cores = device.info.cores
    units = {unit: UnitSpec("cpu").on_cores([cores[number % len(cores)]]) for number, unit in enumerate(UNITS)}
    events: list[Event] = []
    named = []
    for bundle in bundles:
        for path, mode in (("shared", "concurrent"), ("memcpy", "concurrent"), ("memcpy", "sequential")):
            name = f"{bundle.name}-{path}-{mode}"
            outputs = len(load_manifest(bundle).outputs)
            job = CollabJob(
                name, bundle / MANIFEST, warmup=1, runs=3, path=path, mode=mode, wait="condvar", output=folder / name, outputs=outputs
            )
            named.append((bundle, job))
    phase = Phase("networks", units, tuple(job for _, job in named), Repeat(1, 1), order="given")
    assert execute(device, phase, folder / "journal.jsonl", events.append)
    assert not [event for event in events if isinstance(event, JobFailed)]
    found = {event.job: event for event in events if isinstance(event, CollabDone)}
    for bundle, job in named:
        assert job.output is not None
        assert output_error(bundle, job.output).share == 0.0, job.id
        assert found[job.id].distinct_outputs == 1
        for file, entry in zip(job.output_files, load_manifest(bundle).outputs, strict=True):
            assert file.read_bytes() == (bundle / entry.file).read_bytes(), (job.id, entry.source)
    return found


def expected_steps(schedule: Schedule, unit: str) -> list[tuple[str, str, str]]:
    """Returns what a unit does with two copies of everything: one wait for each sender, and peers are told after the last read."""
    steps = []
    for segment in (segment for segment in schedule.segments if segment.unit == unit):
        waited = set()
        for source in segment.sources:
            if not source.is_input and schedule.segment(source.segment).unit == unit:
                continue
            if not source.is_input and source.segment not in waited:
                waited.add(source.segment)
                steps.append((segment.name, "wait", source.segment))
            steps.append((segment.name, "write", peer_name(source)))
        steps.append((segment.name, "run", ""))
        for number in range(len(segment.outputs)):
            receivers = schedule.receivers(Source(segment.name, number))
            if receivers:
                steps.append((segment.name, "read", receivers[0].name))
        for number, source in enumerate(schedule.outputs):
            if source.segment == segment.name:
                steps.append((segment.name, "read", peer_name(Source(NETWORK_OUTPUT, number))))
    return steps


def test_random_networks_of_several_outputs_compute_the_same_bits(device: LocalTarget, tmp_path: Path) -> None:
    cuts: dict[str, CutNetwork] = {}
    for seed in range(400):
        model = random_bytes(seed)
        network = in_memory(model)
        cut = taken_by_turns(network, name="whole", units=UNITS, grain_us=0.0)
        is_rich = len(network.outputs) > 1 and any(len(segment.outputs) > 1 for segment in cut.schedule.segments)
        if is_rich and (len(network.inputs) > 1 or len(cuts) < 3) and len(cut.schedule.segments) > 3:
            bundle_of(model, tmp_path / f"b{seed}", grain_us=0.0)
            cuts[f"b{seed}"] = cut
        if len(cuts) == 6:
            break
    assert len(cuts) == 6
    assert any(len(cut.schedule.inputs) > 1 for cut in cuts.values())
    found = run_everywhere(device, [tmp_path / name for name in cuts], tmp_path)
    for name, cut in cuts.items():
        steps = found[f"{name}-memcpy-concurrent"].steps
        for unit in UNITS:
            assert [(s.segment, s.step, s.peer) for s in steps if s.unit == unit] == expected_steps(cut.schedule, unit), (name, unit)


def test_segments_that_take_what_is_known_to_be_there_compute_the_same_bits(device: LocalTarget, tmp_path: Path) -> None:
    """Blocks that take from another unit in the middle of a segment, as what they take is there before it begins."""
    bundles = []
    for seed in range(400):
        model = random_bytes(seed)
        cut = PlacedNetwork(in_memory(model), name="whole", grain_us=0.0)
        draw = random.Random(seed)
        units = [draw.choice(UNITS) for _ in cut.blocks]
        joining = [block for run in cut.runs(units) for block in run[1:] if any(units[b] != units[block] for b in cut.before[block])]
        if joining:
            schedule = cut.schedule(units, order=UNITS)
            blocks = zip(schedule.segments, cut.segment_blocks(units), strict=True)
            models = {segment.name: slice_bytes(cut.network, block) for segment, block in blocks}
            bundles.append(tmp_path / f"b{seed}")
            write_network_bundle(schedule, models, network=model, plan_text="{}\n", out=bundles[-1], seed=1)
        if len(bundles) == 5:
            break
    assert len(bundles) == 5
    run_everywhere(device, bundles, tmp_path)


def test_a_shape_that_a_network_computes_with_is_run_where_it_is_read(device: LocalTarget, tmp_path: Path) -> None:
    g = Sample()
    x = g.conv(g.input((1, 8, 8, 4)), 4)
    shape = g.op("SHAPE", [x], (4,), table="ShapeOptions", options={"outType": TYPES["INT32"]}, dtype="INT32")
    once = g.op("CAST", [shape], (4,))
    y = g.op("MUL", [g.conv(x, 4), once], (1, 8, 8, 4), table="MulOptions")
    twice = g.op("CAST", [shape], (4,))
    model = g.bytes(g.op("SUB", [g.conv(y, 4), twice], (1, 8, 8, 4), table="SubOptions"), g.conv(x, 8))
    schedule = bundle_of(model, tmp_path / "b", grain_us=0.0)[0].schedule
    assert len(schedule.segments) > 1
    run_everywhere(device, [tmp_path / "b"], tmp_path)


def test_samples_of_every_kind_compute_the_same_bits(device: LocalTarget, tmp_path: Path) -> None:
    """Whole numbers of several widths, truth values, quantised features: whatever is handed over between their blocks."""
    handed: set[str] = set()
    bundles = []
    for name, model in samples().items():
        if _GIVES_SHAPES in {operator.name for operator in in_memory(model).operators}:
            continue
        if name == "unary":  # it has roots and logarithms of numbers of either sign
            with pytest.raises(ExportError, match="not finite"):
                bundle_of(model, tmp_path / name, grain_us=0.0)
            continue
        schedule = bundle_of(model, tmp_path / name, grain_us=0.0)[0].schedule
        handed |= {schedule.type_of(source).dtype for segment in schedule.segments for source in segment.sources}
        bundles.append(tmp_path / name)
    assert handed >= {"float32", "int32", "int8", "uint8", "bool"}
    run_everywhere(device, bundles, tmp_path)


@pytest.mark.parametrize("model", found_models(), ids=lambda path: path.stem)
def test_models_of_others_compute_the_same_bits(device: LocalTarget, model: Path, tmp_path: Path) -> None:
    read_network(model)
    cut, _ = bundle_of(model.read_bytes(), tmp_path / "b", grain_us=1.0)
    assert len(cut.schedule.segments) > 1
    if "int8" in model.stem:
        assert {tensor.dtype for segment in cut.schedule.segments for tensor in segment.outputs} >= {"int8"}
    run_everywhere(device, [tmp_path / "b"], tmp_path)


def test_the_reference_is_the_whole_network_s(tmp_path: Path) -> None:
    model = next(random_bytes(seed) for seed in range(99) if len(in_memory(random_bytes(seed)).inputs) == 2)
    cut, manifest = bundle_of(model, tmp_path / "b", grain_us=0.0)
    inputs = [read_tensor(tmp_path / "b" / entry.file, entry.type) for entry in manifest.inputs]
    assert inputs[0].tobytes() != inputs[1].tobytes()
    outputs = [read_tensor(tmp_path / "b" / entry.file, entry.type) for entry in manifest.outputs]
    assert [array.tobytes() for array in run_model(model, inputs)] == [array.tobytes() for array in outputs]
    assert [array.tobytes() for array in run_segments(cut.schedule, cut.models, inputs)] == [array.tobytes() for array in outputs]
    assert load_manifest(tmp_path / "b") == manifest
    listed = {entry.file for entry in manifest.files} | {MANIFEST}
    assert listed == {str(path.relative_to(tmp_path / "b")) for path in (tmp_path / "b").rglob("*") if path.is_file()}
    assert manifest.origin.network is not None
    assert (tmp_path / "b" / manifest.origin.network.file).read_bytes() == model
    document = json.loads((tmp_path / "b" / MANIFEST).read_text())
    assert {entry["from"] for segment in document["segments"] for entry in segment["inputs"]} >= {NETWORK_INPUT}
    # What is there is a bundle of ours, which another one may replace.
    bundle_of(random_bytes(3), tmp_path / "b", grain_us=0.0)


def test_a_network_of_other_outputs_than_its_segments_is_refused(tmp_path: Path) -> None:
    cut = taken_by_turns(in_memory(random_bytes(1)), name="whole", units=UNITS, grain_us=0.0)
    other = next(random_bytes(seed) for seed in range(2, 99) if len(in_memory(random_bytes(seed)).outputs) == 3)
    with pytest.raises(ExportError, match=r"its segments give|inputs"):
        write_network_bundle(cut.schedule, cut.models, network=other, plan_text="{}", out=tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_every_output_is_held_against_its_reference(tmp_path: Path) -> None:
    model = next(random_bytes(seed) for seed in range(2, 99) if len(in_memory(random_bytes(seed)).outputs) == 3)
    _, manifest = bundle_of(model, tmp_path / "b", grain_us=0.0)
    files = output_files(tmp_path / "out", 3)
    for file, entry in zip(files, manifest.outputs, strict=True):
        file.write_bytes((tmp_path / "b" / entry.file).read_bytes())
    assert output_error(tmp_path / "b", files[0]).share == 0.0
    for file in files:
        right = file.read_bytes()
        file.write_bytes(b"\0\0\x80\x44" + right[4:])
        assert output_error(tmp_path / "b", files[0]).share > 1e-4
        file.write_bytes(b"\0\0\xc0\x7f" + right[4:])
        assert math.isnan(output_error(tmp_path / "b", files[0]).share)
        file.unlink()
        assert output_error(tmp_path / "b", files[0]).share == math.inf
        file.write_bytes(right)
