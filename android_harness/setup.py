"""``python -m android_harness.setup``: everything on this computer that a device needs before it can be measured."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from android_harness.options import Aars, DeviceName
from collab.cli import make_app, print_json, run_app
from collab.console import note_console, printable, result_console, tell, text_column
from collab.errors import DeviceError

if TYPE_CHECKING:
    from android_harness.device.state import DeviceState
    from android_harness.kits.fetched import RuntimePlace
    from android_harness.kits.kit import Kit

_READY: Final = "ready"
_MADE: Final = "made now"
_MISSING: Final = "missing"


@dataclass(frozen=True)
class Part:
    """Something that a device needs: whether it is ``ready``, ``made now`` or ``missing``, and where it is or how to get it."""

    name: str
    state: str
    about: str


@dataclass(frozen=True)
class Wishes:
    """Wishes of a user: `assumes_yes` answers questions, `offline` forbids the network, `source` is where LiteRT is fetched from."""

    aars: tuple[Path, ...]
    assumes_yes: bool
    offline: bool
    source: str


def main(
    device: DeviceName = "",
    aar: Aars = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before something is downloaded.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Download nothing; say what is missing.")] = False,
    source: Annotated[str, typer.Option("--from", help="A mirror of LiteRT's libraries, with the same folders. Default: Google's.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Get a device ready in one go: the runner for it, and LiteRT's runtime and GPU accelerator, fetched, checked and kept."""
    from android_harness.device.layout import layout_of
    from android_harness.device.state import gather
    from android_harness.kits.fetched import BUCKET
    from android_harness.targets.find import default_device, open_device

    name = default_device(device)
    connection = open_device(name)
    try:
        state = gather(connection, layout_of(name).root)
    finally:
        connection.close()
    parts = prepare(state, Wishes(tuple(aar or ()), yes, offline, source or BUCKET))
    kit, why_not = _kit(state, aar or ())
    if json:
        print_json(_document(state, parts, kit, why_not))
    else:
        _print(name, state, parts, kit, why_not)
    if kit is None:
        raise typer.Exit(1)


def prepare(state: DeviceState, wishes: Wishes) -> list[Part]:
    """Makes or fetches what the device needs and this computer lacks; returns each part as it is then."""
    from android_harness.kits.kit import ANDROID_ABI

    if state.libc != "bionic":
        return [_linux_runner(state.machine, wishes)]
    android_abi = ANDROID_ABI.get(state.machine, "")
    runner = _android_runner(android_abi)
    if runner.state == _MISSING:
        return [runner, _linux_runner(state.machine, wishes)]
    return [runner, _runtime(android_abi, wishes)]


def _linux_runner(machine: str, wishes: Wishes) -> Part:
    """Builds the runner for Linux, which drives an Android's CPU as well, where it is not built yet."""
    import platform

    from android_harness.kits.kit import Platform, kit_for
    from android_harness.kits.native_build import CROSS_ABI, build_command, build_cross_kit, build_runner

    name = f"runner for Linux on {machine}"
    try:
        return Part(name, _READY, kit_for(Platform(machine, "glibc")).name)
    except DeviceError as error:
        reason = str(error)
    if machine == platform.machine():
        tell("Building the runner for this machine ...")
        return Part(name, _MADE, str(build_runner()))
    if f"linux-{machine}" != CROSS_ABI or wishes.offline:
        # The kit holds LiteRT's wheel for that machine, which pip downloads.
        return Part(name, _MISSING, reason)
    if not _is_allowed(f"The runner for {machine} is compiled here, and pip downloads LiteRT's wheel for it (Apache-2.0)", wishes):
        return Part(name, _MISSING, f"make it with: {build_command(CROSS_ABI)}")
    return Part(name, _MADE, str(build_cross_kit()))


def _android_runner(android_abi: str) -> Part:
    """Finds the runner for Android, or builds it where there is an NDK."""
    from android_harness.kits.native_build import android_runner, build_command, build_runner
    from android_harness.kits.ndk import find_ndk

    name = f"runner for Android ({android_abi})"
    found = android_runner(android_abi)
    if found is not None:
        return Part(name, _READY, str(found))
    try:
        find_ndk(None)
    except DeviceError:
        about = f"releases bring it along, else it takes an NDK: {build_command(android_abi)}. Until then the GPU cannot be reached"
        return Part(name, _MISSING, about)
    tell(f"Building the runner for {android_abi} with the NDK ...")
    return Part(name, _MADE, str(build_runner(abi=android_abi)))


def _runtime(android_abi: str, wishes: Wishes) -> Part:
    """Fetches LiteRT for Android where it is neither given nor there."""
    from android_harness.kits.aar import given_aar
    from android_harness.kits.android_engines import find_engines
    from android_harness.kits.fetched import LICENCE, RuntimePlace, installed_version

    place = RuntimePlace(installed_version(), android_abi, wishes.source)
    name = f"LiteRT {place.version} for Android"
    engines, _ = find_engines(android_abi, [given_aar(path) for path in wishes.aars])
    if "litert" in engines and (wishes.aars or engines["litert"].aar is None):
        return Part(name, _READY, engines["litert"].title)
    if wishes.offline:
        found = engines["litert"].title if "litert" in engines else ""
        return Part(name, _READY, found) if found else Part(name, _MISSING, f"it is fetched without --offline, from {place.source}")
    offers = place.offers()
    sizes = [offer.size for offer in offers]
    size = f"{sum(size or 0 for size in sizes) / 1e6:.1f} MB" if None not in sizes else "size unknown"
    if not _is_allowed(f"LiteRT {place.version} and its GPU accelerator ({size}, {LICENCE}) are fetched from {place.source}", wishes):
        return Part(name, _MISSING, "it was not fetched, as you said")
    known = _fetch(place, sum(size or 0 for size in sizes))
    pinned = [library for library, was_known in known.items() if not was_known]
    about = f"{place.folder}; " + (
        f"no digest of {' and '.join(pinned)} is known for this version: what came is pinned, and must come again"
        if pinned
        else "its digests are those that are known"
    )
    return Part(name, _MADE, about)


def _is_allowed(what: str, wishes: Wishes) -> bool:
    """Asks a person whether something may be downloaded.

    Raises:
        DeviceError: there is nobody to ask.
    """
    if wishes.assumes_yes:
        tell(what)
        return True
    if not sys.stdin.isatty():
        raise DeviceError(f"{what}; nobody can be asked here: allow it with --yes, or keep off the network with --offline")
    return typer.confirm(f"{what}. Go on?", default=True, err=True)


def _fetch(place: RuntimePlace, total: int) -> dict[str, bool]:
    with _download_bar(total) as on_bytes:
        return place.fetch(on_bytes)


@contextmanager
def _download_bar(total: int) -> Iterator[Callable[[str, int], None]]:
    """Shows how much of a download is there."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (text_column("{task.description}"), BarColumn(), DownloadColumn(), text_column("left"), TimeRemainingColumn())
    with Progress(*columns, console=note_console()) as progress:
        task = progress.add_task("Fetching LiteRT", total=total or None)
        done: dict[str, int] = {}

        def on_bytes(name: str, count: int) -> None:
            done[name] = count
            progress.update(task, completed=sum(done.values()))

        yield on_bytes


def _kit(state: DeviceState, aars: Sequence[Path]) -> tuple[Kit | None, str]:
    """Returns the kit for the device; None and the reason where something is still missing."""
    from android_harness.kits.kit import Platform, kit_for

    try:
        return kit_for(Platform(state.machine, state.libc, state.page_bytes), aar=aars), ""
    except DeviceError as error:
        return None, str(error)


def _units(kit: Kit) -> dict[str, str]:
    """Returns per kind of unit why it cannot be driven; empty where it can."""
    return {kind: kit.missing.get(kind, "") for kind in ("cpu", "gpu", "nnapi")}


def _document(state: DeviceState, parts: Sequence[Part], kit: Kit | None, why_not: str) -> dict[str, object]:
    return {
        "device": state.serial,
        "model": state.model,
        "soc": state.soc,
        "abi": state.machine,
        "system": state.fingerprint["system"],
        "parts": [vars(part) for part in parts],
        "kit": kit.name if kit is not None else None,
        "units": {kind: not reason for kind, reason in _units(kit).items()} if kit is not None else {},
        "missing": why_not or None,
    }


def _print(name: str, state: DeviceState, parts: Sequence[Part], kit: Kit | None, why_not: str) -> None:
    from rich.table import Table

    console = result_console(wraps=True)
    console.print(f"Device: {printable(', '.join(filter(None, (state.model, state.soc, state.machine, state.fingerprint['system']))))}")
    table = Table(box=None, pad_edge=False, show_header=False)
    for part in parts:
        table.add_row(part.name, part.state, printable(part.about))
    if kit is not None:
        for kind, reason in _units(kit).items():
            table.add_row(f"{kind} units", "not here" if reason else _READY, printable(reason))
    console.print(table)
    if kit is None:
        tell(f"Not ready: {why_not}")
        return
    gpu = "" if _units(kit)["gpu"] else " --unit cpu --unit gpu"
    console.print(f"Look at it:  python -m android_harness.doctor --device {name}")
    console.print(f"Measure it:  python -m profiler.run --device {name} --quick{gpu.replace('--unit cpu ', '--unit cpu:cluster=big ')}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
