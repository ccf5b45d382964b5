"""``python -m android_harness.setup``: everything that a device's units need, downloaded and built."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import Aars, DeviceName, Ndk
from collab.cli import FAILED, keeping, make_app, print_json, run_app
from collab.command_line.progress import work_bar
from collab.console import confirmed, result_console, tell
from collab.errors import ConfigError, DeviceError
from collab.options import EXPERT, AsJson, flag, option
from collab.wording.commands import command_named

if TYPE_CHECKING:
    from android_harness.device.state import DeviceState
    from android_harness.kits.downloads.web import Progress
    from android_harness.kits.kit import Kit, Platform
    from android_harness.setup_plan import Plan, Step


def main(
    device: DeviceName = "",
    yes: Annotated[bool, flag("--yes", help="Do not ask before anything is downloaded or built.")] = False,
    offline: Annotated[bool, flag("--offline", help="Use no network; what would need it is listed.")] = False,
    json: AsJson = False,
    aar: Aars = None,
    ndk: Ndk = None,
    source: Annotated[
        str,
        option(
            "--from",
            value="URL",
            panel=EXPERT,
            help="A mirror of LiteRT's libraries, with folders VERSION/android_arm64. Default: LiteRT's own.",
        ),
    ] = "",
) -> None:
    """Get all that a device's units need: the runner, LiteRT, its GPU accelerator.

    You are told what will be downloaded and built, and asked, before anything is.
    """
    from android_harness.device.layout import layout_of
    from android_harness.device.state import gather
    from android_harness.kits.downloads.litert import SOURCE
    from android_harness.kits.downloads.web import checked_url
    from android_harness.targets.find import default_device, open_device

    options = SetupOptions(checked_url(source, said_by="--from") if source else SOURCE, tuple(aar or ()), ndk, yes, offline, json)
    name = default_device(device)
    connection = open_device(name)
    try:
        state = gather(connection, layout_of(name).root)
    finally:
        connection.close()
    with keeping("Finished steps are kept; the same command goes on with the others."):
        document = set_up(name, state, options)
    if json:
        print_json(document)
    else:
        _print(document)
    if document["kit"] is None or document["undone"]:
        raise typer.Exit(FAILED)


@dataclass(frozen=True)
class SetupOptions:
    """Options of a setup; see the command's help."""

    source: str
    aars: tuple[Path, ...] = ()
    ndk: Path | None = None
    yes: bool = False
    offline: bool = False
    quiet: bool = False


def set_up(name: str, state: DeviceState, options: SetupOptions) -> dict[str, Any]:
    """Gets what a device in this state needs, and returns what is there then, as a JSON object.

    Raises:
        ConfigError: the user does not want a step.
        DeviceError: a step fails.
        StorageError: a file cannot be written.
    """
    from android_harness.kits.kit import Platform
    from android_harness.setup_plan import plan_setup

    platform = Platform(state.machine, state.libc, state.page_bytes)
    bar = partial(_bar, quiet=options.quiet)
    compiling = partial(work_bar, "Compiling the runner", "steps", quiet=options.quiet)
    plan = plan_setup(platform, source=options.source, aars=options.aars, ndk=options.ndk, bar=bar, compiling=compiling)
    undone = _carry_out(plan, name, state, options)
    kit, reason = _kit(platform, options.aars)
    return {
        "device": name,
        "model": state.model,
        "soc": state.soc,
        "abi": state.machine,
        "libc": state.libc,
        "android": state.properties.get("ro.build.version.release"),
        "page_bytes": state.page_bytes,
        "done": [step.doing for step in plan.steps if step not in undone],
        "undone": [step.doing for step in undone],
        "notes": list(plan.notes),
        **_document(kit, reason),
        "next": _next_commands(name, state, kit, options.aars),
    }


def _carry_out(plan: Plan, name: str, state: DeviceState, options: SetupOptions) -> list[Step]:
    """Does the steps, those that need the network unless it is off, and returns the others.

    Raises:
        ConfigError, DeviceError, StorageError: see `set_up`.
    """
    undone = [step for step in plan.steps if options.offline and step.dials]
    wanted = [step for step in plan.steps if step not in undone]
    if wanted:
        described = ", ".join(filter(None, (state.model, state.soc, state.machine)))
        steps = [f"  {step.doing}" for step in wanted] + [f"Note: {note}" for note in plan.notes]
        tell("\n".join([f"For {name} ({described}) this computer will", *steps]))
        if not options.yes and not confirmed("Go on?"):
            raise ConfigError("nothing was done; answer y, or give --yes")
    for step in wanted:
        tell(f"Now: {step.doing.partition(',')[0]}")
        step.run()
    return undone


@contextmanager
def _bar(name: str, *, quiet: bool) -> Iterator[Progress]:
    """Shows the progress of a download on stderr."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from collab.console import note_console, text_column

    columns = (text_column("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=note_console(), disable=quiet or not sys.stderr.isatty()) as shown:
        task = shown.add_task(name, total=None)
        yield lambda here, total: shown.update(task, completed=here, total=total)


def _kit(platform: Platform, aars: Sequence[Path]) -> tuple[Kit | None, str]:
    """Returns the device's kit; None and the reason where there is none."""
    from android_harness.kits.kit import kit_for

    try:
        return kit_for(platform, aar=aars), ""
    except DeviceError as error:
        return None, str(error)


def _document(kit: Kit | None, reason: str) -> dict[str, Any]:
    """Returns a kit as a part of a JSON object: its engines, files and units, each unit with the reason why it will not work."""
    from android_harness.kits.downloads.litert import pin_of
    from collab.files import sha256_of

    kinds = ("cpu", "gpu", "nnapi")
    if kit is None:
        return {"kit": None, "engines": {}, "files": [], "units": {kind: {"ready": False, "reason": reason} for kind in kinds}}
    files = []
    for name, path in kit.files.items():
        pin = pin_of(path)
        said = {"from": pin.url} if pin is not None else {}
        files.append({"name": name, "bytes": path.stat().st_size, "sha256": sha256_of(path), "path": str(path), **said})
    units = {kind: {"ready": kind not in kit.missing, "reason": kit.missing.get(kind, "")} for kind in kinds}
    return {"kit": kit.name, "engines": dict(kit.versions), "files": files, "units": units}


def _next_commands(name: str, state: DeviceState, kit: Kit | None, aars: Sequence[Path]) -> list[str]:
    """Returns the commands with which a user goes on: the doctor, and a profile of the units that will work."""
    if kit is None:
        return []
    device = ["--device", name, *(word for aar in aars for word in ("--aar", str(aar)))]
    units = ["--unit", "cpu:cluster=big", "--unit", "gpu"] if state.is_android and "gpu" not in kit.missing else []
    folder = "luts/phone" if state.is_android else "luts/device"
    return [
        command_named("doctor", *device),
        command_named("profile", *device, "--model", "mobilenet_v2", *units, "--out", folder),
    ]


def _print(document: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("kit", document["kit"] or "none")
    for engine, version in document["engines"].items():
        table.add_row(engine, version)
    for file in document["files"]:
        table.add_row("", f"{file['name']}  {file['bytes'] / 1e6:.1f} MB  SHA-256 {file['sha256'][:12]}...")
    for kind, unit in document["units"].items():
        table.add_row(kind, "ready: the doctor tries it" if unit["ready"] else f"not ready: {unit['reason']}")
    for note in document["notes"]:
        table.add_row("note", note)
    for doing in document["undone"]:
        table.add_row("not done", f"{doing} (--offline)")
    console = result_console(wraps=True)
    console.print(table)
    for number, command in enumerate(document["next"]):
        result_console().print(f"{'Then' if number else 'Next'}: {command}")


app = make_app(
    main,
    examples=(
        "syncnas setup",
        "syncnas setup --device local --offline --json",
    ),
)

if __name__ == "__main__":
    run_app(app)
