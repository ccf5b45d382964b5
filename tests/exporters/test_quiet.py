"""What libraries print is kept off the terminal, and afterwards everything is printed again."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from exporters.quiet import quiet

NOISE = """
import os, subprocess, sys
from exporters.quiet import quiet

print("before")
with quiet():
    print("swallowed")
    print("swallowed", file=sys.stderr)
    os.write(1, b"swallowed")
    os.write(2, b"swallowed")
    subprocess.run(["sh", "-c", "echo swallowed; echo swallowed >&2"], check=True)
print("after")
print("after", file=sys.stderr)
"""


def test_python_native_code_and_children_are_silenced_and_heard_again() -> None:
    # In a process of its own: pytest's capturing puts other files in the place of Python's.
    done = subprocess.run([sys.executable, "-c", NOISE], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "after\n")


def test_warnings_are_swallowed_even_where_they_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            warnings.warn("nobody minds", stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn("somebody does", stacklevel=1)


def test_an_error_inside_comes_out_and_the_outputs_are_back(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with quiet():
            os.write(1, b"swallowed")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    os.write(1, b"heard")
    assert capfd.readouterr().out == "heard"


def test_it_leaves_no_descriptor_open() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with quiet():
        pass
    before = count()
    for _ in range(5):
        with quiet():
            pass
    assert count() == before
