"""Commands as a user runs them, in processes of their own, against phones behind either kind of connection."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from android_harness.protocol.journal import CollabDone, HandoverDone, JobFailed, PhaseStarted, TimeDone, read_journal
from android_harness.protocol.visit_groups import counting_events
from tests.phone.virtual.virtual_phone import VirtualPhone

ROOT = "/data/local/tmp/syncnas"


@dataclass(frozen=True)
class Finished:
    """Result of a command that has ended."""

    status: int
    stdout: str
    stderr: str


class Host:
    """Computer with a home of its own; `adb_port` is the port of its adb server, or one where none listens."""

    def __init__(self, home: Path, *, adb_port: int = 1) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._environment: Mapping[str, str] = {**os.environ, "HOME": str(home), "ANDROID_ADB_SERVER_PORT": str(adb_port)}

    def start(self, module: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, module: str, *arguments: object, timeout_s: float = 300) -> Finished:
        return finish(self.start(module, *arguments), timeout_s=timeout_s)

    def json(self, module: str, *arguments: object, timeout_s: float = 300) -> dict[str, Any]:
        """Runs a command that must succeed, and returns the object that it prints with --json."""
        done = self.run(module, *arguments, "--json", timeout_s=timeout_s)
        assert done.status == 0, done.stdout + done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document


def finish(process: subprocess.Popen[str], *, timeout_s: float = 300) -> Finished:
    stdout, stderr = process.communicate(timeout=timeout_s)
    assert "Traceback" not in stderr, stderr
    return Finished(process.returncode, stdout, stderr)


def rows(out: Path) -> dict[tuple[str, ...], str]:
    """Returns the status of every row of a profile's tables, by unit and block or by units, shape, path, wait and pacing."""
    with (out / "blocks.csv").open() as file:
        blocks: dict[tuple[str, ...], str] = {("block", row["unit"], row["block"]): row["status"] for row in csv.DictReader(file)}
    with (out / "transfers.csv").open() as file:
        keys = ("from", "to", "shape", "path", "wait", "pacing")
        transfers = {("transfer", *(row[key] for key in keys)): row["status"] for row in csv.DictReader(file)}
    return {**blocks, **transfers}


def usable(out: Path) -> dict[tuple[str, ...], bool]:
    """Tells of each row whether it has numbers; ok and unstable both count, as noise alone decides between them."""
    return {key: status in ("ok", "unstable") for key, status in rows(out).items()}


def visits(out: Path) -> Counter[str]:
    """Returns the number of visits of each job that count."""
    counting = counting_events(read_journal(out / "journal.jsonl"))
    return Counter(event.job for event in counting if isinstance(event, (TimeDone, HandoverDone, CollabDone)))


def assert_no_visit_twice(out: Path) -> None:
    """Asserts that the journal holds no visit twice within a phase."""
    seen: set[tuple[int, str, int, int]] = set()
    phase = 0
    for event in read_journal(out / "journal.jsonl"):
        if isinstance(event, PhaseStarted):
            phase += 1
        elif isinstance(event, (TimeDone, HandoverDone, CollabDone)):
            key = (phase, event.job, event.round, event.t_ns)
            assert key not in seen, key
            seen.add(key)


def failures(out: Path) -> list[JobFailed]:
    return [event for event in read_journal(out / "journal.jsonl") if isinstance(event, JobFailed)]


def wait_for_visits(out: Path, count: int, process: subprocess.Popen[str], *, timeout_s: float = 120) -> None:
    """Waits until the journal here holds `count` visits."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        journal = out / "journal.jsonl"
        if journal.exists() and journal.read_bytes().count(b'{"event":"done"') >= count:
            return
        assert process.poll() is None, finish(process)
        time.sleep(0.02)
    raise AssertionError("nothing is measured")


def runner_pid(phone: VirtualPhone) -> int:
    """Returns the runner's process number in the phone, once it runs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in phone.path(f"{ROOT}/phases").glob("*/runner.pid"):
            text = file.read_text().strip()
            if text and any(process.pid == int(text) for process in phone.processes()):
                return int(text)
        time.sleep(0.02)
    raise AssertionError("no runner runs")


def is_through(phone: VirtualPhone) -> bool:
    """Tells whether the runner has carried out its phase to the end."""
    [folder] = phone.path(f"{ROOT}/phases").iterdir()
    return (folder / "exit").exists() and (folder / "exit").read_text().strip() == "0"


def kill_runner(phone: VirtualPhone, how: signal.Signals = signal.SIGKILL) -> None:
    phone.kill(runner_pid(phone), how)


@contextmanager
def held_runner(phone: VirtualPhone) -> Iterator[None]:
    """Suspends the runner, so that it cannot end before an event of the test, however slow this machine is."""
    pid = runner_pid(phone)
    phone.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        phone.kill(pid, signal.SIGCONT)
