"""TensorFlow, for tests that hold something against it: skipped without it, unless it must be there."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

import pytest

_REQUIRED = "SYNCNAS_REQUIRE_TENSORFLOW"


def tensorflow() -> Any:
    """TensorFlow, without a word and without a GPU; skips the test where it is not installed.

    Where the variable SYNCNAS_REQUIRE_TENSORFLOW is 1, nothing is skipped: what is missing fails.
    """
    if importlib.util.find_spec("tensorflow") is None and os.environ.get(_REQUIRED) != "1":
        pytest.skip("TensorFlow is not installed: pip install '.[tensorflow]'", allow_module_level=True)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    return importlib.import_module("tensorflow")
