"""Result of a door: a model, the inputs that it was tried with, and what its source computes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collab.errors import ExportError
from collab.networks.weights import Array
from exporters.checking import MAX_ERROR
from exporters.quiet import quiet

SIGNATURE = "serving_default"


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A network that came through a door.

    Attributes:
        model: the ``.tflite``.
        source: who computed the expected outputs, in a sentence, e.g. "torch".
        inputs: as the model takes them, by the names of its signature.
        turned: names of inputs and outputs that are channels last in the model and channels first in the source.
        expected: the source's own outputs, as the model gives them, by the names of its signature.
    """

    model: bytes
    source: str
    inputs: Mapping[str, Array]
    turned: frozenset[str]
    expected: Mapping[str, Array]


def run_named(model: bytes, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Runs a model by its signature, on one thread, and returns all its outputs by name.

    Raises:
        ExportError: the runtime rejects the model or its inputs, or the signature has other names.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            interpreter = Interpreter(model_content=model, num_threads=1)
            runner = interpreter.get_signature_runner(SIGNATURE)
            wanted = runner.get_input_details()
            if set(wanted) != set(inputs):
                raise ExportError(f"the model takes {_listed(wanted)}, the source {_listed(inputs)}; give every input a use")
            given = {name: array.astype(wanted[name]["dtype"], casting="same_kind") for name, array in inputs.items()}
            return {name: np.array(array) for name, array in runner(**given).items()}
    except (RuntimeError, ValueError, TypeError) as error:
        raise ExportError(f"the runtime rejects the model: {' '.join(str(error).split())[:300]}") from error


def differences(converted: Converted) -> dict[str, float]:
    """Runs a converted model, and returns for each output the largest difference to the source's, as a share of the output's range.

    Raises:
        ExportError: an output is missing, has another shape, or differs by more than `MAX_ERROR`; or the source's own is no number.
    """
    actual = run_named(converted.model, converted.inputs)
    if set(actual) != set(converted.expected):
        raise ExportError(f"the model gives {_listed(actual)}, {converted.source} {_listed(converted.expected)}; return each tensor once")
    found = {}
    for name, expected in converted.expected.items():
        found[name] = _difference(actual[name], expected, f"output {name}", converted.source)
    return found


def _difference(actual: Array, expected: Array, what: str, source: str) -> float:
    if actual.shape != expected.shape:
        raise ExportError(
            f"{what} has shape {list(actual.shape)}, in {source} {list(expected.shape)}; convert it in parts to find out where"
        )
    if not np.isfinite(expected).all():
        raise ExportError(f"{what}: {source} itself computes values that are not finite, so nothing can be compared; give other inputs")
    wanted = expected.astype(np.float64)
    extent = float(np.ptp(wanted)) or float(np.abs(wanted).max()) or 1.0
    share = float(np.abs(actual.astype(np.float64) - wanted).max()) / extent
    if not share <= MAX_ERROR:  # also when it is NaN
        raise ExportError(
            f"{what} differs from {source}'s by {share:.1e} of its range, where at most {MAX_ERROR:.0e} passes;"
            " convert it in parts to find out where"
        )
    return share


def _listed(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
