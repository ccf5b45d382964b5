"""Runs segments one after the other with LiteRT's Python interpreter: the reference that the runner is held against."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from collab.errors import ExportError
from collab.networks.weights import Array
from collab.schedule import NETWORK_INPUT, Schedule, Source
from exporters.quiet import quiet


def interpreter_name() -> str:
    """Returns the name of what computes a reference output here, as the manifest says it."""
    return f"ai-edge-litert {version('ai-edge-litert')} interpreter"


def run_model(model: bytes, inputs: list[Array]) -> Array:
    """Runs a TFLite model of one output, on one thread, and returns the output.

    Raises:
        ExportError: the runtime rejects the model or an input's shape.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            return _run(Interpreter(model_content=model, num_threads=1), inputs)
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the runtime rejects the model: {error}") from error


def _run(interpreter: Any, inputs: list[Array]) -> Array:
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    if len(details) != len(inputs):
        raise ExportError(f"the model has {len(details)} inputs, {len(inputs)} are given")
    for detail, array in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    output: Array = np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return output


def run_segments(schedule: Schedule, models: Mapping[str, bytes], network_input: Array) -> Array:
    """Runs all segments in order, features (NHWC) handed over as the schedule says, and returns the network's output."""
    features: dict[Source, Array] = {Source(NETWORK_INPUT): network_input}
    for segment in schedule.segments:
        features[Source(segment.name)] = run_model(models[segment.name], [features[source] for source in segment.sources])
    return features[schedule.outputs[0]]
