"""Programs are stopped on Linux as Ctrl-C stops them, and on systems without sessions nothing of it is an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from collab.system.portable import interrupt, kill_with_children

PROGRAM = "import sys, time; print(flush=True); time.sleep(60)"


def started() -> subprocess.Popen[bytes]:
    """A program that runs, in a session of its own."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n"
    return process


def test_a_program_hears_ctrl_c_once_and_later_ones_do_nothing() -> None:
    with started() as process:
        interrupt(process)
        assert process.wait(30) in (-signal.SIGINT, 130)
        interrupt(process)


def test_where_systems_have_no_sessions_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with started() as process:
        with monkeypatch.context() as windows:
            windows.delattr(os, "killpg")
            interrupt(process)
            assert process.poll() is None
        kill_with_children(process)
