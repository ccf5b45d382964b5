"""Profiles of several phones side by side: each in a process of its own, so that what happens to one is nothing to the others."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from collab.cli import print_json
from collab.console import one_line, result_console, tell
from collab.errors import ConfigError, DeviceError, TableError
from collab.wording.commands import command_named

if TYPE_CHECKING:
    import typer
    from rich.progress import Progress, TaskID

_ALL: Final = "all"
_OWN: Final = ("device", "out", "json", "resume", "progress_lines")
"""Options that each phone's process gets in a way of its own."""
_WORK: Final = ("model", "block", "transfer_bytes")
"""Options that name what to measure."""
_DONE, _FAILED, _INTERRUPTED = 0, 1, 130
_STATES: Final = {_DONE: "done", _INTERRUPTED: "stopped", -signal.SIGINT: "stopped"}
"""States by the status of a process, which Ctrl-C ends as a signal where it comes before the command has begun."""
_ERROR: Final = "error: "


@dataclass
class _Phone:
    """Phone with its profile's process, and what that said last. `summary` counts the rows that its folder holds."""

    serial: str
    out: Path
    process: subprocess.Popen[str]
    task: TaskID
    last_words: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    told_to_stop: bool = False

    @property
    def state(self) -> str:
        return _STATES.get(self.process.returncode, "failed")

    @property
    def sentence(self) -> str:
        """The last that a profile said which failed; empty of others."""
        return self.last_words.removeprefix(_ERROR) if self.state == "failed" else ""

    def stop(self) -> None:
        """Has the profile end after its present visit."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.told_to_stop = True

    def to_document(self) -> dict[str, Any]:
        return {"device": self.serial, "state": self.state, "error": self.sentence or None, **self.summary, "out": str(self.out)}


def folder_name(device: str) -> str:
    """Returns a serial number as a folder's name; `127.0.0.1:6000` is not one everywhere."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", device).lstrip(".") or "device"


def is_fleet(names: Sequence[str]) -> bool:
    """Tells whether a user names several devices."""
    return len(names) > 1 or _ALL in names


def phones_of(names: Sequence[str], cluster: str) -> list[str]:
    """Returns the serials of the phones that a user names, or of all that are connected, or that the cluster at an address offers.

    Raises:
        ConfigError: a phone is named twice, two would have the same folder, or this machine is among them.
        DeviceError: there is none.
    """
    from android_harness.device.machine import LOCAL_NAME

    serials = list(names)
    if _ALL in serials:
        if len(serials) > 1:
            raise ConfigError("--device all is every phone there is; leave the others out")
        serials = _connected(cluster)
        if not serials:
            raise DeviceError(f"--device all: no phone is connected; what is seen: {command_named('devices')}")
    if LOCAL_NAME in serials:
        raise ConfigError(f"--device {LOCAL_NAME} measures the cores from which the others are led; profile this machine by itself")
    for what in (lambda serial: serial, folder_name):
        twice = next((serial for serial in serials if [what(other) for other in serials].count(what(serial)) > 1), None)
        if twice is not None:
            raise ConfigError(f"--device {twice} is given twice, or has the folder of another one; name each phone once")
    return serials


def _connected(cluster: str) -> list[str]:
    if cluster:
        from android_harness.device.adb.ray_node import phones_offered

        return phones_offered(cluster)
    from android_harness.targets.find import survey

    return [device.serial for device in survey().seen if device.state == "device"]


def profile_fleet(serials: Sequence[str], out: Path, context: typer.Context, *, json: bool) -> int:
    """Profiles phones side by side with the options of a command, each into a folder of its own, and prints what came of each.

    Ctrl-C stops all of them after their present visit.

    Returns:
        The exit status: 0 where all are done, else that of a profile which failed, the highest of several, or that of stopped ones.
    """
    from profiler.progress import phase_bars

    arguments, phones = list(_arguments(context)), list[_Phone]()
    with _passing_on_interrupts(phones) as interrupted, phase_bars(quiet=json) as bars:
        for serial in serials:
            phones.append(_start(serial, out / folder_name(serial), arguments, context, bars))
            if interrupted.is_set() and not phones[-1].told_to_stop:
                phones[-1].stop()
        readers = [Thread(target=_follow, args=(phone, bars)) for phone in phones]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    if json:
        print_json({"devices": [phone.to_document() for phone in phones]})
    else:
        _print(phones)
    # A profile that was killed has a negative status.
    failed = [max(phone.process.returncode, _FAILED) for phone in phones if phone.state == "failed"]
    if failed:
        return max(failed)
    return _INTERRUPTED if any(phone.state == "stopped" for phone in phones) else _DONE


def _arguments(context: typer.Context) -> Iterator[str]:
    """Yields a command's options as they would be written, but for those of `_OWN`."""
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        if name in _OWN or value is None or value == parameter.get_default(context):
            continue
        option = max(parameter.opts, key=len)
        if value is True:
            yield option
        else:
            for item in value if isinstance(value, (list, tuple)) else (value,):
                yield from (option, str(item))


def _start(serial: str, out: Path, arguments: Sequence[str], context: typer.Context, bars: Progress) -> _Phone:
    from profiler.request import PLAN_FILE

    # A phone that failed before anything was measured begins with what is named; where nothing is, its profile says so.
    names_work = any(context.params.get(name) for name in _WORK)
    goes_on = context.params.get("resume") and ((out / PLAN_FILE).exists() or not names_work)
    own = ["--device", serial, "--out", str(out), "--json", "--progress-lines", *(["--resume"] if goes_on else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "profiler.run", *arguments, *own],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C at a terminal reaches this process alone, which passes it on once.
        start_new_session=True,
    )
    return _Phone(serial, out, process, bars.add_task(one_line(serial), total=None))


def _follow(phone: _Phone, bars: Progress) -> None:
    """Shows a profile's progress and passes on what it says, to its end."""
    from profiler.progress import parse_phase_line

    assert phone.process.stderr is not None
    assert phone.process.stdout is not None
    for line in phone.process.stderr:
        numbers = parse_phase_line(line)
        if numbers is not None:
            bars.update(phone.task, completed=numbers[0], total=numbers[1])
        elif line.strip():
            phone.last_words = one_line(line.strip())
            bars.console.print(f"{phone.serial}: {phone.last_words}")
    said = phone.process.stdout.read()
    phone.process.wait()
    try:
        phone.summary = json.loads(said) if said.strip() else _rows_kept(phone.out)
    except ValueError:
        phone.last_words = phone.last_words or "its profile said nothing that can be read"
    bars.update(phone.task, description=f"{one_line(phone.serial)} {phone.state}")


def _rows_kept(out: Path) -> dict[str, int]:
    """Counts the rows that a profile left in its folder which failed, or was stopped before it could say so."""
    from lut.tables import load_tables

    try:
        tables = load_tables(out)
    except TableError:
        return {}
    statuses = [row.status for row in tables.blocks] + [row.status for row in tables.transfers]
    return {"blocks": len(tables.blocks), "transfers": len(tables.transfers), "failed": statuses.count("failed")}


@contextmanager
def _passing_on_interrupts(phones: Sequence[_Phone]) -> Iterator[Event]:
    """Passes Ctrl-C on to all profiles started so far, instead of ending this process. Each ends after its present visit.

    Profiles that still run when the block ends, by an error, are stopped too.

    Yields:
        An event that Ctrl-C sets: profiles that are started after it have to be stopped as well.
    """
    interrupted = Event()

    def pass_on(*_: object) -> None:
        tell("Stopping all after their present visits ...")
        interrupted.set()
        stop_all()

    def stop_all() -> None:
        for phone in phones:
            phone.stop()

    before = signal.signal(signal.SIGINT, pass_on)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
        stop_all()


def _print(phones: Sequence[_Phone]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("device", "state", "blocks", "hand-overs", "failed", "folder"):
        table.add_column(column, overflow="fold")
    for phone in phones:
        said = [str(phone.summary.get(name, "")) for name in ("blocks", "transfers", "failed")]
        table.add_row(phone.serial, phone.state, *said, str(phone.out))
    result_console(wraps=True).print(table)
    console = result_console()
    for phone in phones:
        if phone.sentence:
            console.print(f"{phone.serial}: {phone.sentence}")
