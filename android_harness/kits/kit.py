"""Kits: all files that a device needs to carry out phases, in one flat folder, and the command that starts the runner there.

docs/reference/kits.md says what each kit holds and how it is made.
"""

from __future__ import annotations

import platform as host
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from android_harness.kits.aar import EngineLibraries, given_aar, how_to_get, setup_command
from android_harness.kits.android_engines import find_engines
from android_harness.kits.elf import read_elf
from android_harness.kits.linux_kit import LinuxParts, cross_parts, host_parts
from android_harness.kits.native_build import CROSS_ABI, android_runner, build_command, build_folder, host_runner
from android_harness.kits.ndk import ABIS, MACHINES
from android_harness.kits.runner_sources import RUNNER
from android_harness.kits.runtime import LITERT_LIBRARY, is_accelerator
from android_harness.kits.toolchain import LOADERS, system_folders
from collab.errors import DeviceError
from collab.units import WEBGPU
from collab.wording.options import option_named


@dataclass(frozen=True)
class Platform:
    """Platform of a device: its machine as ``uname -m`` prints it, its C library, ``glibc`` (Linux) or ``bionic`` (Android), and the size
    of its memory pages, None where it does not say.
    """

    abi: str
    libc: str
    page_bytes: int | None = None


@dataclass(frozen=True)
class Kit:
    """Files for one flat folder of a device, with the engines and kinds of units that they support.

    `files` maps the name on the device to a file of this machine. `launcher` is the command without the phase's arguments, as started
    in the folder. `engines` maps ``litert``, ``classic`` and ``classic_gpu`` to their libraries in `files`, as far as the kit
    has them, and `versions` each to its version, for people. `missing` maps a kind of unit (``gpu``, ``nnapi``) that this kit cannot
    drive, and on Android an engine that it lacks, to a sentence that says why and what to do.
    """

    name: str
    files: Mapping[str, Path]
    launcher: tuple[str, ...]
    engines: Mapping[str, str]
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    gpu_backends: tuple[str, ...] = (WEBGPU,)
    """Backends of GPU units, the preferred one first."""

    def command(self, folder: str) -> list[str]:
        """Returns the launcher with its paths in `folder`, so that it can be started from any other folder."""
        return [":".join(_inside(folder, path) for path in part.split(":")) for part in self.launcher]


def _inside(folder: str, path: str) -> str:
    return folder if path == "." else f"{folder}/{path[2:]}" if path.startswith("./") else path


GLIBC_LOADERS: Final = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}
"""Path of the loader on every Linux of a machine: it stands in all programs."""
_COMPILER_RUNTIME: Final = ("libstdc++.so.6", "libgcc_s.so.1")
_ENGINE_WORDS: Final = {"classic": "the classic engine", "classic_gpu": "the classic engine's GPU delegate"}
_ANDROID_ONLY: Final = {"gpu": "Android's GPU driver", "nnapi": "Android's NNAPI", "classic": "the classic engine for Android"}
_LEAST_ALIGNMENT_BYTES: Final = 4096
"""Alignment that every linker gives to files for these machines."""
_REBUILD: Final = "build the runner anew, for Android with an NDK r27 or later"
_ANDROID_BACKENDS: Final = ("opencl", "opengl")
"""Backends of LiteRT's ClGl accelerator and of TFLite's GPU delegate. The first is the default: OpenCL is faster where a device has it."""
_LINUX_NNAPI: Final = "NNAPI is a part of Android, which this device does not run; measure cpu and gpu units"


def _newer() -> str:
    return f"take a newer release: pip install --upgrade ai-edge-litert and the same again, or a newer AAR with {option_named('--aar')}"


def kit_for(platform: Platform, *, aar: Sequence[Path] = ()) -> Kit:
    """Returns the kit for a device of this platform, from the runner and the libraries on this machine.

    `aar` names AARs with runtime libraries for Android, which take precedence over downloaded ones, and these over Gradle's and Maven's
    caches. Without a runner and a LiteRT for Android, such a device gets the kit for Linux, which drives its CPU.

    Raises:
        DeviceError: there is no kit for such devices, a part of it is missing, or the device's memory pages are too large for a part; the
            message names the command that gets it.
    """
    kit = _kit_for(platform, aar)
    _require_alignment(kit, platform.page_bytes)
    return kit


def _require_alignment(kit: Kit, page_bytes: int | None) -> None:
    """Does nothing where all files of a kit can be loaded on pages of this size.

    Raises:
        DeviceError: one of them is aligned to less; a loader would refuse it.
    """
    if page_bytes is None or page_bytes <= _LEAST_ALIGNMENT_BYTES:
        return
    for name, path in kit.files.items():
        alignment_bytes = read_elf(path).alignment_bytes
        if alignment_bytes < page_bytes:
            raise DeviceError(
                f"the device has memory pages of {page_bytes} bytes, and {name} ({path}) is aligned to {alignment_bytes}, so that"
                f" it cannot be loaded there; {_REBUILD if name == RUNNER else _newer()}"
            )


def _kit_for(platform: Platform, aar: Sequence[Path]) -> Kit:
    """Returns the kit as `kit_for` does, without a look at memory pages."""
    if platform.abi not in LOADERS or platform.libc not in ("glibc", "bionic"):
        supported = f"LiteRT runs on {' and '.join(LOADERS)}, with glibc or on Android's bionic"
        raise DeviceError(f"there is no kit for {platform.abi} with {platform.libc}; {supported}")
    if platform.libc == "glibc":
        return _linux_kit(platform.abi)
    android_abi = ABIS[platform.abi]
    runner = android_runner(android_abi)
    if runner is not None:
        engines, reasons = find_engines(android_abi, [given_aar(path) for path in aar])
        if "litert" in engines:
            return _android_kit(runner, android_abi, engines, reasons)
        why = reasons["litert"]
        if aar:
            raise DeviceError(f"LiteRT for Android is missing beside what {option_named('--aar')} gives: {why}")
    elif aar:
        raise DeviceError(f"an AAR needs the runner for Android, which is not built yet; build it with: {build_command(android_abi)}")
    else:
        builds = f"an NDK builds ({build_command(android_abi)})"
        ways = f"which releases of this package bring and {builds}; with either, {setup_command()} gets the rest"
        why = f"the runner for Android is missing, {ways}"
    try:
        return _linux_kit_on_android(platform.abi, why)
    except DeviceError as error:
        raise DeviceError(f"{error}; {setup_command()} does all that a device needs") from None


def _linux_parts(machine: str) -> LinuxParts:
    """Returns the parts of the kit for Linux on a machine, built here or cross-compiled.

    Raises:
        DeviceError: they are not built, or cannot be built on this machine.
    """
    if machine == host.machine():
        return host_parts(host_runner())
    if f"linux-{machine}" != CROSS_ABI:
        raise DeviceError(f"the runner for Linux on {machine} can only be built on such a machine; measure from there")
    return cross_parts(build_folder(abi=CROSS_ABI), RUNNER, build_command(CROSS_ABI))


def _linux_kit(machine: str) -> Kit:
    """Returns the kit for a Linux device, which uses the device's own glibc, as its GPU driver was made for that version.

    The compiler's libraries come last on the loader's path: a device that has its own must use them, as its GPU driver does, and must not
    load older ones of the same name.
    """
    parts = _linux_parts(machine)
    folders = [*system_folders(machine), "."]
    missing = {"nnapi": _LINUX_NNAPI}
    if not any(is_accelerator(name) for name in parts.litert):
        missing["gpu"] = (
            f"{parts.version} holds no GPU accelerator for {machine}; install a newer one: pip install --upgrade ai-edge-litert"
        )
    return Kit(
        name=f"linux-{machine}",
        files={RUNNER: parts.runner, **parts.litert, **{name: parts.support[name] for name in _COMPILER_RUNTIME}},
        launcher=(GLIBC_LOADERS[machine], "--library-path", ":".join(folders), f"./{RUNNER}"),
        engines={"litert": LITERT_LIBRARY},
        versions={"litert": parts.version},
        missing=missing,
    )


def _linux_kit_on_android(machine: str, why: str) -> Kit:
    """Returns the kit of Linux programs for an Android device, with a glibc in the folder: they need no other part of the system but its
    kernel.

    It has no accelerators, as they load the device's GPU driver, which is a library of bionic and cannot be loaded beside glibc.
    """
    parts = _linux_parts(machine)
    return Kit(
        name=f"linux-{machine}",
        files={RUNNER: parts.runner, LITERT_LIBRARY: parts.litert[LITERT_LIBRARY], **parts.support},
        launcher=(f"./{LOADERS[machine]}", "--library-path", ".", f"./{RUNNER}"),
        engines={"litert": LITERT_LIBRARY},
        versions={"litert": parts.version},
        missing={
            name: f"{what} is a library of Android's own C library, which the runner for Linux cannot load: {why}"
            for name, what in _ANDROID_ONLY.items()
        },
    )


def _android_kit(runner: Path, android_abi: str, engines: Mapping[str, EngineLibraries], reasons: Mapping[str, str]) -> Kit:
    """Returns the kit for an Android device, with Android's own libraries; `engines` has ``litert``, `reasons` covers the absent ones.

    Raises:
        DeviceError: the runner is of another machine.
    """
    if read_elf(runner).machine != MACHINES[android_abi]:
        raise DeviceError(f"the runner {runner} is not for {android_abi}; build it again with: {build_command(android_abi)}")
    files = {RUNNER: runner}
    for engine in engines.values():
        # Where two AARs hold a library of the same name, LiteRT's is kept, as its engine comes first.
        files.update({name: path for name, path in engine.files.items() if name not in files})
    missing = {engine: f"the kit lacks {_ENGINE_WORDS[engine]}: {reason}" for engine, reason in reasons.items()}
    if "classic" in missing:
        missing["nnapi"] = missing["classic"]
    if not engines["litert"].accelerated and "classic_gpu" in missing:
        missing["gpu"] = f"{engines['litert'].origin.title} holds no GPU accelerator for {android_abi}; {how_to_get('litert')}"
    return Kit(
        name=f"android-{android_abi}",
        files=files,
        launcher=(f"./{RUNNER}",),
        engines={name: engine.library for name, engine in engines.items()},
        versions={name: engine.origin.title for name, engine in engines.items()},
        missing=missing,
        gpu_backends=_ANDROID_BACKENDS,
    )
