"""The litert-torch route: any torch module to TFLite, with NHWC inputs and outputs.

For what the direct route (`exporters.tflite_route`) does not know: squeeze-and-excitation, hard-swish, grouped convolutions, networks of
one's own. It takes seconds per model and needs the extra ``litert``. Every result is run by LiteRT's interpreter and compared with
torch before it is handed out: a traced model can be wrong without an error.

Inputs are called ``in0``, ``in1`` ... and the output ``out``, in the signature ``serving_default``.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import numpy as np

from collab.blocks import Shape
from collab.errors import ExportError
from collab.weights import Array
from exporters.bundle import reference_input, relative_error
from exporters.interpret import run_model

if TYPE_CHECKING:
    from torch import nn

    from collab.network import NhwcModule, SegmentModule

MAX_ERROR: Final = 1e-4
"""Largest difference to torch that passes, as a fraction of the output's range. float32 rounding stays below 1e-5."""


def convert_segment(module: SegmentModule, in_shapes: Sequence[Shape]) -> bytes:
    """A segment as a TFLite model without a single TRANSPOSE.

    Args:
        module: of `collab.network.segment_modules`; it is left as it is, and converted in inference mode.
        in_shapes: NHWC shapes of its inputs, `segment.in_shapes`.

    Raises:
        ExportError: the converter is missing or fails, or the model differs from torch or holds a TRANSPOSE.
    """
    _require("litert_torch")
    from collab.network import NhwcModule

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
            for it with `operator_names` before timing the model.
    """
    _require("litert_torch")
    from collab.network import NhwcModule

    return _convert(NhwcModule(copy.deepcopy(module).eval()), [np.ascontiguousarray(x, np.float32) for x in example_inputs_nhwc], name)


def operator_names(model: bytes) -> tuple[str, ...]:
    """The operators of a TFLite model's main graph in the order of execution, as the schema calls them: ``CONV_2D``, ``ADD`` ...

    Raises:
        ExportError: the bytes are no TFLite model.
    """
    from ai_edge_litert import schema_py_generated as schema

    if model[4:8] != b"TFL3":
        raise ExportError("not a TFLite model: the file identifier TFL3 is missing")
    graph = schema.ModelT.InitFromPackedBuf(model)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in graph.operatorCodes]
    return tuple(names[codes[operator.opcodeIndex]] for operator in graph.subgraphs[0].operators)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallows what this process writes to its standard output and error, from Python and from native code, and Python's warnings.

    It redirects the file descriptors of the whole process: other threads are silenced as well.
    """
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(tempfile.TemporaryFile())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        _flush()
        # The descriptors only: a library that is imported in here may keep sys.stderr for its log for good.
        for descriptor in (1, 2):
            saved = os.dup(descriptor)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, descriptor)
            os.dup2(sink.fileno(), descriptor)
        stack.callback(_flush)
        yield


def _flush() -> None:
    """Empties the buffers of Python and of the C library."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)


def _require(name: str) -> ModuleType:
    # litert-torch reads it when imported; without it, progress bars flood the terminal.
    os.environ.setdefault("LITERT_TORCH_SHOW_PROGRESS", "n")
    try:
        with quiet():
            return importlib.import_module(name)
    except ImportError as error:
        raise ExportError(
            f"the litert-torch route needs {name}, which cannot be imported ({error}); install it with: pip install '.[litert]'"
        ) from error


def _convert(module: NhwcModule, inputs: Sequence[Array], what: str) -> bytes:
    import torch

    litert_torch = _require("litert_torch")
    # The wrapper as well: one module left in training mode converts with no more than a warning, and computes wrong numbers.
    module = module.eval()
    tensors = {f"in{index}": torch.from_numpy(array) for index, array in enumerate(inputs)}
    try:
        with quiet(), torch.no_grad():
            expected = np.array(module(**tensors)["out"])
            model = _exported(litert_torch.convert(module, sample_kwargs=tensors))
            actual = run_model(model, list(inputs))
    except ExportError as error:
        raise ExportError(f"{what}: {error}") from error
    except Exception as error:  # whatever tracing, lowering or the module itself raises
        raise ExportError(f"{what}: litert-torch cannot convert it: {_sentence(error)}") from error
    require_close(actual, expected, what=what, route="litert-torch")
    return model


def _exported(converted: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        converted.export(str(path))  # type: ignore[attr-defined]
        return path.read_bytes()


def require_close(actual: Array, expected: Array, *, what: str, route: str) -> None:
    """Refuses an exported model whose output is not torch's.

    Raises:
        ExportError: another shape, a value that is not finite, or a difference above `MAX_ERROR` of the expected output's range.
    """
    if actual.shape != expected.shape:
        raise ExportError(f"{what}: by {route} its output has shape {list(actual.shape)}, in torch {list(expected.shape)}")
    if not np.isfinite(expected).all():
        raise ExportError(f"{what}: torch itself computes values that are not finite, so nothing can be compared")
    error = relative_error(actual, expected)
    if not error <= MAX_ERROR:  # also when it is NaN
        raise ExportError(f"{what}: by {route} its output differs from torch's by {error:.1e} of its range; at most {MAX_ERROR:.0e} passes")


def _sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
