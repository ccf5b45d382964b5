"""LiteRT's libraries for Linux on another machine, from the wheel of exactly the version that is installed here."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

from android_harness.kits.archives import member_names, unpack
from android_harness.kits.runtime import LITERT_PACKAGE, is_litert_library, litert_version
from collab.errors import DeviceError

_MOST_SECONDS: Final = 900


def unpack_litert(machine: str, folder: Path) -> dict[str, Path]:
    """Unpacks LiteRT and its accelerators for a machine (as ``uname -m`` prints it) under a folder.

    This environment's pip downloads the wheel into the folder, with its own indexes and settings, unless the wheel lies there already.

    Returns:
        Names of the libraries to their paths.

    Raises:
        DeviceError: pip is missing or finds no such wheel; the message holds pip's.
    """
    wheel = downloaded(folder, machine) or _download(folder, machine)
    members = {name: name.rpartition("/")[2] for name in member_names(wheel)}
    wanted = {member: name for member, name in members.items() if member == f"ai_edge_litert/{name}" and is_litert_library(name)}
    unpacked = folder / wheel.stem
    unpack(wheel, wanted, unpacked)
    return {name: unpacked / name for name in wanted.values()}


def downloaded(folder: Path, machine: str) -> Path | None:
    """Returns LiteRT's wheel for a machine, of the installed version, if it lies in a folder."""
    version = litert_version().rpartition(" ")[2]
    return next(iter(sorted(folder.glob(f"ai_edge_litert-{version}-*_{machine}.whl"))), None)


def _download(folder: Path, machine: str) -> Path:
    name, _, version = litert_version().rpartition(" ")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    for tag in _platforms(machine):
        command += ["--platform", tag]
    try:
        result = subprocess.run(
            [*command, "--dest", str(folder), f"{name}=={version}"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(f"downloading {name} {version} for {machine} took more than {_MOST_SECONDS} s; is the network there?") from None
    wheel = downloaded(folder, machine)
    if result.returncode != 0 or wheel is None:
        words = result.stderr.strip().splitlines() or ["pip left no wheel"]
        raise DeviceError(f"{name} {version} for {machine} cannot be downloaded ({words[-1]}); are pip and the network there?")
    return wheel


def _platforms(machine: str) -> list[str]:
    """Returns the installed wheel's platform tags with the other machine's name, as the wheels of one version differ in nothing else.

    Raises:
        DeviceError: the installed package is no wheel for this machine.
    """
    text = importlib.metadata.distribution(LITERT_PACKAGE).read_text("WHEEL") or ""
    tags = [line.partition(":")[2].strip().rpartition("-")[2] for line in text.splitlines() if line.startswith("Tag:")]
    here = f"_{platform.machine()}"
    platforms = [tag.removesuffix(here) for tag in tags if tag.endswith(here)]
    if not platforms:
        raise DeviceError(f"the installed {LITERT_PACKAGE} is no wheel for this machine; install it anew: pip install {LITERT_PACKAGE}")
    return [f"{name}_{machine}" for name in platforms]
