"""Run of a phase by a runner on a device, followed from this computer."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from android_harness.device.base import ALIVE, Device, checked, whole_number
from android_harness.device.layout import Layout
from android_harness.protocol.journal import Event
from android_harness.protocol.journal_tail import JournalTail
from android_harness.targets.base import STORAGE_LOST
from android_harness.targets.cursor import forget_cursor
from collab.errors import DeviceError
from collab.files import append_whole, sha256_of, writing
from collab.names import shown
from collab.wording.options import option_named

JOURNAL_FILE: Final = "journal.jsonl"
_CHUNK_BYTES: Final = 1 << 18
_STEP_S: Final = 0.2
_MOST_STEPS: Final = 10
"""Steps of waiting between looks. A look costs the device some ten processes and a step one, few enough not to show in medians."""

_LOOK: Final = (
    ALIVE
    + """
cd "$1" 2>/dev/null || { echo "missing 0"; exit 0; }
steps=$5
while [ "$steps" -gt 0 ]; do
  state=
  read -r state 2>/dev/null < exit
  [ "${state:-running}" = running ] || break
  sleep "$6"
  steps=$(( steps - 1 ))
done
touch "$2/owner" 2>/dev/null
if alive .; then state=running; else state=$(cat exit 2>/dev/null); [ "$state" = running ] && state=gone; fi
echo "${state:-gone} $(stat -c %s journal.jsonl 2>/dev/null || echo 0)"
tail -c +"$(( $3 + 1 ))" journal.jsonl 2>/dev/null | head -c "$4"
"""
)
_STOP: Final = """
cd "$1" 2>/dev/null || exit 0
read -r pid rest < pid && kill -TERM "$pid" 2>/dev/null
exit 0
"""
_LAST_WORDS: Final = 'tail -c 4096 "$1/output" 2>/dev/null'
_REMOVE: Final = 'rm -rf "$1"'
_DIGEST: Final = """
size=$(stat -c %s "$1/journal.jsonl" 2>/dev/null || echo 0)
common=$2
[ "$size" -lt "$common" ] && common=$size
echo "$size"
head -c "$common" "$1/journal.jsonl" 2>/dev/null | sha256sum
"""
_MOST_LATE_LOOKS: Final = 4
"""Number of reads after the end of the supervisor: if it was killed, the runner may live on and write more lines."""
_MISSING: Final = "missing"


class RemoteRun:
    """Follower of a phase by the offset in its journal; events are passed on after their lines are in the journal here.

    Args:
        begin: offset of the phase's first line in `journal`, in bytes.
        outputs: names of files in the phase's folder on the device, to their paths here.
        on_interrupted: called when the runner was ended from outside, as the device may have lost its files as well.
    """

    def __init__(
        self,
        device: Device,
        layout: Layout,
        identity: str,
        journal: Path,
        begin: int,
        outputs: Mapping[str, Path],
        on_interrupted: Callable[[], None] = lambda: None,
    ) -> None:
        self._device, self._layout, self._folder = device, layout, layout.phase(identity)
        self._journal, self._begin = journal, begin
        self._tail = JournalTail(journal, begin)
        self._outputs = outputs
        self._on_interrupted = on_interrupted
        self.exit_reason: str | None = None
        self.interrupted = False

    def events(self) -> Iterator[Event]:
        """Yields events as the journal grows. After an interruption, a second call goes on where the first one stopped.

        Raises:
            DeviceError: the device cannot be reached, or the journal arrived damaged.
        """
        steps = 0
        state = "running"
        while state == "running":
            state = self._fetch(steps)
            yield from self._tail.new_events()
            steps = min(steps + 1, _MOST_STEPS)
        for _ in range(_MOST_LATE_LOOKS):
            if state == _MISSING or not self._has_more_there():
                break
            self._fetch(0)
            yield from self._tail.new_events()
        self._conclude(state)

    def _fetch(self, steps: int) -> str:
        """Appends new bytes to the journal here, and returns the runner's state: running, its exit status, gone or missing.

        The device waits for `steps` steps first while the runner runs, but answers as soon as it ends.
        """
        while True:
            have = self._journal.stat().st_size - self._begin
            wanted = (self._folder, self._layout.lock, str(have), str(_CHUNK_BYTES), str(steps), str(_STEP_S))
            result = checked(self._device, _LOOK, *wanted, doing="looking into the journal")
            steps = 0
            head, _, chunk = result.stdout.partition(b"\n")
            said = head.decode(errors="replace")
            words = said.split()
            size = whole_number(words[1]) if len(words) == 2 else None
            if size is None:
                raise DeviceError(f"{self._device.serial}: the state of the runner cannot be told (the device says '{shown(said)}')")
            chunk = chunk[: max(size - have, 0)]
            append_whole(self._journal, chunk)
            if len(chunk) < _CHUNK_BYTES:
                return words[0]

    def _conclude(self, state: str) -> None:
        """Fetches outputs or the reason of the end, then removes the device's copy, as all of it is on the disk here."""
        if state == "0":
            self._fetch_outputs()
        else:
            words = self._device.shell(_LAST_WORDS, self._folder).text.splitlines()
            self.exit_reason, self.interrupted = _reason(state, words[-1] if words else "")
        self._device.shell(_REMOVE, self._folder)
        forget_cursor(self._journal)
        if self.interrupted:
            self._on_interrupted()

    def _has_more_there(self) -> bool:
        """Compares the bytes read so far with the device's journal, and tells whether the device has more.

        Bytes that only this computer has are kept: a restart may cost a device the end of its journal, which was read before.

        Raises:
            DeviceError: they differ. The phase's bytes are removed here and the device's copy stays, to be read anew by --resume.
        """
        have = self._journal.stat().st_size - self._begin
        said = checked(self._device, _DIGEST, self._folder, str(have), doing="reading the journal's checksum").text.split()
        size = whole_number(said[0]) if len(said) > 1 else None
        with writing(self._journal), self._journal.open("r+b") as file:
            file.seek(self._begin)
            here = hashlib.sha256()
            left = min(have, size or 0)
            while chunk := file.read(min(left, _CHUNK_BYTES)):
                here.update(chunk)
                left -= len(chunk)
            if size is not None and said[1] == here.hexdigest():
                return size > have
            file.truncate(self._begin)
        raise DeviceError(
            f"{self._device.serial}: the journal arrived damaged; it is still on the device, and {option_named('--resume')} reads it again"
        )

    def _fetch_outputs(self) -> None:
        """Fetches the output files that the runner wrote."""
        for name, target in self._outputs.items():
            if self._device.shell('[ -e "$1" ]', f"{self._folder}/{name}").status == 0:
                fetch(self._device, f"{self._folder}/{name}", target)

    def stop(self) -> None:
        """Asks the runner to end after the running visit."""
        self._device.shell(_STOP, self._folder)


def fetch(device: Device, source: str, target: Path, *, tries: int = 4) -> None:
    """Fetches a file and compares its checksum; a file that arrives damaged is fetched again.

    Raises:
        DeviceError: the file arrived damaged `tries` times, or does not exist.
    """
    expected = checked(device, 'sha256sum < "$1"', source, doing=f"reading {source}").text.split()[0]
    arriving = target.with_name(f".{target.name[:64]}.arriving")
    try:
        for _ in range(tries):
            device.pull(source, arriving)
            if sha256_of(arriving) == expected:
                with writing(target):
                    arriving.replace(target)
                return
    finally:
        arriving.unlink(missing_ok=True)
    raise DeviceError(f"{device.serial}: {source} arrived damaged {tries} times in a row; try another cable or port")


def _reason(state: str, last_words: str) -> tuple[str, bool]:
    """Returns the reason why a runner broke off, and whether the device (True) or a job caused it."""
    if state == _MISSING:
        return "the phase is no longer on the device", True
    if state == "gone":
        return "the device was restarted, or ended all that the harness had started there", True
    code = int(state) if state.isdigit() else 255
    if code == STORAGE_LOST:
        return last_words or "the journal could not be written", True
    if code > 128:
        try:
            return f"crashed ({signal.Signals(code - 128).name})", False
        except ValueError:
            return f"ended with status {code}", False
    return last_words or f"ended with status {code}", False
