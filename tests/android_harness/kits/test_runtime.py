"""LiteRT's libraries on this machine: those of the installed wheel, by their names."""

from __future__ import annotations

import importlib.metadata

import pytest

from android_harness.kits.elf import read_elf
from android_harness.kits.runtime import LITERT_LIBRARY, is_accelerator, is_litert_library, litert_libraries, litert_library, litert_version


def test_the_installed_wheel_s_library_has_what_the_runner_calls() -> None:
    assert litert_library().name == LITERT_LIBRARY
    assert "LiteRtCreateModelFromFd" in read_elf(litert_library()).exports
    assert litert_version() == f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}"


def test_the_accelerators_lie_beside_it_and_nothing_else_is_taken() -> None:
    libraries = litert_libraries()
    assert libraries[LITERT_LIBRARY] == litert_library()
    assert all(is_litert_library(name) and path.parent == litert_library().parent for name, path in libraries.items())
    left = {path.name for path in litert_library().parent.iterdir()} - set(libraries)
    assert not any(name.endswith("Accelerator.so") for name in left)


@pytest.mark.parametrize(
    ("name", "accelerator", "wanted"),
    [
        ("libLiteRt.so", False, True),
        ("libLiteRtWebGpuAccelerator.so", True, True),
        ("libLiteRtAccelerator.so", True, True),
        ("libLiteRtClGlAccelerator.so.1", False, False),
        ("../libLiteRtEvilAccelerator.so", False, False),
        ("libLiteRtDispatch_Qualcomm.so", False, False),
        ("liblitert_jni.so", False, False),
        ("", False, False),
    ],
)
def test_libraries_are_known_by_their_names(name: str, accelerator: bool, wanted: bool) -> None:
    assert is_accelerator(name) is accelerator
    assert is_litert_library(name) is wanted
