"""What a runner and a device say: journals, cursors, framed answers and listings, damaged in any way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from android_harness.device.adb.commands import Command, posix_cksum
from android_harness.device.base import OnSent, ShellResult, ignored
from android_harness.protocol import journal as journals
from android_harness.protocol.journal import TimeDone, parse_line
from android_harness.protocol.phases import Phase, Repeat, TimeJob
from android_harness.targets.cursor import Cursor, forget_cursor, load_cursor
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from android_harness.targets.push import push_files
from collab.errors import ConnectionLostError, DeviceError, JournalError
from collab.units import UnitSpec
from exporters.tflite_route import write_relu
from profiler.samples import read_store
from tests.android_harness.protocol.made_lines import LINES, TIME
from tests.borders.fuzzing import fuzz
from tests.borders.mutation import mutate_bytes, mutate_document, to_json


def hostile_journal(generator: random.Random) -> bytes:
    """Whole lines, some of them changed or damaged."""
    lines = [line for line in LINES if generator.random() < 0.9]
    if generator.random() < 0.3:
        generator.shuffle(lines)
    texts = [to_json(mutate_document(line, generator, most=1) if generator.random() < 0.1 else line) + b"\n" for line in lines]
    whole = b"".join(texts)
    return mutate_bytes(whole, generator, most=1) if generator.random() < 0.3 else whole


def test_journals(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        store = read_store(path)
        assert store.elapsed_ns >= 0
        assert all(min(samples.pooled("run"), default=1) > 0 for samples in store.jobs.values() if samples.times)

    counts = fuzz("journal", hostile_journal, feed)
    assert min(counts["accepted"], counts["refused"]) > 0


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (4, {"samples": {**TIME["samples"], "run_ns": [0, 0]}}),
        (4, {"samples": {**TIME["samples"], "run_ns": [1, 10**18]}}),
        (4, {"samples": {**TIME["samples"], "run_ns": [1, 1e300]}}),
        (4, {"create_ns": 10**400}),
        (4, {"temperature_mc": 10**25}),
        (0, {"unix_ns": 1e25}),
        (0, {"unix_ns": 10**25}),
        (0, {"engines": []}),
        (0, {"protocol": 0}),
        (0, {"protocol": 10**7}),
        (0, {"protocol": "2"}),
        (0, {"conditions": {"clocks": 1}}),
        (0, {"conditions": {"clocks": "x" * 5000}}),
        (0, {"conditions": {str(number): "x" for number in range(66)}}),
        (6, {"total_ns": [0, 0]}),
        (8, {"caps_khz": [1]}),
        (10, {"stopped": ["hot"]}),
    ],
)
def test_values_that_nothing_measured_are_named(number: int, change: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match=r"^here: not a line of a journal \(.*" + next(iter(change)).removesuffix("_ns")):
        parse_line(to_json({**LINES[number], **change}), where="here")


def test_cursors(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"x" * 100)
    cursor = Cursor("0123456789ab", "0123456789abcdef", 7)
    cursor.save(journal)
    assert load_cursor(journal) == cursor
    kept = (tmp_path / ".journal.jsonl.phase").read_bytes()

    def feed(data: bytes) -> None:
        (tmp_path / ".journal.jsonl.phase").write_bytes(data)
        found = load_cursor(journal)
        assert found is None or found.begin <= 100

    fuzz("cursor", lambda generator: mutate_bytes(kept, generator), feed)
    forget_cursor(journal)
    assert load_cursor(journal) is None


def test_framed_answers() -> None:
    command = Command.of("true")
    token = command.token.encode()
    frame = b"out" + token + b"0" + token + b"err"
    answer = frame + b"\n" + token + b" %d %d" % (posix_cksum(frame), len(frame))
    assert command.result(answer) == ShellResult(0, b"out", b"err")

    def feed(data: bytes) -> None:
        assert command.result(data) in (ShellResult(0, b"out", b"err"), ShellResult(0, b"", b"")), "nothing that is damaged is believed"

    def make(generator: random.Random) -> bytes:
        return mutate_bytes(answer, generator, most=2) if generator.random() < 0.9 else answer

    counts = fuzz("framed answer", make, feed)
    assert min(counts["accepted"], counts["refused"]) > 0
    with pytest.raises(ConnectionLostError):
        command.result(frame + b"\n" + token + b" " + b"9" * 5000 + b" 3")


class HostileDevice:
    """A device that takes every file and answers every command with the same bytes."""

    serial, way = "hostile", "a wire"

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def shell(self, script: str, *arguments: str, timeout_s: float = 0) -> ShellResult:
        return ShellResult(0, self._answer, b"")

    def push(self, source: Path, target: str, on_sent: OnSent = ignored) -> None:
        """Takes it."""

    def pull(self, source: str, target: Path) -> None:
        target.write_bytes(self._answer)

    def close(self) -> None:
        """Stays."""


def test_listings_of_a_device(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"x")
    sha = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    listing = f"/dev/x 1000 10 99999 1% /data\n{sha}  ./a\n==\n1  ./a\n".encode()

    def feed(data: bytes) -> None:
        push_files(HostileDevice(data), "/data/x", {"a": source}, budget_bytes=1 << 30, prune=True)

    counts = fuzz("listing of a device", lambda generator: mutate_bytes(listing, generator, most=2), feed)
    assert min(counts["accepted"], counts["refused"]) > 0


def test_a_name_that_no_system_takes_is_named(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"x")
    with pytest.raises(DeviceError, match="more than 255 bytes"):
        push_files(HostileDevice(b""), "/data/x", {"ä" * 128: source}, budget_bytes=1 << 30)


def test_a_job_of_any_name_is_only_a_name(device: LocalTarget, tmp_path: Path) -> None:
    model = tmp_path / "relu.tflite"
    model.write_bytes(write_relu((1, 2, 2, 4)))
    name = "../../" + "x" * 300 + "/\x1b[2J"
    unit = {"cpu0": UnitSpec("cpu").on_cores(device.info.cores[:1])}
    events: list[journals.Event] = []
    folder = tmp_path / "inside"
    folder.mkdir()
    job = TimeJob(name, "cpu0", model, warmup=0, runs=1)
    assert execute(device, Phase("p", unit, (job,), Repeat(1, 1)), folder / "journal.jsonl", events.append)
    assert [event.job for event in events if isinstance(event, TimeDone)] == [name]
    assert {path.name for path in tmp_path.iterdir()} == {"relu.tflite", "inside"}
