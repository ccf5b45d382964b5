"""The litert-torch route: any torch module to TFLite, with NHWC inputs and outputs.

For what the direct route (`exporters.tflite_route`) does not know: squeeze-and-excitation, hard-swish, grouped convolutions, networks of
one's own. It takes seconds per model and needs the extra ``litert``. Every result is run by LiteRT's interpreter and compared with
torch before it is handed out: a traced model can be wrong without an error.

Inputs are called ``in0``, ``in1`` ... and the output ``out``, in the signature ``serving_default``.
"""

from __future__ import annotations

import copy
import importlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from collab.errors import ExportError
from collab.model import ModelConfig
from collab.networks.weights import Array, Weights
from collab.schedule import Schedule
from collab.tensors.types import Shape
from collab.wording.extras import missing
from exporters.checking import reference_input, require_close
from exporters.interpret import run_model
from exporters.quiet import quiet
from exporters.tflite_graph import operator_names

if TYPE_CHECKING:
    from torch import nn

    from collab.networks.network import NhwcModule, SegmentModule


def convert_schedule(
    config: ModelConfig, schedule: Schedule, weights: Weights, *, on_made: Callable[[], None] = lambda: None
) -> dict[str, bytes]:
    """The TFLite model of every segment of a schedule, by the segment's name; `on_made` is called after each.

    Raises:
        ExportError: see `convert_segment`.
        WeightsError: the weights do not fit the config.
    """
    require("litert_torch")
    from collab.networks.network import from_weights, segment_modules

    modules = segment_modules(from_weights(config, weights), schedule)
    models = {}
    for segment in schedule.segments:
        models[segment.name] = convert_segment(modules[segment.name], segment.in_shapes)
        on_made()
    return models


def convert_segment(module: SegmentModule, in_shapes: Sequence[Shape]) -> bytes:
    """A segment as a TFLite model without a single TRANSPOSE.

    Args:
        module: of `collab.networks.network.segment_modules`; it is left as it is, and converted in inference mode.
        in_shapes: NHWC shapes of its inputs, `segment.in_shapes`.

    Raises:
        ExportError: the converter is missing or fails, or the model differs from torch or holds a TRANSPOSE.
    """
    require("litert_torch")
    from collab.networks.network import NhwcModule

    what = f"segment {module.segment.name}"
    nhwc = NhwcModule(copy.deepcopy(module.body).eval(), opening=module.opening)
    model = _convert(nhwc, [reference_input(shape, seed=index) for index, shape in enumerate(in_shapes)], what)
    if "TRANSPOSE" in operator_names(model):
        raise ExportError(f"{what}: litert-torch left a TRANSPOSE in the model, which would be timed with it")
    return model


def convert_module(module: nn.Module, example_inputs_nhwc: Sequence[Array], *, name: str = "module") -> bytes:
    """Any torch module of one output as a TFLite model.

    Args:
        module: takes NCHW images (and tensors of other ranks, which pass as they are); it is left as it is, and converted in
            inference mode.
        example_inputs_nhwc: float32 arrays with the shapes of its inputs, images in NHWC. The result is compared with torch on
            them, so take values like those that the module will see: zeros would hide a wrong convolution.
        name: what to call the module in errors.

    Raises:
        ExportError: the converter is missing or fails, or the model differs from torch. A TRANSPOSE that is left is no error: look
            for it with `exporters.tflite_graph.operator_names` before timing the model.
    """
    require("litert_torch")
    from collab.networks.network import NhwcModule

    return _convert(NhwcModule(copy.deepcopy(module).eval()), [np.ascontiguousarray(x, np.float32) for x in example_inputs_nhwc], name)


def require(name: str) -> ModuleType:
    """Imports litert-torch, quietly.

    Raises:
        ExportError: it cannot be imported.
    """
    # litert-torch reads it when imported; without it, progress bars flood the terminal.
    os.environ.setdefault("LITERT_TORCH_SHOW_PROGRESS", "n")
    try:
        with quiet():
            return importlib.import_module(name)
    except ImportError as error:
        raise ExportError(missing("converting from torch", name, "litert", error=error)) from error


def _convert(module: NhwcModule, inputs: Sequence[Array], what: str) -> bytes:
    import torch

    litert_torch = require("litert_torch")
    # The wrapper as well: one module left in training mode converts with no more than a warning, and computes wrong numbers.
    module = module.eval()
    tensors = {f"in{index}": torch.from_numpy(array) for index, array in enumerate(inputs)}
    try:
        with quiet(), torch.no_grad():
            expected = np.array(module(**tensors)["out"])
            model = exported(litert_torch.convert(module, sample_kwargs=tensors))
            [actual] = run_model(model, list(inputs))
    except ExportError as error:
        raise ExportError(f"{what}: {error}") from error
    except Exception as error:  # whatever tracing, lowering or the module itself raises
        raise ExportError(f"{what}: litert-torch cannot convert it: {sentence(error)}") from error
    require_close(actual, expected, what=what, route="litert-torch")
    return model


def exported(converted: object) -> bytes:
    """Returns the bytes of a model that litert-torch has made."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        converted.export(str(path))  # type: ignore[attr-defined]
        return path.read_bytes()


def sentence(error: Exception) -> str:
    """Returns an error's kind and first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
