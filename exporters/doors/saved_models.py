"""The door for Keras and SavedModel, through TensorFlow's own converter; it needs the extra ``tensorflow``.

A Keras model is first exported as a SavedModel, so both come the same way. A SavedModel is taken by its signature ``serving_default``.
Layouts stay as they are: TensorFlow's images have their channels last. A batch that is left open becomes 1.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from collab.errors import ExportError
from collab.names import shown
from collab.networks.weights import Array
from collab.wording.extras import missing
from exporters.checking import reference_input
from exporters.doors.converted import SIGNATURE, Converted
from exporters.litert_torch_route import sentence
from exporters.quiet import quiet

_SEED: Final = 0


def convert_keras(path: Path) -> Converted:
    """Converts a ``.keras`` or ``.h5`` file.

    Raises:
        ExportError: TensorFlow is missing, or cannot load or convert it; or a shape is left open.
    """
    tensorflow = _tensorflow()
    with _refusing(path, "Keras cannot load it", "save it once more with the installed version, without code of its own"), quiet():
        model = tensorflow.keras.models.load_model(str(path), compile=False)
    if not getattr(model, "inputs", None):
        raise ExportError(f"{path}: the model does not say what it takes; build it with keras.Input before it is saved")
    specs = [_fixed(tensorflow, f"in{index}", tensor.shape, tensor.dtype, str(path)) for index, tensor in enumerate(model.inputs)]

    def named(*given: Any) -> dict[str, Any]:
        outputs = tensorflow.nest.flatten(model(given[0] if len(given) == 1 else list(given), training=False))
        return {f"out{index}" if len(outputs) > 1 else "out": tensorflow.identity(output) for index, output in enumerate(outputs)}

    with tempfile.TemporaryDirectory() as folder:
        with _refusing(path, "Keras cannot export it", "build it of Keras's own layers"), quiet():
            traced = tensorflow.function(named, input_signature=specs).get_concrete_function()
            tensorflow.saved_model.save(model, folder, signatures=traced)
        converted = convert_saved_model(Path(folder), what=str(path))
    # Held against the model itself, as its export is part of what may go wrong.
    with _refusing(path, "Keras cannot run it", "save it once more"), quiet():
        outputs = named(*(tensorflow.constant(converted.inputs[spec.name]) for spec in specs))
    return replace(converted, source="Keras", expected={name: np.array(value) for name, value in outputs.items()})


def convert_saved_model(folder: Path, *, what: str = "") -> Converted:
    """Converts a SavedModel.

    Args:
        what: how sentences call it; its folder where nothing is given.

    Raises:
        ExportError: TensorFlow is missing, or cannot load or convert it; it has no signature ``serving_default``, or a shape is left open.
    """
    tensorflow = _tensorflow()
    what = what or str(folder)
    with _refusing(what, "TensorFlow cannot load it", "save it once more with tf.saved_model.save"), quiet():
        loaded = tensorflow.saved_model.load(str(folder))
    signature = loaded.signatures.get(SIGNATURE)
    if signature is None:
        raise ExportError(f"{what} has no signature {SIGNATURE}; save it once more with signatures={{'{SIGNATURE}': ...}}")
    specs = {name: _fixed(tensorflow, name, spec.shape, spec.dtype, what) for name, spec in signature.structured_input_signature[1].items()}
    inputs = {name: _made(index, spec, what) for index, (name, spec) in enumerate(specs.items())}
    with _refusing(what, "TensorFlow cannot convert it", "build it of operators that LiteRT has"), quiet():
        traced = tensorflow.function(lambda **given: signature(**given)).get_concrete_function(**specs)  # noqa: PLW0108 - traced anew
        expected = {name: np.array(value) for name, value in traced(**{k: tensorflow.constant(v) for k, v in inputs.items()}).items()}
        converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([traced], loaded)
        model: bytes = converter.convert()
    return Converted(model=model, source="TensorFlow", inputs=inputs, turned=frozenset(), expected=expected)


def _fixed(tensorflow: Any, name: str, shape: Any, dtype: Any, what: str) -> Any:
    """Describes an input, with a batch of 1 where that is left open."""
    found = tensorflow.TensorShape(shape)
    if found.rank is None or None in list(found)[1:]:
        raise ExportError(
            f"{what}: its input {shown(name)} has the dynamic shape {found}; save it with a fixed shape, only the batch may be open"
        )
    return tensorflow.TensorSpec([1 if extent is None else extent for extent in found], dtype, name=name)


def _made(index: int, spec: Any, what: str) -> Array:
    """Makes seeded values for an input: like pictures where it is one; whole numbers are 0 or 1, as they may be places."""
    shape, dtype = tuple(spec.shape), np.dtype(spec.dtype.as_numpy_dtype)
    generator = np.random.default_rng(_SEED + index)
    if dtype.kind == "f":
        is_picture = len(shape) == 4 and shape[0] == 1
        return (reference_input(shape, seed=index) if is_picture else generator.standard_normal(shape)).astype(dtype)
    if dtype.kind in "iub":
        return generator.integers(0, 2, shape).astype(dtype)
    raise ExportError(f"{what}: an input has values of type {spec.dtype.name}; give it numbers")


@contextlib.contextmanager
def _refusing(what: Path | str, said: str, advice: str) -> Iterator[None]:
    """Turns whatever TensorFlow raises into a sentence."""
    try:
        yield
    except Exception as error:  # TensorFlow's and Keras's errors share no base
        raise ExportError(f"{what}: {said}: {shown(sentence(error), most=300)}; {advice}") from error


def _tensorflow() -> Any:
    # TensorFlow and Keras read these when imported.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    try:
        with quiet():
            return importlib.import_module("tensorflow")
    except ImportError as error:
        raise ExportError(missing("converting a Keras model or a SavedModel", "TensorFlow", "tensorflow", error=error)) from error
