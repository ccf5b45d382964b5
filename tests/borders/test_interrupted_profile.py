"""A profile that is killed between any two writes, or whose disk is full, goes on without a sample lost or counted twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from android_harness.protocol.journal import JobFailed, read_journal
from lut.tables import load_tables
from tests.phone.wires.hosts import assert_no_visit_twice, visits

pytestmark = pytest.mark.slow

_KILLED: Final = 9
_MOST_STEPS: Final = 200
_ARGUMENTS: Final = ("--device", "local", "--quick", "--block", "add_8_4x2", "--unit", "cpu:cores=0", "--json")
_DIES_AT_A_STEP: Final = f"""
import os, sys
steps = int(sys.argv.pop(1))

def dying(real):
    def step(*arguments, **options):
        global steps
        steps -= 1
        if steps < 0:
            os._exit({_KILLED})
        return real(*arguments, **options)
    return step

for name in ("fsync", "replace", "rename", "ftruncate", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
from collab.cli import run_app
from profiler.run import app
run_app(app)
"""


def run(out: Path, *more: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "profiler.run", "--out", out, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout if status == 0 else done.stderr


def complete(out: Path) -> dict[str, Any]:
    """Goes on with whatever a killed process has left, as a user would: resumes it, or begins it anew where nothing was begun yet."""
    more = ["--resume"] if (out / "plan.json").exists() else []
    said: dict[str, Any] = json.loads(run(out, *_ARGUMENTS[:1], *_ARGUMENTS[1:2], *more, *(_ARGUMENTS[2:] if not more else ["--json"])))
    return said


def test_killed_between_any_two_writes(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    undisturbed = tmp_path / "undisturbed"
    expected = json.loads(run(undisturbed, *_ARGUMENTS))
    for step in range(_MOST_STEPS):
        out = tmp_path / str(step)
        command = [sys.executable, "-c", _DIES_AT_A_STEP, str(step), "--out", str(out), *_ARGUMENTS]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == _KILLED, done.stderr
        said = complete(out)
        assert (said["blocks"], said["failed"]) == (expected["blocks"], 0), step
        assert load_tables(out).blocks
        assert_no_visit_twice(out)
        assert set(visits(out)) == set(visits(undisturbed)), step
    else:
        raise AssertionError("the profile never came to its end")
    assert step > 10, "there are more writes than that"


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own is for root")
def test_a_full_disk_loses_no_sample(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], check=True)
    try:
        out = disk / "luts"
        for _ in range(2):
            more = ["--resume"] if (out / "plan.json").exists() else _ARGUMENTS[2:-1]
            said = run(out, "--device", "local", *more, status=2)
            assert str(disk) in said
            assert "make room" in said
        if (out / "journal.jsonl").exists():
            assert not [event for event in read_journal(out / "journal.jsonl") if isinstance(event, JobFailed)], "no model is to blame"
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert complete(out)["failed"] == 0
        assert_no_visit_twice(out)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
