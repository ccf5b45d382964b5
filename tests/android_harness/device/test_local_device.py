"""This machine's shell and files, as those of a device."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.local_device import LocalDevice
from collab.errors import DeviceError

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


@given(st.lists(WORDS, max_size=3), st.integers(0, 255))
def test_arguments_status_and_both_outputs_come_through(words: list[str], status: int) -> None:
    script = f'for word in "$@"; do printf "%s" "$word"; printf "%s" "$word" >&2; done; exit {status}'
    result = LocalDevice().shell(script, *words)
    assert (result.status, result.stdout.decode(), result.stderr.decode()) == (status, "".join(words), "".join(words))


def test_a_script_reads_nothing_and_is_not_waited_for_forever() -> None:
    assert LocalDevice().shell("cat").stdout == b""
    with pytest.raises(DeviceError, match="not through within 0 s"):
        LocalDevice().shell("exec sleep 60", timeout_s=0.2)


@pytest.mark.parametrize("argument", ["a\0b", "x" * (1 << 22)], ids=["NUL", "too long"])
def test_what_no_program_can_be_given_is_one_sentence(argument: str) -> None:
    with pytest.raises(DeviceError, match="cannot be started") as refused:
        LocalDevice().shell("true", argument)
    assert len(str(refused.value)) < 300


def test_files_are_copied_both_ways(tmp_path: Path) -> None:
    content = bytes(range(256)) * 99
    (tmp_path / "a").write_bytes(content)
    LocalDevice().push(tmp_path / "a", str(tmp_path / "b"))
    LocalDevice().pull(str(tmp_path / "b"), tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == content
    with pytest.raises(DeviceError, match=r"nowhere cannot be copied to .* \(No such file"):
        LocalDevice().pull(str(tmp_path / "nowhere"), tmp_path / "d")
