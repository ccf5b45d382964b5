"""Libraries such as AARs hold, and the places where builds of apps leave AARs."""

from __future__ import annotations

from pathlib import Path

from tests.android_harness.cross import shared_library

ABI = "arm64-v8a"
LITERT = ("com.google.ai.edge.litert", "litert")
TFLITE = ("org.tensorflow", "tensorflow-lite")


def compile_libraries(folder: Path) -> dict[str, Path]:
    """Compiles a library for each engine, one that is too old and one for another machine; returns name to path."""
    functions = {
        "new": ["LiteRtCreateModelFromFd"],
        "old": ["LiteRtCreateModelFromFile"],
        "classic": ["TfLiteInterpreterCreate"],
        "gpu": ["TfLiteGpuDelegateV2Create"],
    }
    made = {name: shared_library(folder / f"{name}.so", "aarch64", *exported) for name, exported in functions.items()}
    return {**made, "wrong": shared_library(folder / "wrong.so", "x86_64", "LiteRtCreateModelFromFd")}


def gradle(home: Path, group: str, artifact: str, version: str) -> Path:
    return home / ".gradle/caches/modules-2/files-2.1" / group / artifact / version / "0a1b2c" / f"{artifact}-{version}.aar"


def maven(home: Path, group: str, artifact: str, version: str) -> Path:
    return home.joinpath(".m2/repository", *group.split("."), artifact, version, f"{artifact}-{version}.aar")
