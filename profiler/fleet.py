"""Profiles of several phones side by side: each in a process of its own, so that what happens to one is nothing to the others."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread, current_thread, main_thread
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from collab.cli import print_json
from collab.console import one_line, result_console, tell
from collab.errors import ConfigError, DeviceError, TableError
from collab.system.portable import interrupt
from collab.system.starting import INTERRUPTED
from collab.wording.commands import command_named, words_after_python

if TYPE_CHECKING:
    import typer

_ALL: Final = "all"
_OWN: Final = ("device", "out", "json", "resume", "progress_lines")
"""Options that each phone's process gets in a way of its own."""
_WORK: Final = ("model", "block", "transfer_bytes")
"""Options that name what to measure."""
_DONE, _FAILED = 0, 1
_STATES: Final = {_DONE: "done", INTERRUPTED: "stopped", -signal.SIGINT: "stopped"}
"""States by the status of a process, which Ctrl-C ends as a signal where it comes before the command has begun."""
_ERROR: Final = "error: "


OnVisits: TypeAlias = Callable[[str, int, int], object]
"""Takes a phone's serial, and how many of its visits are done and expected."""
OnWords: TypeAlias = Callable[[str, str], object]
"""Takes a phone's serial, and a line that its profile says."""


@dataclass
class _Phone:
    """Phone with its profile's process, and what that said last. `summary` counts the rows that its folder holds."""

    serial: str
    out: Path
    process: subprocess.Popen[str]
    last_words: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    told_to_stop: bool = False

    def stop(self) -> None:
        """Has the profile end after its present visit."""
        interrupt(self.process)
        self.told_to_stop = True

    def outcome(self) -> PhoneProfile:
        """Returns what came of the profile, which has ended."""
        status = self.process.returncode
        state = _STATES.get(status, "failed")
        words = self.last_words.removeprefix(_ERROR) if state == "failed" else ""
        # A profile that was killed has a negative status.
        return PhoneProfile(self.serial, self.out, state, words, max(status, _FAILED) if state == "failed" else _DONE, self.summary)


@dataclass(frozen=True)
class PhoneProfile:
    """Profile of one of several phones that has ended.

    `state`: ``done``, ``stopped`` or ``failed``. `error`: the last that a profile said which failed; empty of others. `status`: the exit
    status of one that failed, else 0. `summary`: as its command prints it; of one that did not finish, the rows that its folder holds.
    """

    serial: str
    out: Path
    state: str
    error: str
    status: int
    summary: dict[str, Any]

    def to_document(self) -> dict[str, Any]:
        return {"device": self.serial, "state": self.state, "error": self.error or None, **self.summary, "out": str(self.out)}


@dataclass(frozen=True)
class FleetOptions:
    """Options of the profiles of several phones: `arguments` of the command, and whether it goes on with what is there.

    `names_work`: whether the arguments say what to measure.
    """

    arguments: tuple[str, ...]
    resume: bool
    names_work: bool


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

    Returns:
        The exit status: 0 where all are done, else that of a profile which failed, the highest of several, or that of stopped ones.
    """
    from profiler.progress import phase_bars

    given = context.params
    options = FleetOptions(tuple(_arguments(context)), bool(given.get("resume")), any(given.get(name) for name in _WORK))
    with phase_bars(quiet=json) as (bars, add_bar):
        tasks = {serial: add_bar(serial) for serial in serials}
        phones = profile_phones(
            serials,
            out,
            options,
            on_visits=lambda serial, done, expected: bars.update(tasks[serial], completed=done, total=expected),
            on_words=lambda serial, words: bars.console.print(f"{one_line(serial)}: {words}"),
            on_end=lambda phone: bars.update(tasks[phone.serial], description=f"{one_line(phone.serial)} {phone.state}"),
        )
    if json:
        print_json({"devices": [phone.to_document() for phone in phones]})
    else:
        _print(phones)
    stopped = any(phone.state == "stopped" for phone in phones)
    return max(phone.status for phone in phones) or (INTERRUPTED if stopped else _DONE)


def profile_phones(
    serials: Sequence[str],
    out: Path,
    options: FleetOptions,
    *,
    on_visits: OnVisits,
    on_words: OnWords,
    on_end: Callable[[PhoneProfile], object] = lambda _: None,
) -> list[PhoneProfile]:
    """Profiles phones side by side, each into a folder of its own, and returns what came of each.

    Ctrl-C stops all of them after their present visit, and so does what a callback raises, which is raised again once they have ended.
    """
    phones: list[_Phone] = []
    events: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
    with _passing_on_interrupts(phones) as interrupted:
        for serial in serials:
            phones.append(_start(serial, out / folder_name(serial), options))
            if interrupted.is_set() and not phones[-1].told_to_stop:
                phones[-1].stop()
        readers = [Thread(target=_follow, args=(phone, events, on_visits, on_words, on_end)) for phone in phones]
        for reader in readers:
            reader.start()
        try:
            # Callbacks are called here, in the caller's thread, one after the other.
            for _ in range(len(readers)):
                while (event := events.get()) is not None:
                    event()
        except BaseException:
            for phone in phones:
                phone.stop()
            raise
        finally:
            for reader in readers:
                reader.join()
    return [phone.outcome() for phone in phones]


def _arguments(context: typer.Context) -> Iterator[str]:
    """Yields a command's options as they would be written, but for those of `_OWN`."""
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        if name not in _OWN and value is not None and value != parameter.get_default(context):
            yield from written_option(max(parameter.opts, key=len), value)


def written_option(option: str, value: object) -> Iterator[str]:
    """Yields an option as it is written on a command line: once for each value of several, without any where it is a switch."""
    if value is True:
        yield option
        return
    for item in value if isinstance(value, (list, tuple)) else (value,):
        yield from (option, str(item))


def _start(serial: str, out: Path, options: FleetOptions) -> _Phone:
    from profiler.request import PLAN_FILE

    # A phone that failed before anything was measured begins with what is named; where nothing is, its profile says so.
    goes_on = options.resume and ((out / PLAN_FILE).exists() or not options.names_work)
    own = ["--device", serial, "--out", str(out), "--json", "--progress-lines", *(["--resume"] if goes_on else [])]
    process = subprocess.Popen(
        [sys.executable, *words_after_python("profile"), *options.arguments, *own],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C at a terminal reaches this process alone, which passes it on once.
        start_new_session=True,
    )
    return _Phone(serial, out, process)


def _follow(
    phone: _Phone,
    events: SimpleQueue[Callable[[], object] | None],
    on_visits: OnVisits,
    on_words: OnWords,
    on_end: Callable[[PhoneProfile], object],
) -> None:
    """Puts a profile's progress and what it says into a queue, as calls of what takes them, to its end; then None."""
    from profiler.progress import parse_phase_line

    assert phone.process.stderr is not None
    assert phone.process.stdout is not None
    for line in phone.process.stderr:
        numbers = parse_phase_line(line)
        if numbers is not None:
            events.put(partial(on_visits, phone.serial, *numbers))
        elif line.strip():
            phone.last_words = one_line(line.strip())
            events.put(partial(on_words, phone.serial, phone.last_words))
    said = phone.process.stdout.read()
    phone.process.wait()
    try:
        phone.summary = json.loads(said) if said.strip() else _rows_kept(phone.out)
    except ValueError:
        phone.last_words = phone.last_words or "its profile said nothing that can be read"
    events.put(partial(on_end, phone.outcome()))
    events.put(None)


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

    # Only the main thread takes signals; in another one, which a program has, Ctrl-C is the program's own.
    is_main = current_thread() is main_thread()
    before = signal.signal(signal.SIGINT, pass_on) if is_main else None
    try:
        yield interrupted
    finally:
        if is_main:
            signal.signal(signal.SIGINT, before)
        stop_all()


def _print(phones: Sequence[PhoneProfile]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("device", "state", "blocks", "hand-overs", "failed", "folder"):
        table.add_column(column, overflow="fold")
    for phone in phones:
        said = [str(phone.summary.get(name, "")) for name in ("blocks", "transfers", "failed")]
        table.add_row(one_line(phone.serial), phone.state, *said, str(phone.out))
    result_console(wraps=True).print(table)
    console = result_console()
    for phone in phones:
        if phone.error:
            console.print(f"{one_line(phone.serial)}: {phone.error}")
