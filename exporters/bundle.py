"""Bundles: a model split into segments, with reference inputs and outputs, as one folder.

The same config, weights, placement and seed always give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from collab.blocks import Block
from collab.config import DEFAULT_EPS
from collab.errors import ExportError
from collab.files import write_new
from collab.model import ModelConfig
from collab.networks.weights import DEFAULT_SEED, Array, Weights, seeded, seeded_layer
from collab.placement import Placement
from collab.schedule import NETWORK_INPUT, Layer, Schedule, Segment, Source, build_schedule, chained
from collab.tensors.types import TensorType
from exporters.checking import reference_input
from exporters.interpret import interpreter_name, run_model, run_segments
from exporters.manifests.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    FileEntry,
    InputEntry,
    Manifest,
    Origin,
    OutputEntry,
    OutputReference,
    Reference,
    SegmentEntry,
)
from exporters.publish import check_target, publish
from exporters.references import Tensor, reference_name, seeded_tensor, tensor_bytes, type_of
from exporters.tflite_route import write_segment

FORMATS: Final = ("tflite", "onnx", "both")
ROUTES: Final = ("direct", "litert-torch")
CONFIG_FILE: Final = "config.json"
NETWORK_FILE: Final = "network.tflite"
PLAN_FILE: Final = "plan.json"


@dataclass(frozen=True)
class _Content:
    """Everything that a bundle is made of; `models` and `onnx` by segment, either may be empty.

    `said` are the files that tell what it was made from, by the field of the manifest that names them.
    """

    schedule: Schedule
    placement: str
    said: Mapping[str, tuple[str, bytes]]
    models: Mapping[str, bytes]
    onnx: Mapping[str, bytes]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    computed_by: str


def write_bundle(
    config: ModelConfig,
    placement: Placement,
    out: Path,
    *,
    weights: Weights | None = None,
    format: str = "tflite",
    route: str = "direct",
    seed: int = DEFAULT_SEED,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Manifest:
    """Splits a model and writes its bundle.

    Args:
        out: the folder to make; an earlier bundle there is replaced, anything else is left alone.
        weights: tensors under their checkpoint names; None: seeded.
        format: ``tflite``, ``onnx`` or ``both``; only TFLite segments can be run on a device.
        route: how TFLite segments are made: ``direct`` (own writer) or ``litert-torch``.
        on_progress: gets the number of models that are made, and of all.

    Raises:
        ExportError: the folder holds something that is no bundle, or an export route fails.
    """
    check_target(out)
    weights = seeded(config, seed=seed) if weights is None else weights
    schedule = build_schedule(config, placement)
    wanted = ("tflite", "onnx") if format == "both" else (format,)
    made, total = count(1), len(wanted) * len(schedule.segments)
    on_progress(0, total)

    def on_made() -> None:
        on_progress(next(made), total)

    models = _tflite_models(config, schedule, weights, route, on_made) if "tflite" in wanted else {}
    onnx = _onnx_models(config, schedule, weights, on_made) if "onnx" in wanted else {}
    image = reference_input(config.stem.in_shapes[0], seed=seed)
    outputs, computed_by = _computed(schedule, models, onnx, image)
    said = {"config": (CONFIG_FILE, config.to_json().encode())}
    return _publish(out, _Content(schedule, placement.text, said, models, onnx, (image,), outputs, computed_by))


def write_pieces(pieces: Sequence[Sequence[Block]], out: Path, *, unit: str, seed: int = DEFAULT_SEED) -> Manifest:
    """Blocks in pieces, one segment after the other on one unit, with seeded weights, as a bundle: for timing them as a network.

    Raises:
        ExportError: see `write_bundle`.
    """
    check_target(out)
    layers = [[Layer(block, f"piece{number}.{index}") for index, block in enumerate(piece)] for number, piece in enumerate(pieces)]
    names = [f"{unit}.{number}" for number in range(len(pieces))]
    sources = [Source(name) for name in (NETWORK_INPUT, *names[:-1])]
    segments = tuple(chained(name, unit, tuple(piece), (source,)) for name, piece, source in zip(names, layers, sources, strict=True))
    schedule = Schedule("pieces", (unit,), segments, segments[0].inputs, (Source(names[-1]),))
    weights = {name: array for piece in layers for layer in piece for name, array in seeded_layer(layer, seed=seed).items()}
    models = {segment.name: write_segment(segment, weights, eps=DEFAULT_EPS) for segment in segments}
    image = reference_input(segments[0].in_shapes[0], seed=seed)
    described = json.dumps({"pieces": [[block.key for block in piece] for piece in pieces]}) + "\n"
    said = {"config": (CONFIG_FILE, described.encode())}
    outputs, computed_by = _computed(schedule, models, {}, image)
    return _publish(out, _Content(schedule, Placement((unit,)).text, said, models, {}, (image,), outputs, computed_by))


def write_network_pieces(schedule: Schedule, models: Mapping[str, bytes], out: Path, *, seed: int = DEFAULT_SEED) -> Manifest:
    """Writes segments of a network of others as a bundle that says of the whole no more than their blocks: for timing them.

    Args:
        models: the TFLite model of each segment, by its name; what they compute one after the other is the reference.
        out: see `write_bundle`.

    Raises:
        ExportError: see `write_bundle`.
    """
    check_target(out)
    described = json.dumps({"pieces": [[block.key for block in segment.blocks] for segment in schedule.segments]}) + "\n"
    inputs = tuple(seeded_tensor(tensor, seed=seed, number=number) for number, tensor in enumerate(schedule.inputs))
    outputs = run_segments(schedule, models, inputs)
    said = {"config": (CONFIG_FILE, described.encode())}
    # The network's own name may be any file's.
    named = replace(schedule, model="pieces")
    return _publish(out, _Content(named, Placement(schedule.units).text, said, models, {}, inputs, outputs, interpreter_name()))


def write_network_bundle(
    schedule: Schedule, models: Mapping[str, bytes], *, network: bytes, plan_text: str, out: Path, seed: int = DEFAULT_SEED
) -> Manifest:
    """Writes the bundle of any network that was cut into segments.

    Args:
        models: the TFLite model of each segment, by its name.
        network: the TFLite model of the whole; what it computes is the reference.
        plan_text: what the network was divided by, a JSON document.
        out: see `write_bundle`.

    Raises:
        ExportError: see `write_bundle`; or the whole has other inputs or outputs than the schedule, or computes what is not finite.
    """
    check_target(out)
    inputs = tuple(seeded_tensor(tensor, seed=seed, number=number) for number, tensor in enumerate(schedule.inputs))
    outputs = run_model(network, inputs)
    given, wanted = tuple(map(type_of, outputs)), tuple(map(schedule.type_of, schedule.outputs))
    if given != wanted:
        raise ExportError(f"{schedule.model}: the whole network gives {_types(given)}, its segments give {_types(wanted)}")
    if not all(np.isfinite(array).all() for array in outputs):
        raise ExportError(
            f"{schedule.model} computes numbers that are not finite from inputs of the seed {seed}, with which nothing can be compared;"
            " give another seed"
        )
    said = {"network": (NETWORK_FILE, network), "plan": (PLAN_FILE, plan_text.encode())}
    return _publish(out, _Content(schedule, "", said, models, {}, inputs, outputs, interpreter_name()))


def _types(types: Sequence[TensorType]) -> str:
    return ", ".join(f"{tensor.dtype} {list(tensor.shape)}" for tensor in types)


def _computed(schedule: Schedule, models: Mapping[str, bytes], onnx: Mapping[str, bytes], image: Array) -> tuple[tuple[Tensor, ...], str]:
    """Computes the reference output of a network of one input, and tells what computed it."""
    if models:
        return run_segments(schedule, models, [image]), interpreter_name()
    from exporters import onnx_route

    nchw = np.ascontiguousarray(image.transpose(0, 3, 1, 2))
    return (onnx_route.run_segments(schedule, onnx, nchw),), onnx_route.runtime_name()


def _publish(out: Path, content: _Content) -> Manifest:
    return publish(out, lambda folder: _write_files(folder, content))


def _tflite_models(config: ModelConfig, schedule: Schedule, weights: Weights, route: str, on_made: Callable[[], None]) -> dict[str, bytes]:
    if route == "direct":
        models = {}
        for segment in schedule.segments:
            models[segment.name] = write_segment(segment, weights, eps=config.eps)
            on_made()
        return models
    from exporters.litert_torch_route import convert_schedule

    return convert_schedule(config, schedule, weights, on_made=on_made)


def _onnx_models(config: ModelConfig, schedule: Schedule, weights: Weights, on_made: Callable[[], None]) -> dict[str, bytes]:
    from exporters.onnx_route import export_schedule

    return export_schedule(config, schedule, weights, on_made=on_made)


def _write_files(folder: Path, content: _Content) -> Manifest:
    schedule, models, onnx = content.schedule, content.models, content.onnx
    os.mkdir(folder / "segments")  # noqa: PTH102 -- as in `publish`

    def write(name: str, content: bytes) -> FileEntry:
        write_new(folder / name, content)
        return FileEntry(name, hashlib.sha256(content).hexdigest())

    def reference(what: str, number: int, array: Tensor) -> Reference:
        entry = write(reference_name(what, number, type_of(array)), tensor_bytes(array))
        return Reference(entry.file, entry.sha256, type_of(array))

    segments = tuple(
        _segment_entry(
            segment,
            len(models.get(segment.name, b"")),
            write(f"segments/{segment.name}.tflite", models[segment.name]) if models else None,
            write(f"segments/{segment.name}.onnx", onnx[segment.name]) if onnx else None,
        )
        for segment in schedule.segments
    )
    said = {field: write(name, data) for field, (name, data) in content.said.items()}
    outputs = [reference("output", number, array) for number, array in enumerate(content.outputs)]
    manifest = Manifest(
        model=schedule.model,
        origin=Origin(placement=content.placement, **said),
        units=schedule.units,
        segments=segments,
        inputs=tuple(reference("input", number, array) for number, array in enumerate(content.inputs)),
        outputs=tuple(
            OutputReference(entry.file, entry.sha256, entry.type, source) for entry, source in zip(outputs, schedule.outputs, strict=True)
        ),
        computed_by=content.computed_by,
    )
    text = json.dumps(manifest.to_document(), indent=1) + "\n"
    if len(text) > MAX_MANIFEST_BYTES:
        raise ExportError(f"{schedule.model}: its manifest takes more than {MAX_MANIFEST_BYTES >> 20} MiB: it has too many hand-overs")
    write(MANIFEST, text.encode())
    return manifest


def _segment_entry(segment: Segment, model_bytes: int, model: FileEntry | None, onnx: FileEntry | None) -> SegmentEntry:
    inputs = tuple(
        InputEntry(f"in{index}", tensor, source) for index, (tensor, source) in enumerate(zip(segment.inputs, segment.sources, strict=True))
    )
    outputs = tuple(OutputEntry(f"out{index}" if index else "out", tensor) for index, tensor in enumerate(segment.outputs))
    blocks = tuple(block.key for block in segment.blocks)
    return SegmentEntry(segment.name, segment.unit, blocks, inputs, outputs, model, model_bytes, onnx)
