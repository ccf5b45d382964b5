"""Target of the name ``local``: this machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from android_harness.device.base import Notice
from android_harness.device.gpu_driver import local_conditions
from android_harness.device.info import Cluster, DeviceInfo
from android_harness.device.machine import LOCAL_NAME, clock_khz, machine_fingerprint, memory_bytes
from android_harness.kits.native_build import host_runner
from android_harness.kits.runtime import litert_library, litert_version
from android_harness.protocol.journal import Event
from android_harness.protocol.journal_tail import JournalTail, cut_to_whole_lines
from android_harness.protocol.phases import Phase
from android_harness.targets.base import STORAGE_LOST
from collab.errors import DeviceError
from collab.files import holding, write_whole
from collab.system.portable import usable_cores

_PROGRAMS: Final = "programs"
_POLL_S: Final = 0.1
"""Interval of looks at the journal, long enough not to disturb the cores that are measured."""


class LocalTarget:
    """Target on this machine, with the runner that was built for it."""

    def __init__(self) -> None:
        self._runner = host_runner()
        self._library = litert_library()
        self.info = DeviceInfo(LOCAL_NAME, machine_fingerprint(), local_clusters(), local_conditions(), memory_bytes=memory_bytes())

    @property
    def runtime(self) -> str:
        return litert_version()

    @property
    def conditions(self) -> Mapping[str, str]:
        """Returns nothing, as nothing of this machine is changed."""
        return {}

    def prepare(self, notice: Notice) -> None:
        """Does nothing, as nothing of this machine is changed."""

    def adopt(self, journal: Path) -> None:
        """Returns None: the runner writes into the journal itself, so nothing has to be fetched."""

    def clean(self) -> None:
        """Does nothing, as the harness puts no files of its own on this machine."""

    def close(self) -> None:
        """Does nothing, as this machine has no lock."""

    def start(self, phase: Phase, journal: Path) -> LocalRun:
        """Starts the runner in a session of its own, so that a Ctrl-C reaches this process alone.

        The runner inherits the locks on the journal: if this process is killed, no other process writes there until the runner has ended.

        Raises:
            DeviceError: the runner cannot be started.
        """
        with holding(journal) as locks:
            offset = cut_to_whole_lines(journal)
            folder = Path(tempfile.mkdtemp(prefix="syncnas-"))
            phase_file = folder / "phase.json"
            ready = replace(phase, program_cache=_PROGRAMS)
            write_whole(phase_file, ready.to_json(runtime={"litert": self._library}))
            stderr = (folder / "stderr").open("wb+")
            try:
                process = subprocess.Popen(
                    [self._runner, phase_file, "--journal", journal],
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    start_new_session=True,
                    pass_fds=locks,
                )
            except OSError as error:
                raise DeviceError(f"the runner {self._runner} cannot be started ({error.strerror})") from error
        return LocalRun(process, journal, offset, stderr, folder)


class LocalRun:
    """Phase that a runner on this machine is carrying out."""

    def __init__(self, process: subprocess.Popen[bytes], journal: Path, offset: int, stderr: IO[bytes], folder: Path) -> None:
        self._process = process
        self._journal = journal
        self._tail = JournalTail(journal, offset)
        self._stderr = stderr
        self._folder = folder
        self.exit_reason: str | None = None
        self.interrupted = False

    def events(self) -> Iterator[Event]:
        """Yields events as the journal grows. After an interruption, a second call goes on where the first one stopped."""
        ended = False
        while not ended:
            ended = self._process.poll() is not None
            yield from self._tail.new_events()
            if not ended:
                time.sleep(_POLL_S)
        self.exit_reason = self._describe_exit()

    def stop(self) -> None:
        """Asks the runner to end after the running visit."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _describe_exit(self) -> str | None:
        """Returns the reason of the runner's exit, None after a whole run; sets `interrupted` and removes the temporary folder."""
        code = self._process.returncode
        self._stderr.seek(0)
        words = self._stderr.read().decode(errors="replace").strip().splitlines()
        self._stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if code == 0:
            return None
        if code == STORAGE_LOST:
            self.interrupted = True
            return f"{self._journal}: {words[-1] if words else 'it could not be written'}; make room there"
        if code < 0:
            return f"crashed ({signal.Signals(-code).name})"
        return words[-1] if words else f"ended with status {code}"


def local_clusters() -> tuple[Cluster, ...]:
    """Returns the cores that this process may use, grouped by their fastest clock, the slowest first."""
    by_clock: dict[int | None, list[int]] = {}
    for core in usable_cores():
        by_clock.setdefault(_max_khz(core), []).append(core)
    return tuple(Cluster(tuple(by_clock[clock]), clock) for clock in sorted(by_clock, key=lambda clock: clock or 0))


def _max_khz(core: int) -> int | None:
    """Returns a core's highest clock in kHz; None where the system does not say."""
    try:
        return clock_khz(Path(f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
