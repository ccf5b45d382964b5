"""What a runner and a device say: journals, cursors, framed answers and listings, damaged in any way."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.adb.commands import Command, posix_cksum
from android_harness.device.base import ShellResult, whole_number
from android_harness.protocol import journal as journals
from android_harness.protocol.journal import JobFailed, StateChecked, TimeDone, TimeSamples, parse_line
from android_harness.protocol.journal_tail import JournalTail, cut_to_whole_lines
from android_harness.protocol.phases import Phase, Repeat, TimeJob
from android_harness.targets.cursor import Cursor, forget_cursor, load_cursor
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from android_harness.targets.push import push_files
from collab.errors import ConnectionLostError, DeviceError, JournalError
from collab.units import UnitSpec
from exporters.tflite_route import write_relu
from profiler.samples import read_store
from tests.android_harness.protocol.test_journal import COLLAB, TIME, TRANSFER
from tests.borders.fuzzing import fuzz
from tests.borders.mutation import mutate_bytes, mutate_document, to_json

LINES: list[dict[str, Any]] = [
    {"event": "phase", "format": 1, "phase": "p", "runner": "0.1.0", "abi": "x", "t_ns": 0, "unix_ns": 9, "engines": {"litert": "2"}},
    {"event": "unit", "unit": "cpu0", "cores": [0], "t_ns": 0},
    {"event": "unit_failed", "unit": "gpu0", "reason": "no driver"},
    {"event": "start", "job": "b", "round": 0, "t_ns": 1},
    TIME,
    TRANSFER,
    COLLAB,
    {"event": "failed", "job": "x", "round": 0, "t_ns": 3, "reason": "cannot read"},
    {
        "event": "state",
        "t_ns": 9,
        "since_ns": 1,
        "temperature_mc": 1,
        "thermal_status": 0,
        "caps_khz": {"cpu0": [0, None]},
        "slowdown": 0.1,
        "hot": None,
    },
    {"event": "cooled", "t_ns": 0, "waited_ns": 0, "temperature_mc": None},
    {"event": "end", "phase": "p", "t_ns": 0, "visits": 1, "failed": 0, "sampled_ns": 0, "created_ns": 0, "stopped": None},
]


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
        (6, {"total_ns": [0, 0]}),
        (8, {"caps_khz": [1]}),
        (10, {"stopped": ["hot"]}),
    ],
)
def test_values_that_nothing_measured_are_named(number: int, change: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match=r"^here: not a line of a journal \(.*" + next(iter(change)).removesuffix("_ns")):
        parse_line(to_json({**LINES[number], **change}), where="here")


NS = st.integers(0, 10**12)
LATENCY = st.integers(1, 10**12)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@st.composite
def visits(draw: st.DrawFn) -> TimeDone:
    count = draw(st.integers(1, 4))
    arrays = {
        name: tuple(draw(st.lists(LATENCY if name in ("run", "total") else NS, min_size=count, max_size=count))) for name in TIME_FIELDS
    }
    return TimeDone(
        draw(TEXT),
        draw(st.integers(0, 10_000)),
        draw(st.integers(0, 2**63 - 1)),
        draw(st.none() | NS),
        draw(st.none() | NS),
        draw(st.booleans()),
        TimeSamples(**arrays),
        tuple(draw(st.lists(st.none() | st.integers(0, 10**7), max_size=3))),
        draw(st.none() | st.integers(-273_150, 10**6)),
    )


TIME_FIELDS = TimeSamples.__struct_fields__


@given(visits())
def test_a_visit_is_read_back_as_it_was_written(visit: TimeDone) -> None:
    document = {"event": "done", "kind": "time", **msgspec.to_builtins(visit)}
    assert parse_line(json.dumps(document).encode(), where="x") == visit


@given(TEXT, st.none() | st.floats(-1e300, 1e300), st.none() | TEXT)
def test_other_lines_are_read_back_as_they_were_written(reason: str, slowdown: float | None, hot: str | None) -> None:
    failed, state = JobFailed("j", 1, reason), StateChecked(1, 2, None, 0, {"cpu0": (None, 1)}, slowdown, hot)
    for name, event in (("failed", failed), ("state", state)):
        assert parse_line(json.dumps({"event": name, **msgspec.to_builtins(event)}).encode(), where="x") == event


@given(st.lists(st.binary(max_size=9).map(lambda data: data.replace(b"\n", b"")), max_size=5), st.binary(max_size=200_000))
def test_a_cut_off_line_is_taken_off_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, whole: list[bytes], cut: bytes) -> None:
    path = tmp_path_factory.mktemp("cut") / "journal.jsonl"
    kept = b"".join(line + b"\n" for line in whole)
    path.write_bytes(kept + cut.replace(b"\n", b""))
    assert cut_to_whole_lines(path) == len(kept)
    assert path.read_bytes() == kept


def test_a_tail_takes_up_where_it_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(to_json(LINES[3]) + b"\n{}\n")
    tail = JournalTail(path, 0)
    events = tail.new_events()
    assert next(events) == journals.JobStarted("b", 0, 1)
    with pytest.raises(JournalError):
        next(events)


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

    def push(self, source: Path, target: str) -> None:
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


def test_a_name_that_no_archive_takes_is_named(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"x")
    with pytest.raises(DeviceError, match="more than 100 bytes"):
        push_files(HostileDevice(b""), "/data/x", {"ä" * 51: source}, budget_bytes=1 << 30)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "²", "٣", "9" * 19, "9" * 5000, "1 ", "0x1"])
def test_odd_numbers_are_none(text: str) -> None:
    assert whole_number(text) is None
    assert whole_number("9" * 18) == 10**18 - 1


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
