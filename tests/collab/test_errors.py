"""The one hierarchy of errors: every error of the toolkit is one that a command turns into a sentence."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import collab
import exporters
import lut
from collab import errors
from collab.errors import SyncNasError

OURS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_is_one_of_the_hierarchy_and_says_what_it_is_for(kind: type[Exception]) -> None:
    assert issubclass(kind, SyncNasError)
    assert kind.__name__.endswith("Error")
    assert kind.__doc__
    assert str(kind("a sentence")) == "a sentence"


def modules(package: object) -> list[str]:
    return [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for package in (collab, exporters, lut) for name in modules(package)])
def test_no_module_has_errors_outside_of_it(name: str) -> None:
    if name.startswith(("collab.networks.network", "exporters.litert_torch_route", "exporters.onnx_route")):
        pytest.importorskip("torch")
    module = importlib.import_module(name)
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, Exception) and kind.__module__ == name:
            assert issubclass(kind, SyncNasError), kind
