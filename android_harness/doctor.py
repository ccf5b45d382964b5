"""``python -m android_harness.doctor``: a checklist that tells whether a device is ready to be measured, with advice where it is not."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Final

import typer

from android_harness.options import Aars, DeviceName
from collab.cli import FAILED, make_app, print_json, run_app
from collab.command_line.progress import work_bar
from collab.console import printable, result_console
from collab.errors import DeviceError, SyncNasError
from collab.files import write_whole
from collab.options import UNITS, AsJson, flag, option
from collab.units import format_cores

if TYPE_CHECKING:
    from android_harness.device.base import Device
    from android_harness.device.diagnosis import Check
    from android_harness.targets.remote import RemoteTarget
    from collab.units import UnitSpec

_MARKS: Final = {"ok": ("ok", "green"), "note": ("note", "yellow"), "bad": ("BAD", "red")}
_TRIAL_SHAPE: Final = (1, 28, 28, 32)
_ROUND_TRIPS: Final = 5
_STEPS: Final = 4
"""Steps of an examination without a trial: connecting, the device's state, its settings, the runner and its runtime."""


def main(
    device: DeviceName = "",
    unit: Annotated[
        list[str] | None,
        option(
            value="UNIT",
            complete=UNITS,
            help="Also try this unit; may be repeated. Default: a CPU core, GPU, and NNAPI where its engine is.",
        ),
    ] = None,
    trial: Annotated[bool, flag("--trial/--no-trial", help="Run a small model on each unit.")] = True,
    json: AsJson = False,
    aar: Aars = None,
) -> None:
    """Tell whether a device is ready to be measured, and what to do where it is not.

    It says what the device is, what would disturb a measurement, and runs a small model on each unit.
    """
    from android_harness.device.diagnosis import BAD

    with work_bar("Examining the device", "steps", quiet=json) as show:
        checks = examine(device, unit or [], aar or [], trial=trial, on_progress=show)
    if json:
        print_json({"checks": [vars(check) for check in checks], "ready": all(check.level != BAD for check in checks)})
    else:
        _print(checks)
    if any(check.level == BAD for check in checks):
        raise typer.Exit(FAILED)


def examine(
    name: str, units: Sequence[str], aars: Sequence[Path], *, trial: bool, on_progress: Callable[[int, int], None] = lambda *_: None
) -> list[Check]:
    """Returns all checks of a device; with `trial`, a small model is run on each unit. `on_progress` gets the steps done, and all.

    Raises:
        ConfigError: a unit is none; that is told at once, and not as one of the device's faults.
        DeviceError: the device cannot be reached.
    """
    from android_harness.device.diagnosis import BAD, OK, Check, diagnose
    from android_harness.device.layout import layout_of
    from android_harness.device.state import gather
    from android_harness.targets.find import default_device, open_device, remote_target
    from android_harness.targets.options import HarnessOptions
    from android_harness.targets.settings_checks import examine_settings
    from collab.units import parse_unit

    for text in units:
        parse_unit(text)
    steps = _STEPS + trial
    name = name or default_device("")
    connection = open_device(name)
    on_progress(1, steps)
    try:
        layout = layout_of(name)
        round_trip_ms = _round_trip_ms(connection)
        checks = [Check(OK, "connection", f"{connection.serial} over {connection.way}, a command takes {round_trip_ms:.0f} ms")]
        state = gather(connection, layout.root)
        checks += diagnose(state)
        on_progress(2, steps)
        checks += examine_settings(connection, layout, state)
        on_progress(3, steps)
        try:
            target = remote_target(connection, HarnessOptions(aars=tuple(aars), layout=layout))
        except SyncNasError as error:
            return [*checks, Check(BAD, "runner and runtime", "missing for this device", str(error))]
        checks.append(Check(OK, "runner and runtime", f"{target.kit.name}: {', '.join(target.kit.versions.values())}"))
        on_progress(_STEPS, steps)
        if trial:
            checks += try_units(target, units)
            on_progress(steps, steps)
        target.close()
        return checks
    finally:
        connection.close()


def _round_trip_ms(device: Device) -> float:
    """Returns the median time of `_ROUND_TRIPS` empty commands, in milliseconds."""
    times = []
    for _ in range(_ROUND_TRIPS):
        begin = time.perf_counter()
        device.shell("true")
        times.append(time.perf_counter() - begin)
    return 1000 * median(times)


def try_units(target: RemoteTarget, texts: Sequence[str]) -> list[Check]:
    """Runs a small model on each unit, which alone proves that a unit works; returns a check for each unit."""
    from android_harness.device.diagnosis import BAD, NOTE, OK, Check
    from android_harness.device.units import resolve_units
    from android_harness.protocol.journal import Event, JobFailed, TimeDone
    from android_harness.protocol.phases import Phase, Repeat, TimeJob
    from android_harness.targets.execute import execute
    from collab.units import parse_unit
    from exporters.tflite_route import write_relu

    try:
        specs = [parse_unit(text) for text in texts] or _default_trials(target)
    except DeviceError as error:
        return [Check(BAD, "trial", "there is no core to try", str(error))]
    units = resolve_units(specs, target.info)
    found: dict[str, Event] = {}

    def note(event: Event) -> None:
        if isinstance(event, (TimeDone, JobFailed)):
            found[event.job] = event

    with tempfile.TemporaryDirectory(prefix="syncnas-") as folder:
        model = Path(folder) / "relu.tflite"
        write_whole(model, write_relu(_TRIAL_SHAPE))
        jobs = tuple(TimeJob(name, name, model, warmup=2, runs=20) for name in units)
        try:
            execute(target, Phase("doctor", units, jobs, Repeat(1, 1), order="given"), Path(folder) / "journal.jsonl", note)
        except SyncNasError as error:
            return [Check(BAD, "trial", "the runner could not do it", str(error))]
    checks = []
    for name, spec in units.items():
        event = found.get(name)
        how = [word for word in (spec.backend, spec.engine if spec.engine != "litert" else None) if word]
        topic = f"unit {spec.kind}" + (f" ({', '.join(how)})" if how else "")
        if isinstance(event, TimeDone):
            buffers = ", ".join(event.buffers) or "unknown"
            took = f"works, {median(event.samples['run']) / 1000:.1f} us for a relu of 100 kB, buffers: {buffers}"
            partial = "the unit did not take the model, the CPU ran it: rows would be 'partial'"
            checks.append(Check(OK, topic, took) if event.accelerated else Check(NOTE, topic, took, partial))
        else:
            reason = event.reason if isinstance(event, JobFailed) else "it was not tried"
            level = BAD if spec.kind == "cpu" and spec.engine == "litert" else NOTE
            checks.append(Check(level, topic, "does not work", target.kit.missing.get(spec.kind, reason)))
    return checks


def _default_trials(target: RemoteTarget) -> list[UnitSpec]:
    """Returns the units to try by default: a core, the GPU, and where there is a classic engine, a core and NNAPI by it."""
    from android_harness.device.units import default_units
    from collab.units import parse_unit

    core = default_units(target.info)[0]
    backends = target.kit.gpu_backends
    texts = [f"gpu:backend={backend}" for backend in backends] if len(backends) > 1 else ["gpu"]
    if target.has_engine("classic"):
        texts += [f"cpu:engine=classic,cores={format_cores(core.cores or ())}", "nnapi"]
    return [core, *map(parse_unit, texts)]


def _print(checks: Sequence[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for check in checks:
        found = Text(printable(check.found))
        if check.advice:
            found.append(f"\n→ {printable(check.advice)}", "dim")
        table.add_row(Text(*_MARKS[check.level]), check.topic, found)
    result_console(wraps=True).print(table)


app = make_app(
    main,
    examples=(
        "syncnas doctor",
        "syncnas doctor --device local --unit cpu:threads=2",
    ),
)

if __name__ == "__main__":
    run_app(app)
