"""Bundles: a model split into segments, with a reference input and output, as one folder.

The same config, weights, placement and seed always give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import numpy as np

from collab.blocks import BYTES_PER_VALUE, MAX_TENSOR_BYTES, Block
from collab.config import DEFAULT_EPS
from collab.documents import read_bytes
from collab.errors import ExportError
from collab.files import write_new
from collab.model import ModelConfig
from collab.networks.weights import DEFAULT_SEED, Array, Weights, seeded, seeded_layer
from collab.placement import Placement
from collab.schedule import NETWORK_INPUT, Layer, Schedule, Segment, Source, build_schedule, chained
from collab.tensors.opaque import Opaque
from collab.tensors.types import Shape, TensorType
from exporters.checking import random_input, reference_input
from exporters.interpret import interpreter_name, run_segments
from exporters.manifest import MANIFEST, MAX_MANIFEST_BYTES, FileEntry, InputEntry, Manifest, SegmentEntry
from exporters.publish import check_target, publish
from exporters.tflite_route import write_segment

FORMATS: Final = ("tflite", "onnx", "both")
ROUTES: Final = ("direct", "litert-torch")


@dataclass(frozen=True)
class _Content:
    """Everything that a bundle is made of; `models` and `onnx` by segment, either may be empty."""

    schedule: Schedule
    placement: str
    config: str
    models: Mapping[str, bytes]
    onnx: Mapping[str, bytes]
    image: Array

    def reference(self) -> tuple[Array, str]:
        """The reference output and what computed it."""
        if self.models:
            return run_segments(self.schedule, self.models, self.image), interpreter_name()
        from exporters import onnx_route

        nchw = np.ascontiguousarray(self.image.transpose(0, 3, 1, 2))
        return onnx_route.run_segments(self.schedule, self.onnx, nchw), onnx_route.runtime_name()


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
    return _write_folder(out, _Content(schedule, placement.text, config.to_json(), models, onnx, image))


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
    return _write_folder(out, _Content(schedule, Placement((unit,)).text, described, models, {}, image))


def write_chain_of_others(
    models: Sequence[bytes],
    pieces: Sequence[Sequence[Opaque]],
    ends: Sequence[TensorType],
    out: Path,
    *,
    unit: str,
    seed: int = DEFAULT_SEED,
) -> Manifest:
    """Pieces of a network of others, each a model that takes what the one before it gives, on one unit, as a bundle: for timing them.

    Args:
        models, pieces: each piece's model and its blocks.
        ends: the network's input and what each piece gives, all of float32.

    Raises:
        ExportError: see `write_bundle`.
    """
    check_target(out)
    names = [f"{unit}.{number}" for number in range(len(pieces))]
    sources = [Source(name) for name in (NETWORK_INPUT, *names[:-1])]
    segments = tuple(
        Segment(name, unit, (source,), (taken,), (given,), pieces=tuple(piece))
        for name, piece, source, (taken, given) in zip(names, pieces, sources, pairwise(ends), strict=True)
    )
    schedule = Schedule("pieces", (unit,), segments, segments[0].inputs, (Source(names[-1]),))
    described = json.dumps({"pieces": [[block.key for block in piece] for piece in pieces]}) + "\n"
    image = random_input(ends[0].shape, seed=seed)
    content = _Content(schedule, Placement((unit,)).text, described, dict(zip(names, models, strict=True)), {}, image)
    return _write_folder(out, content)


def _write_folder(out: Path, content: _Content) -> Manifest:
    reference = content.reference()
    return publish(out, lambda folder: _write_files(folder, content, *reference))


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


def _write_files(folder: Path, content: _Content, output: Array, computed_by: str) -> Manifest:
    schedule, models, onnx, image = content.schedule, content.models, content.onnx, content.image
    os.mkdir(folder / "segments")  # noqa: PTH102 -- as in `publish`

    def write(name: str, content: bytes) -> FileEntry:
        write_new(folder / name, content)
        return FileEntry(name, hashlib.sha256(content).hexdigest())

    segments = tuple(
        _segment_entry(
            segment,
            len(models.get(segment.name, b"")),
            write(f"segments/{segment.name}.tflite", models[segment.name]) if models else None,
            write(f"segments/{segment.name}.onnx", onnx[segment.name]) if onnx else None,
        )
        for segment in schedule.segments
    )
    manifest = Manifest(
        model=schedule.model,
        config=write("config.json", content.config.encode()),
        placement=content.placement,
        units=schedule.units,
        segments=segments,
        input=write("reference_input.f32", image.astype("<f4").tobytes()),
        input_shape=image.shape,
        output=write("reference_output.f32", output.astype("<f4").tobytes()),
        output_shape=output.shape,
        output_segment=schedule.outputs[0].segment,
        computed_by=computed_by,
    )
    text = json.dumps(manifest.to_document(), indent=1) + "\n"
    if len(text) > MAX_MANIFEST_BYTES:
        raise ExportError(f"{schedule.model}: its manifest takes more than {MAX_MANIFEST_BYTES >> 20} MiB: it has too many hand-overs")
    write(MANIFEST, text.encode())
    return manifest


def _segment_entry(segment: Segment, model_bytes: int, model: FileEntry | None, onnx: FileEntry | None) -> SegmentEntry:
    inputs = tuple(
        InputEntry(f"in{index}", shape, source.segment)
        for index, (shape, source) in enumerate(zip(segment.in_shapes, segment.sources, strict=True))
    )
    blocks = tuple(block.key for block in segment.blocks)
    return SegmentEntry(segment.name, segment.unit, blocks, inputs, segment.outputs[0].shape, model, model_bytes, onnx)


def read_f32(path: Path, shape: Shape, *, finite: bool = False) -> Array:
    """The numbers of a ``.f32`` file.

    Args:
        finite: whether NaN and infinities are refused, as in a reference, with which nothing could be compared then.

    Raises:
        ExportError: the file is missing, does not hold just so many numbers, or one that is not finite.
    """
    count = math.prod(shape)
    data = read_bytes(path, limit_bytes=MAX_TENSOR_BYTES, error=ExportError, advice="export the bundle again")
    if len(data) != count * BYTES_PER_VALUE:
        raise ExportError(f"{path} holds {len(data) / BYTES_PER_VALUE:g} numbers, {list(shape)} takes {count}")
    values = np.frombuffer(data, dtype="<f4").astype(np.float32)
    if finite and not np.isfinite(values).all():
        raise ExportError(f"{path} holds numbers that are not finite, with which nothing can be compared; export the bundle again")
    return values.reshape(shape)
