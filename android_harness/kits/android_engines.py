"""Engines for an Android device, from AARs on this machine and from what was downloaded."""

from __future__ import annotations

from collections.abc import Sequence

from android_harness.kits.aar import ENGINES, Aar, EngineLibraries, cached_aars, engine_libraries, engines_in, how_to_get
from android_harness.kits.downloads.litert import cached_libraries, installed_version
from collab.errors import DeviceError


def find_engines(android_abi: str, given: Sequence[Aar]) -> tuple[dict[str, EngineLibraries], dict[str, str]]:
    """Finds the libraries of the engines for an Android device: in AARs that a user gave, else downloaded ones, else in cached AARs.

    Downloaded ones are of the version of the installed ai-edge-litert; cached AARs are taken from the newest on.

    Returns:
        Engine to its libraries, in the order of `ENGINES`; and each other engine to the reason of its absence.

    Raises:
        DeviceError: a given AAR cannot be used.
    """
    found: dict[str, EngineLibraries] = {}
    for aar in given:
        engines = engines_in(aar, android_abi)
        if not engines:
            raise DeviceError(f"{aar.path} holds no runtime library for {android_abi}; give an AAR of LiteRT or TensorFlow Lite")
        for engine in engines:
            if engine not in found:
                found[engine] = engine_libraries(aar, engine, android_abi)
    reasons: dict[str, str] = {}
    if "litert" not in found and (downloaded := _downloaded(android_abi, reasons)) is not None:
        found["litert"] = downloaded
    for engine in ENGINES:
        if engine in found:
            continue
        candidates = [aar for aar in cached_aars(engine) if engine != "classic_gpu" or _belong_together(aar, found.get("classic"))]
        newest, reason = _newest_usable(candidates, engine, android_abi)
        if newest is not None:
            found[engine] = newest
        else:
            reasons.setdefault(engine, f"{reason}; {how_to_get(engine)}")
    ordered = {engine: found[engine] for engine in ENGINES if engine in found}
    return ordered, {engine: reasons[engine] for engine in ENGINES if engine not in found}


def _downloaded(android_abi: str, reasons: dict[str, str]) -> EngineLibraries | None:
    """Returns LiteRT as it was downloaded, or None; why it cannot be used, if it is there, goes into `reasons`."""
    try:
        return cached_libraries(installed_version(), android_abi)
    except DeviceError as error:
        reasons["litert"] = str(error)
        return None


def _newest_usable(candidates: Sequence[Aar], engine: str, android_abi: str) -> tuple[EngineLibraries | None, str]:
    """Returns the engine's libraries from the first AAR that has it; else None, and the reason why the first AAR cannot be used."""
    reason = "no AAR with it is in Gradle's or Maven's cache"
    for number, aar in enumerate(candidates):
        try:
            if engine in engines_in(aar, android_abi):
                return engine_libraries(aar, engine, android_abi), ""
            refusal = f"{aar.path} holds none for {android_abi}"
        except DeviceError as error:
            refusal = str(error)
        if number == 0:
            reason = refusal
    return None, reason


def _belong_together(gpu: Aar, classic: EngineLibraries | None) -> bool:
    """Tells whether a GPU delegate is of the classic engine's release: the two share structures that change between releases."""
    return classic is not None and gpu.artifact == f"{classic.origin.artifact}-gpu" and gpu.version == classic.origin.version
