"""Bundles: a model split into segments, with a reference input and output, as one folder.

The same config, weights, placement and seed always give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from collab.config import ModelConfig
from collab.blocks import Shape
from collab.errors import ExportError
from collab.placement import Placement
from collab.schedule import Schedule, Segment, build_schedule
from collab.weights import DEFAULT_SEED, Array, Weights, seeded
from exporters.interpret import interpreter_name, run_segments
from exporters.manifest import MANIFEST, FileEntry, InputEntry, Manifest, SegmentEntry
from exporters.tflite_route import write_segment

FORMATS: Final = ("tflite", "onnx", "both")


def reference_input(shape: Shape, *, seed: int = DEFAULT_SEED) -> Array:
    """A seeded picture-like input (NHWC float32, about -2 to 2): coarse shapes below fine grain.

    Plain noise would do badly: the global average pool makes all noise look alike, and the logits of a broken model right.
    """
    _, height, width, channels = shape
    generator = np.random.Generator(np.random.PCG64(seed))
    image = 0.3 * generator.standard_normal((height, width, channels))
    for cells in (2, 4, 8, 16):
        coarse = generator.standard_normal((cells, cells, channels))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        image += 0.4 * coarse[rows][:, columns]
    return np.ascontiguousarray(image[None], dtype=np.float32)


def write_bundle(
    config: ModelConfig, placement: Placement, out: Path, *,
    weights: Weights | None = None, format: str = "tflite", seed: int = DEFAULT_SEED,
) -> Manifest:
    """Splits a model and writes its bundle.

    Args:
        out: the folder to make; an earlier bundle there is replaced, anything else is left alone.
        weights: tensors under their checkpoint names; None: seeded.
        format: ``tflite``, or ``both`` (or ``onnx``: the same) for ONNX segments beside the TFLite ones.

    Raises:
        ExportError: the folder holds something that is no bundle, or an export route fails.
    """
    _check_target(out)
    weights = seeded(config, seed=seed) if weights is None else weights
    schedule = build_schedule(config, placement)
    models = {segment.name: write_segment(segment, weights, eps=config.eps) for segment in schedule.segments}
    image = reference_input(config.stem.in_shapes[0], seed=seed)
    output = run_segments(schedule, models, image)
    onnx = _onnx_models(config, schedule, weights) if format in ("onnx", "both") else {}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ExportError(f"{out}: cannot be made ({error.strerror})") from error
    try:
        manifest = _write_files(staging, config, schedule, models, onnx, image, output)
        _replace_folder(staging, out)
    except OSError as error:
        raise ExportError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _check_target(out: Path) -> None:
    if out.exists() and not (out / MANIFEST).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise ExportError(f"{out} exists and is no bundle; name another folder, or remove it first")


def _replace_folder(staging: Path, out: Path) -> None:
    staging.chmod(0o755)
    if out.exists():
        shutil.rmtree(out)
    os.replace(staging, out)


def _onnx_models(config: ModelConfig, schedule: Schedule, weights: Weights) -> dict[str, bytes]:
    from exporters.onnx_route import export_schedule

    return export_schedule(config, schedule, weights)


def _write_files(
    folder: Path, config: ModelConfig, schedule: Schedule, models: Mapping[str, bytes], onnx: Mapping[str, bytes],
    image: Array, output: Array,
) -> Manifest:
    (folder / "segments").mkdir()

    def write(name: str, content: bytes) -> FileEntry:
        (folder / name).write_bytes(content)
        return FileEntry(name, hashlib.sha256(content).hexdigest())

    segments = tuple(
        _segment_entry(
            segment, write(f"segments/{segment.name}.tflite", models[segment.name]), len(models[segment.name]),
            write(f"segments/{segment.name}.onnx", onnx[segment.name]) if segment.name in onnx else None,
        )
        for segment in schedule.segments
    )
    manifest = Manifest(
        model=config.name, config=write("config.json", config.to_json().encode()),
        placement=schedule.placement.text, units=schedule.placement.units, segments=segments,
        input=write("reference_input.f32", image.astype("<f4").tobytes()), input_shape=image.shape,
        output=write("reference_output.f32", output.astype("<f4").tobytes()), output_shape=output.shape,
        output_segment=schedule.output.name, computed_by=interpreter_name(),
    )
    write(MANIFEST, (json.dumps(manifest.to_document(), indent=1) + "\n").encode())
    return manifest


def _segment_entry(segment: Segment, model: FileEntry, model_bytes: int, onnx: FileEntry | None) -> SegmentEntry:
    inputs = tuple(
        InputEntry(f"in{index}", shape, source)
        for index, (shape, source) in enumerate(zip(segment.in_shapes, segment.sources, strict=True))
    )
    blocks = tuple(layer.block.key for layer in segment.layers)
    return SegmentEntry(segment.name, segment.unit, model, model_bytes, blocks, inputs, segment.out_shape, onnx)


def read_f32(path: Path, shape: Shape) -> Array:
    """The numbers of a ``.f32`` file.

    Raises:
        ExportError: the file is missing or does not hold just so many numbers.
    """
    try:
        values = np.fromfile(path, dtype="<f4")
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror})") from error
    if values.size != int(np.prod(shape)):
        raise ExportError(f"{path} holds {values.size} numbers, {list(shape)} takes {int(np.prod(shape))}")
    return values.reshape(shape)


def relative_error(actual: Array, expected: Array) -> float:
    """Largest absolute difference as a fraction of the expected output's range (max - min)."""
    span = float(np.max(expected) - np.min(expected))
    return float(np.max(np.abs(actual - expected))) / span if span > 0 else float("inf")
