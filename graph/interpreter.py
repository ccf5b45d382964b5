"""Child process that runs a model and its slices in LiteRT's interpreter: ``python -m graph.interpreter REQUEST REPORT``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from graph.comparing import Report, Request

Array = npt.NDArray[Any]
_SEED: Final = 0
_NO_NUMBER: Final = -1.0
"""Stands for NaN, which JSON lacks."""


def run_model(path: Path, inputs: Sequence[Array]) -> list[Array]:
    """Runs a model on one thread of the CPU, and returns its outputs.

    Raises:
        RuntimeError, ValueError: the runtime refuses the model or its inputs.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [np.array(interpreter.get_tensor(detail["index"])) for detail in interpreter.get_output_details()]


def seeded_inputs(path: Path) -> list[Array]:
    """Makes inputs for a model: floats around 0, narrow whole numbers of their whole range; others are 0 or 1, as they may be places."""
    from ai_edge_litert.interpreter import Interpreter

    generator = np.random.default_rng(_SEED)
    return [
        _seeded(generator, detail["shape"], np.dtype(detail["dtype"])) for detail in Interpreter(model_path=str(path)).get_input_details()
    ]


def _seeded(generator: np.random.Generator, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        info = np.iinfo(dtype)
        return generator.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    return generator.integers(0, 2, shape).astype(dtype)


def difference(one: Array, other: Array) -> float | None:
    """Computes the largest absolute difference, None where all bits are the same; `_NO_NUMBER` where only one is a number."""
    if one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes():
        return None
    found = float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64))))
    return found if np.isfinite(found) else _NO_NUMBER


def extent_of(values: Array) -> float:
    """Computes how far values reach, those that are numbers: from the least to the greatest, or, where all are the same, their size."""
    numbers = values.astype(np.float64)[np.isfinite(values)]
    if not numbers.size:
        return 0.0
    return float(np.ptp(numbers)) or float(np.abs(numbers).max())


def carry_out(request: Request) -> Report:
    """Runs the whole and the slices."""
    inputs = seeded_inputs(Path(request.model))
    whole = dict(zip(request.all_outputs, run_model(Path(request.model), inputs), strict=True))
    known = dict(zip(request.inputs, inputs, strict=True))
    for step in request.steps:
        given = [known[tensor] for tensor in step.inputs]
        known |= dict(zip(step.outputs, run_model(Path(step.file), given), strict=True))
    return Report(
        tuple(difference(whole[tensor], known[tensor]) for tensor in request.outputs),
        tuple(extent_of(whole[tensor]) for tensor in request.outputs),
    )


def main() -> None:
    """Reads the request, and writes the report."""
    request = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Request)
    try:
        report = carry_out(request)
    except (RuntimeError, ValueError) as error:
        report = Report(refused=" ".join(str(error).split()))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(report))


if __name__ == "__main__":
    main()
