"""Keras models and SavedModels become a ``.tflite`` that computes what Keras does; what is none of them is refused in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from exporters.doors.converted import run_named
from syncnas.schemas import schema_of
from tests.exporters.doors.tensorflow_there import tensorflow
from tests.pages import REPOSITORY

pytestmark = pytest.mark.slow

tf = tensorflow()

NEAR = 1e-5


def residual() -> Any:
    """A small network with a residual, BatchNorm and a batch that is left open."""
    layers = tf.keras.layers
    given = tf.keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(given)
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    y = layers.ReLU(6.0)(layers.Add()([x, y]))
    return tf.keras.Model(given, layers.Dense(5)(layers.GlobalAveragePooling2D()(y)))


def of_two_inputs() -> Any:
    """A picture and a vector, that give features and classes."""
    layers = tf.keras.layers
    picture, vector = tf.keras.Input((12, 12, 3), batch_size=1, name="picture"), tf.keras.Input((6,), batch_size=1, name="vector")
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(picture))
    features = layers.Concatenate()([pooled, layers.Dense(4)(vector)])
    return tf.keras.Model([picture, vector], [features, layers.Dense(3, activation="softmax")(features)])


def convert(*arguments: object, status: int = 0) -> str:
    command = [sys.executable, "-m", "exporters.convert", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=REPOSITORY)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


def printed(source: Path, out: Path) -> dict[str, Any]:
    """Runs the command with ``--json``; returns its document, which its schema accepts."""
    document: dict[str, Any] = json.loads(convert(source, "--out", out, "--check", "--json"))
    jsonschema.validate(document, schema_of("convert"))
    assert document["cuttable"]
    assert document["check"]["equal"]
    assert max(output["difference"] for output in document["outputs"]) <= NEAR
    return document


def drawn(document: dict[str, Any]) -> dict[str, Any]:
    """Numbers of this test's own for each input."""
    return {
        entry["name"]: np.random.default_rng(seed).standard_normal(entry["shape"]).astype(np.float32)
        for seed, entry in enumerate(document["inputs"])
    }


def require_near(actual: Sequence[Any], expected: Sequence[Any]) -> None:
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= NEAR * np.ptp(other)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", [residual, of_two_inputs])
def test_a_keras_file(make: Any, suffix: str, tmp_path: Path) -> None:
    model = make()
    model.save(tmp_path / f"net{suffix}")
    document = printed(tmp_path / f"net{suffix}", tmp_path / "net.tflite")
    assert document["computed_by"] == "Keras"
    inputs = drawn(document)
    outputs = run_named((tmp_path / "net.tflite").read_bytes(), inputs)
    given = [inputs[f"in{index}"] for index in range(len(inputs))]
    own = model(given if len(given) > 1 else given[0], training=False)
    expected = [value.numpy() for value in tf.nest.flatten(own)]
    require_near([outputs[entry["name"]] for entry in document["outputs"]], expected)


@pytest.mark.parametrize("make", [residual, of_two_inputs])
def test_a_saved_model(make: Any, tmp_path: Path) -> None:
    model = make()
    model.export(tmp_path / "saved", verbose=False)
    document = printed(tmp_path / "saved", tmp_path / "net.tflite")
    assert document["computed_by"] == "TensorFlow"
    inputs = drawn(document)
    outputs = run_named((tmp_path / "net.tflite").read_bytes(), inputs)
    by_rank = sorted(inputs.values(), key=lambda array: -array.ndim)
    own = model(by_rank if len(inputs) > 1 else by_rank[0], training=False)
    expected = sorted((value.numpy() for value in tf.nest.flatten(own)), key=lambda array: array.size)
    require_near(sorted(outputs.values(), key=lambda array: array.size), expected)


def test_other_weights_show(tmp_path: Path) -> None:
    """A converted model is not near another's output: the comparison can fail."""
    residual().save(tmp_path / "net.keras")
    document = printed(tmp_path / "net.keras", tmp_path / "net.tflite")
    inputs = drawn(document)
    outputs = run_named((tmp_path / "net.tflite").read_bytes(), inputs)
    with pytest.raises(AssertionError):
        require_near([*outputs.values()], [residual()(inputs["in0"], training=False).numpy()])


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "letter.keras").write_text("Dear friend")
    (tmp_path / "letter.h5").write_text("Dear friend")
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"no proto")
    open_size = tf.keras.Input((None, None, 3))
    tf.keras.Model(open_size, tf.keras.layers.Conv2D(4, 3)(open_size)).save(tmp_path / "open.keras")
    tf.saved_model.save(tf.Module(), tmp_path / "unsigned")
    for source, said in (
        ("letter.keras", "Keras cannot load it"),
        ("letter.h5", "Keras cannot load it"),
        ("empty", "without saved_model.pb"),
        ("damaged", "TensorFlow cannot load it"),
        ("open.keras", "has the dynamic shape"),
        ("unsigned", "has no signature serving_default"),
    ):
        error = convert(tmp_path / source, "--out", tmp_path / "net.tflite", "--json", status=2)
        assert said in error
        assert len(error.splitlines()) == 1, error
        assert not (tmp_path / "net.tflite").exists()
