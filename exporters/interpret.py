"""Runs segments one after the other with LiteRT's Python interpreter: the reference that the runner is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from collab.errors import ExportError
from collab.schedule import NETWORK_INPUT, Schedule, Source
from exporters.quiet import quiet
from exporters.references import Tensor


def interpreter_name() -> str:
    """Returns the name of what computes a reference output here, as the manifest says it."""
    return f"ai-edge-litert {version('ai-edge-litert')} interpreter"


def run_model(model: bytes, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Runs a TFLite model on one thread, and returns its outputs.

    Raises:
        ExportError: the runtime rejects the model, or an input's shape or type.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            return _run(Interpreter(model_content=model, num_threads=1), inputs)
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the runtime rejects the model: {error}") from error


def _run(interpreter: Any, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    if len(details) != len(inputs):
        raise ExportError(f"the model has {len(details)} inputs, {len(inputs)} are given")
    for detail, array in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return tuple(np.array(interpreter.get_tensor(detail["index"])) for detail in interpreter.get_output_details())


def run_segments(schedule: Schedule, models: Mapping[str, bytes], inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Runs all segments in order, tensors handed over as the schedule says, and returns the network's outputs.

    Raises:
        ExportError: the runtime rejects a model, or a model has other outputs than its segment.
    """
    known: dict[Source, Tensor] = {Source(NETWORK_INPUT, number): array for number, array in enumerate(inputs)}
    for segment in schedule.segments:
        outputs = run_model(models[segment.name], [known[source] for source in segment.sources])
        if len(outputs) != len(segment.outputs):
            raise ExportError(f"segment {segment.name}: its model has {len(outputs)} outputs, {len(segment.outputs)} are handed over")
        known |= {Source(segment.name, number): array for number, array in enumerate(outputs)}
    return tuple(known[source] for source in schedule.outputs)
