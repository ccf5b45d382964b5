"""Targets on a `Device`: a runner carries out phases there, without a connection to this computer while it measures."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from android_harness.device import lock
from android_harness.device.base import Device, Notice, checked, spawn
from android_harness.device.info import DeviceInfo
from android_harness.device.layout import Layout
from android_harness.device.state import DeviceState
from android_harness.device.tuning import Tuning
from android_harness.kits.kit import Kit
from android_harness.protocol.journal_tail import cut_to_whole_lines
from android_harness.protocol.phases import Gate, Phase
from android_harness.scripts import SCRIPTS
from android_harness.targets.cursor import Cursor, load_cursor
from android_harness.targets.push import OnSending, Pushed, push_files, sha256_of
from android_harness.targets.remote_run import JOURNAL_FILE, RemoteRun
from android_harness.targets.settings import restore_left, tried
from android_harness.targets.staging import stage
from collab.console import tell
from collab.errors import DeviceError
from collab.files import write_whole

DEFAULT_STORAGE_BYTES: Final = 1 << 30
_SUPERVISING: Final = ("root.sh", "tuning.sh", "supervise.sh")
_SWEEP: Final = """
cd "$1" 2>/dev/null || exit 0
for phase in *; do
  [ "$phase" = "$2" ] || rm -rf "./$phase"
done
"""
_PROGRAMS: Final = "programs"
_LOG: Final = ("/system/bin/logcat", "-d", "-v", "raw", "-t", "50", "-s", "litert", "tflite")
"""On Android LiteRT and TFLite write what is wrong there, and return a number."""
_END_ALL: Final = """
root=$1
ours() { tr '\\0' ' ' < "/proc/$1/cmdline" 2>/dev/null | grep -qF "$root/"; }
runners=$(cat "$root"/phases/*/runner.pid 2>/dev/null)
for pid in $runners; do ours "$pid" && kill -TERM "$pid"; done
for pid in $runners; do
  tries=0
  while ours "$pid" && [ $tries -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  # A visit may last minutes, and its samples are not needed any more.
  ours "$pid" && kill -KILL "$pid"
done
exit 0
"""
_REMOVE_ALL: Final = 'rm -rf "$1"; [ ! -e "$1" ]'

Sending: TypeAlias = Callable[[], AbstractContextManager[OnSending]]
"""Opens what follows the sending of files."""


@contextmanager
def unwatched() -> Iterator[OnSending]:
    """Is a `Sending` that shows nothing."""
    yield lambda *_: None


@dataclass(frozen=True)
class RemoteSettings:
    """Settings for the use of a device: folders, storage budget, tuning, thermal gate and its own libraries."""

    layout: Layout = field(default_factory=Layout)
    storage_bytes: int = DEFAULT_STORAGE_BYTES
    tuning: Tuning = field(default_factory=Tuning)
    gate: Gate | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Engines whose library the device itself has: engine to path."""
    notice: Notice = tell
    """Receives a sentence where something cannot be changed back when the device is cleaned."""
    sending: Sending = unwatched


class RemoteTarget:
    """Target on a `Device`. It takes the device's lock with the first push or phase and releases it when it is closed."""

    def __init__(self, device: Device, state: DeviceState, kit: Kit, settings: RemoteSettings) -> None:
        if state.missing_tools:
            raise DeviceError(f"{device.serial} lacks {', '.join(state.missing_tools)}, which every Android since 10 and every Linux has")
        self.state = state
        self.info: DeviceInfo = replace(state.info, gpu_backends=kit.gpu_backends)
        self.pushed = Pushed(0, 0)
        self.device, self.kit, self.layout = device, kit, settings.layout
        self._settings = settings
        self._owner = lock.Owner.new()
        self._kit_folder: str | None = None
        self._holds_lock = False

    @property
    def runtime(self) -> str:
        return self.kit.versions["litert"]

    @property
    def conditions(self) -> Mapping[str, str]:
        """The settings that are changed while a phase runs, and which heat undoes visits."""
        gate = self._settings.gate
        return {**self._settings.tuning.conditions, "heat": gate.condition if gate is not None else "not looked at"}

    @property
    def gate(self) -> Gate | None:
        """Thermal gate of phases that have none of their own."""
        return self._settings.gate

    def start(self, phase: Phase, journal: Path) -> RemoteRun:
        """Sends the files of a phase that the device lacks, and starts the runner there, detached from the connection.

        Raises:
            DeviceError: another owner has the device, the storage is full, or the runner cannot be started.
        """
        journal.parent.mkdir(parents=True, exist_ok=True)
        self._claim()
        identity = secrets.token_hex(6)
        with tempfile.TemporaryDirectory(prefix="syncnas-") as scratch:
            staged = stage(phase, store="../../store", scratch=Path(scratch))
            self.push(self.layout.store, staged.files, prune=True)
            ready = replace(
                staged.phase,
                gate=staged.phase.gate or self._settings.gate,
                conditions=self.conditions,
                program_cache=_PROGRAMS,
                log=_LOG if self.state.is_android else (),
            )
            self._push_phase(identity, ready, Path(scratch))
        begin = cut_to_whole_lines(journal)
        Cursor(identity, self._owner.token, begin).save(journal)
        spawn(self.device, self.layout.phase(identity), self._command())
        return RemoteRun(self.device, self.layout, identity, journal, begin, staged.outputs, self._forget_kit)

    def adopt(self, journal: Path) -> RemoteRun | None:
        """Returns the phase that a process on this computer followed until it was killed; None if there is none.

        Raises:
            DeviceError: another owner has the device meanwhile.
        """
        cursor = load_cursor(journal)
        if cursor is None:
            return None
        self._owner = lock.Owner(cursor.token, self._owner.name)
        self._claim()
        return RemoteRun(self.device, self.layout, cursor.identity, journal, cursor.begin, {})

    def clean(self) -> None:
        """Removes the harness's folder from the device, with the lock in it."""
        remove_all(self.device, self.layout, notice=self._settings.notice)
        self._holds_lock = False
        self._kit_folder = None

    def close(self) -> None:
        """Releases the lock and closes the connection."""
        try:
            if self._holds_lock:
                lock.release(self.device, self.layout, self._owner)
                self._holds_lock = False
        finally:
            self.device.close()

    def prepare(self, notice: Notice) -> None:
        """Changes settings back that an earlier measurement left changed, and tries those that the device may refuse.

        Raises:
            DeviceError: another owner has the device, it refuses a setting, or cannot be reached.
        """
        tuning = self._settings.tuning
        if self.state.settings_left or tuning.may_be_refused:
            self._claim()
            restore_left(self.device, self.layout, notice)
            self._settings = replace(self._settings, tuning=tried(self.device, self.layout, tuning))

    @property
    def kit_folder(self) -> str:
        """Folder of the kit on the device; the first access sends the files that the device lacks."""
        if self._kit_folder is None:
            listing = "\n".join(f"{name} {sha256_of(path)}" for name, path in sorted(self.kit.files.items()))
            folder = self.layout.kit(hashlib.sha256(listing.encode()).hexdigest()[:16])
            self.push(folder, self.kit.files)
            self._kit_folder = folder
        return self._kit_folder

    def push(self, folder: str, files: Mapping[str, Path], *, prune: bool = False) -> None:
        """Makes sure that a folder of the device holds these files (see `push_files`)."""
        self._claim()
        with self._settings.sending() as on_sending:
            self.pushed += push_files(
                self.device, folder, files, budget_bytes=self._settings.storage_bytes, prune=prune, on_sending=on_sending
            )

    def has_engine(self, engine: str) -> bool:
        """Tells whether the kit or the device has a library for the engine."""
        return engine in self.kit.engines or engine in self._settings.libraries

    def _forget_kit(self) -> None:
        self._kit_folder = None

    def _claim(self) -> None:
        """Takes or renews the device's lock.

        Raises:
            DeviceError: another owner has it.
        """
        lock.acquire(self.device, self.layout, self._owner)
        self._holds_lock = True

    def runtime_paths(self, phase: Phase, kit_folder: str) -> dict[str, Path]:
        """Returns the libraries of the engines that a phase uses, as engine to path on the device."""
        paths = {engine: Path(kit_folder) / name for engine, name in self.kit.engines.items()}
        paths |= {engine: Path(path) for engine, path in self._settings.libraries.items()}
        wanted = {unit.engine for unit in phase.units.values()}
        if any(unit.kind == "gpu" and unit.engine == "classic" for unit in phase.units.values()):
            wanted.add("classic_gpu")
        return {engine: path for engine, path in paths.items() if engine in wanted}

    def _push_phase(self, identity: str, phase: Phase, scratch: Path) -> None:
        """Sends the folder of a phase, after removing those of earlier phases, which no process follows any more."""
        checked(self.device, _SWEEP, self.layout.phases, identity, doing="removing earlier phases")
        document = phase.to_json(runtime=self.runtime_paths(phase, self.kit_folder))
        write_whole(scratch / "phase.json", document)
        write_whole(scratch / "owner", self._owner.token)
        files = {"phase.json": scratch / "phase.json", "owner": scratch / "owner"}
        files |= supervising_files()
        push_files(self.device, self.layout.phase(identity), files, budget_bytes=self._settings.storage_bytes)

    def supervised(self, runner: Sequence[str], journal: str) -> list[str]:
        """Returns the arguments of a shell that carries out a runner's command with this target's settings, in a folder that
        `supervising_files` lie in.
        """
        return ["supervise.sh", *self._settings.tuning.arguments(self.layout.saved_settings), journal, *runner]

    def _command(self) -> list[str]:
        """Returns the command that carries out a phase in its folder."""
        runner = [*self.kit.command(self.kit_folder), "phase.json", "--journal", JOURNAL_FILE]
        return ["sh", *self.supervised(runner, JOURNAL_FILE)]


def supervising_files() -> dict[str, Path]:
    """Returns the scripts that lie in the folder in which a runner is supervised."""
    return {name: SCRIPTS / name for name in _SUPERVISING}


def remove_all(device: Device, layout: Layout, *, notice: Notice = tell) -> None:
    """Ends what the harness started on a device, changes its settings back and removes its folder.

    Args:
        notice: receives a sentence on what was changed back, or could not be.

    Raises:
        DeviceError: the folder could not be removed.
    """
    checked(device, _END_ALL, layout.root, doing="ending what runs there")
    restore_left(device, layout, notice)
    checked(device, _REMOVE_ALL, layout.root, doing=f"removing {layout.root}")
