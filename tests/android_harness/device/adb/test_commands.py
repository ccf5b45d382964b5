"""Framed commands against real shells: a result is exactly the command's output, or it is discarded."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_harness.device.adb.commands import Command, posix_cksum
from collab.errors import ConnectionLostError
from tests.phone.virtual.programs import program

SHELLS = [shell for shell in ("dash", "bash", "mksh") if shutil.which(shell)]
TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=200)


def run(shell: str, command: Command) -> bytes:
    return subprocess.run([shell, "-c", command.text], capture_output=True, check=False, timeout=30).stdout


def test_androids_own_shell_is_among_them() -> None:
    program("mksh")
    assert "mksh" in SHELLS


@pytest.mark.parametrize("shell", SHELLS)
@given(arguments=st.lists(TEXT, max_size=3), status=st.integers(0, 255))
@settings(max_examples=25)
def test_arguments_status_and_both_outputs_come_through(shell: str, arguments: list[str], status: int) -> None:
    command = Command.of('for word in "$@"; do printf "%s\\n" "$word"; printf "%s" "$word" >&2; done; exit ' + str(status), *arguments)
    result = command.result(run(shell, command))
    assert result.status == status
    assert result.stdout.decode() == "".join(f"{argument}\n" for argument in arguments)
    assert result.stderr.decode() == "".join(arguments).rstrip("\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_an_argument_is_never_a_part_of_the_script(shell: str) -> None:
    command = Command.of('printf %s "$1"', "'; echo broken out; '$(echo no)`echo no`")
    assert command.result(run(shell, command)).stdout == b"'; echo broken out; '$(echo no)`echo no`"


@pytest.mark.parametrize("shell", SHELLS)
def test_large_outputs_and_trailing_lines_are_whole(shell: str) -> None:
    line = "line $i with a \\ and so many characters more that it is long"
    script = f'i=0; while [ $i -lt 5000 ]; do printf "%s\\n" "{line}"; i=$((i+1)); done; echo; echo'
    command = Command.of(script)
    stdout = command.result(run(shell, command)).stdout
    assert len(stdout) > 300_000
    assert stdout.endswith(b"long\n\n\n")


@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=200)
def test_cut_or_damaged_output_is_never_believed(cut: int, flip: int, bit: int) -> None:
    command = Command.of("echo result; echo words >&2; exit 5")
    whole = run("dash", command)
    assert command.result(whole).status == 5
    with pytest.raises(ConnectionLostError):
        command.result(whole[: cut % (len(whole) - 1)].rstrip(b"\n") if cut % len(whole) < len(whole) - 2 else b"")
    damaged = bytearray(whole)
    place = flip % len(whole)
    damaged[place] ^= 1 << bit
    try:
        result = command.result(bytes(damaged))
    except ConnectionLostError:
        return
    assert (result.status, result.stdout, result.stderr) == (5, b"result\n", b"words"), "only white space at the very end may differ"


@given(st.binary(max_size=3000))
def test_the_checksum_is_the_one_that_cksum_prints(data: bytes) -> None:
    expected = subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout.split()[0]
    assert posix_cksum(data) == int(expected)
