"""The ONNX route: segments as ONNX models for other runtimes. NCHW, float32, BatchNorm folded; needs the extras ``torch`` and ``onnx``.

Inputs are called ``in0``, ``in1`` ... and the output ``out``. The same segment always gives the same bytes, and nothing of the machine
that wrote them is in the file. Every model is checked and compared with torch by onnxruntime before it is handed out.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from collab.errors import ExportError
from collab.model import ModelConfig
from collab.networks.weights import Array, Weights
from collab.schedule import NETWORK_INPUT, Schedule, Source
from collab.tensors.types import Shape
from collab.wording.extras import missing
from exporters.checking import reference_input, require_close
from exporters.quiet import quiet

if TYPE_CHECKING:
    import torch

    from collab.networks.network import SegmentModule

OPSET: Final = 18
"""The operator set of all models. It is the one that torch's exporter writes by itself; others go through a version converter."""


def export_schedule(
    config: ModelConfig, schedule: Schedule, weights: Weights, *, on_made: Callable[[], None] = lambda: None
) -> dict[str, bytes]:
    """The ONNX model of every segment of a schedule, by the segment's name; `on_made` is called after each.

    Raises:
        ExportError: see `export_segment`.
        WeightsError: the weights do not fit the config.
    """
    _require_all()
    from collab.networks.network import from_weights, segment_modules

    modules = segment_modules(from_weights(config, weights), schedule)
    models = {}
    for segment in schedule.segments:
        models[segment.name] = export_segment(modules[segment.name], segment.in_shapes)
        on_made()
    return models


def export_segment(module: SegmentModule, in_shapes_nhwc: Sequence[Shape]) -> bytes:
    """A segment as an ONNX model with NCHW inputs and output (logits: batch, classes).

    Args:
        module: of `collab.networks.network.segment_modules`; it is left as it is, and exported in inference mode.
        in_shapes_nhwc: shapes of its inputs, `segment.in_shapes`.

    Raises:
        ExportError: torch, onnx, onnxscript or onnxruntime is missing, the exporter fails, or the model is invalid or differs from torch.
    """
    _require_all()
    import torch

    what = f"segment {module.segment.name}"
    inputs = [np.ascontiguousarray(reference_input(shape, seed=i).transpose(0, 3, 1, 2)) for i, shape in enumerate(in_shapes_nhwc)]
    exported = copy.deepcopy(module).eval()
    tensors = tuple(torch.from_numpy(array) for array in inputs)
    with torch.no_grad():
        expected = cast(Array, exported(*tensors).numpy())
    model = traced(exported, tensors, what)
    actual = _run(model, inputs, what)
    require_close(actual, expected, what=what, route="ONNX")
    return model


def runtime_name() -> str:
    """Returns the name of what computes a reference output here, as the manifest says it."""
    return f"onnxruntime {_require('onnxruntime').__version__}"


def run_segments(schedule: Schedule, models: Mapping[str, bytes], x_nchw: Array) -> Array:
    """The logits: onnxruntime runs all segments in order, features handed over as the schedule says (NCHW), on one thread.

    Raises:
        ExportError: onnxruntime is missing, or rejects a model or the input's shape.
    """
    features: dict[Source, Array] = {Source(NETWORK_INPUT): x_nchw}
    for segment in schedule.segments:
        inputs = [features[source] for source in segment.sources]
        features[Source(segment.name)] = _run(models[segment.name], inputs, f"segment {segment.name}")
    return features[schedule.outputs[0]]


def _require_all() -> None:
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        _require(name)


def _require(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra = "torch" if name == "torch" else "onnx"
        raise ExportError(missing("the ONNX route", name, extra, error=error)) from error


def traced(module: SegmentModule, tensors: tuple[torch.Tensor, ...], what: str) -> bytes:
    """Returns a module as an ONNX model with these inputs, checked, without notes.

    Raises:
        ExportError: tracing or the checker fails; `what` names the module.
    """
    import onnx
    import torch

    names = [f"in{index}" for index in range(len(tensors))]
    try:
        with quiet():
            program: Any = torch.onnx.export(
                module,
                tensors,
                dynamo=True,
                external_data=False,
                verbose=False,
                opset_version=OPSET,
                input_names=names,
                output_names=["out"],
            )
        proto = program.model_proto
        strip_notes(proto)
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # whatever tracing or the checker raises
        raise ExportError(f"{what}: torch.onnx cannot export it: {type(error).__name__}: {str(error).strip()[:300]}") from error
    return cast(bytes, proto.SerializeToString(deterministic=True))


def strip_notes(proto: Any) -> None:
    """Removes all notes: torch writes stack traces with the machine's paths beside every node."""
    for item in (proto, *_parts(proto.graph)):
        for field in ("doc_string", "metadata_props"):
            if field in item.DESCRIPTOR.fields_by_name:
                item.ClearField(field)


def _parts(graph: Any) -> Iterator[Any]:
    """A graph and all that may carry notes in it, graphs inside nodes included."""
    yield graph
    for field in (graph.input, graph.output, graph.value_info, graph.initializer, graph.node):
        yield from field
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _parts(inner)


def _run(model: bytes, inputs: Sequence[Array], what: str) -> Array:
    runtime = _require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]
        outputs = session.run(["out"], dict(zip(names, inputs, strict=True)))
    except Exception as error:  # onnxruntime's errors share no base of their own
        raise ExportError(f"{what}: onnxruntime rejects the model or its inputs: {str(error).strip()[:300]}") from error
    return cast(Array, outputs[0])
