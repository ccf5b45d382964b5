"""A phase in the hands of a runner on a device, followed from here."""

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
from android_harness.targets.base import JOURNAL_LOST
from android_harness.targets.cursor import forget_cursor
from collab.errors import DeviceError
from collab.files import append_whole, sha256_of, writing
from collab.names import shown

JOURNAL_FILE: Final = "journal.jsonl"
_CHUNK_BYTES: Final = 1 << 18
_STEP_S: Final = 0.2
_MOST_STEPS: Final = 10
"""Each look costs the device some ten processes, and each step of waiting one; rarely enough not to be felt in medians."""

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
"""After the runner has ended: a supervisor that was killed may have left it behind, and what it writes then is read only so often."""
_MISSING: Final = "missing"


class RemoteRun:
    """Follows a phase by the offset in its journal; what was read is in the journal here before anybody is told of it.

    Args:
        begin: where the phase's lines begin in `journal`.
        outputs: files of the phase's folder on the device, and where they belong here.
        on_interrupted: told when the runner was ended from outside: what was on the device may be gone as well.
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
        """Events as the journal grows; when it is interrupted, a second call goes on where the first one was."""
        steps = 0
        state = "running"
        while state == "running":
            state = self._fetch(steps)
            yield from self._tail.new_events()
            steps = min(steps + 1, _MOST_STEPS)
        for _ in range(_MOST_LATE_LOOKS):
            if state == _MISSING or not self._is_longer_there():
                break
            self._fetch(0)
            yield from self._tail.new_events()
        self._conclude(state)

    def _fetch(self, steps: int) -> str:
        """Appends what is new to the journal here; gives the runner's state: running, its exit status, gone or missing.

        Waits on the device, for so many steps while the runner runs: its end is seen at once.
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
        """The device's copy goes last, when all of it is on the disk here."""
        if state == "0":
            self._fetch_outputs()
        else:
            words = self._device.shell(_LAST_WORDS, self._folder).text.splitlines()
            self.exit_reason, self.interrupted = _reason(state, words[-1] if words else "")
        self._device.shell(_REMOVE, self._folder)
        forget_cursor(self._journal)
        if self.interrupted:
            self._on_interrupted()

    def _is_longer_there(self) -> bool:
        """Holds what was read against what the device has; whether it has more. What is here beyond that stays: a restart may cost a device
        the end of its journal, which had been read before.

        Raises:
            DeviceError: they differ. What is here of the phase is taken out again, and the device's copy stays: it is read anew when the
                profile goes on.
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
        raise DeviceError(f"{self._device.serial}: the journal arrived damaged; it is still on the device, and --resume reads it again")

    def _fetch_outputs(self) -> None:
        for name, target in self._outputs.items():
            if self._device.shell('[ -e "$1" ]', f"{self._folder}/{name}").status == 0:
                fetch(self._device, f"{self._folder}/{name}", target)

    def stop(self) -> None:
        """Asks the runner to end after the running visit."""
        self._device.shell(_STOP, self._folder)


def fetch(device: Device, source: str, target: Path, *, tries: int = 4) -> None:
    """Pulls a file and compares its checksum.

    Raises:
        DeviceError: it arrives damaged time and again, or is not there.
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
    """How a runner ended that did not come to its end, and whether that was the device's doing rather than a job's."""
    if state == _MISSING:
        return "the phase is no longer on the device", True
    if state == "gone":
        return "the device was restarted, or ended all that the harness had started there", True
    code = int(state) if state.isdigit() else 255
    if code == JOURNAL_LOST:
        return last_words or "the journal could not be written", True
    if code > 128:
        try:
            return f"crashed ({signal.Signals(code - 128).name})", False
        except ValueError:
            return f"ended with status {code}", False
    return last_words or f"ended with status {code}", False
