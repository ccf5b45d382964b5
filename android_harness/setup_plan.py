"""Steps that a device's units still need on this computer: libraries to download, programs to build."""

from __future__ import annotations

import platform as host
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from android_harness.kits.downloads.litert import Offer, fetch, installed_version, offers, releases
from android_harness.kits.downloads.web import Progress
from android_harness.kits.kit import Platform
from android_harness.kits.linux_kit import cross_parts
from android_harness.kits.native_build import (
    CROSS_ABI,
    android_runner,
    build_command,
    build_cross_kit,
    build_folder,
    build_runner,
    has_cross_compiler,
    has_cross_wheel,
    host_runner,
)
from android_harness.kits.ndk import ABIS, find_ndk
from android_harness.kits.runner_sources import RUNNER
from collab.errors import DeviceError

Bar: TypeAlias = Callable[[str], AbstractContextManager[Progress]]
"""Shows the progress of a download of this name."""
Compiling: TypeAlias = Callable[[], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how many steps of a build are done, and of how many."""

_UNSAFE: Final = "{source} is not encrypted, and no SHA-256 of {names} is known: whoever is on the way can change what comes"


@dataclass(frozen=True)
class Step:
    """Step of a setup: `doing` says what is done, `dials` whether it needs the network, `run` does it."""

    doing: str
    dials: bool
    run: Callable[[], object]


@dataclass(frozen=True)
class Plan:
    """Steps of a setup, in order, and sentences on what they do not reach."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def plan_setup(
    platform: Platform,
    *,
    source: str,
    aars: Sequence[Path],
    ndk: Path | None,
    bar: Bar,
    compiling: Compiling = lambda: nullcontext(lambda *_: None),
) -> Plan:
    """Plans what a device of this platform lacks. For a device that no kit can be made for, the plan is empty.

    For an Android device, LiteRT comes from `source`, of the installed version, unless AARs are given; a runner that is missing is built by
    an NDK. Where there is none, the device gets what its CPU needs: the runner for Linux, with a glibc of its own.

    Raises:
        DeviceError: `ndk` is no NDK, or the cache of downloads is damaged.
    """
    if platform.abi not in ABIS:
        return Plan()
    if platform.libc == "glibc":
        return _linux_plan(platform.abi, compiling)
    abi = ABIS[platform.abi]
    steps: list[Step] = []
    if android_runner(abi) is None:
        try:
            found = find_ndk(ndk)
        except DeviceError as error:
            if ndk is not None:
                raise
            return _cpu_only(platform.abi, str(error), compiling)
        doing = f"build the runner for Android on {abi} with the NDK {found}"
        steps.append(Step(doing, dials=False, run=partial(_compile, partial(build_runner, abi=abi, ndk=found), compiling)))
    if aars:
        return Plan(tuple(steps))
    wanted = offers(installed_version(), abi, source=source)
    unknown = [offer.name for offer in wanted if offer.known is None]
    notes = () if source.startswith("https:") or not unknown else (_UNSAFE.format(source=source, names=" and ".join(unknown)),)
    return Plan((*steps, *(_fetching(offer, bar) for offer in wanted)), notes)


def _cpu_only(machine: str, why: str, compiling: Compiling) -> Plan:
    plan = _linux_plan(machine, compiling)
    note = (
        "CPU units only: GPU and NNAPI need the runner for Android. Releases of this package bring it; this copy of it has none, and to"
        f" build one {why}"
    )
    return Plan(plan.steps, (note, *plan.notes))


def _linux_plan(machine: str, compiling: Compiling) -> Plan:
    """Plans the kit for Linux on a machine."""
    if machine == host.machine():
        step = Step("build the runner for this machine", dials=False, run=partial(_compile, build_runner, compiling))
        return Plan() if _is_there(host_runner) else Plan((step,))
    if f"linux-{machine}" != CROSS_ABI or _is_there(lambda: cross_parts(build_folder(abi=CROSS_ABI), RUNNER, build_command(CROSS_ABI))):
        return Plan()
    if not has_cross_compiler():
        return Plan(notes=("the runner for Linux on aarch64 needs a compiler: apt-get install g++-aarch64-linux-gnu",))
    dials = not has_cross_wheel()
    wheel = f", with LiteRT {installed_version()} for it by pip ({releases().licence})" if dials else ""
    return Plan((Step(f"build the runner for Linux on aarch64{wheel}", dials=dials, run=partial(_compile, build_cross_kit, compiling)),))


def _compile(build: Callable[..., object], compiling: Compiling) -> None:
    with compiling() as progress:
        build(on_progress=progress)


def _is_there(find: Callable[[], object]) -> bool:
    try:
        find()
    except DeviceError:
        return False
    return True


def _fetching(offer: Offer, bar: Bar) -> Step:
    def run() -> None:
        with bar(offer.name) as progress:
            fetch(offer, progress)

    return Step(f"download {offer.name}, {_size(offer)}, {releases().licence}, from {offer.url}", dials=True, run=run)


def _size(offer: Offer) -> str:
    """Returns what is known of a library's size and checksum before it is downloaded."""
    checksum = "SHA-256 known" if offer.known is not None else "SHA-256 unknown: the first download's is kept"
    if offer.known is not None and offer.known.bytes is not None:
        return f"{offer.known.bytes / 1e6:.1f} MB, {checksum}"
    sizes = {version: abis[offer.android_abi][offer.name].bytes for version, abis in releases().releases.items()}
    like = [f"{version}'s has {size / 1e6:.1f} MB" for version, size in sizes.items() if size is not None]
    return f"size unknown ({like[-1]}), {checksum}" if like else f"size unknown, {checksum}"
