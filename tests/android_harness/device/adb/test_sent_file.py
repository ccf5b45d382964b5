"""Files that are sent: every byte is read, and told of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from android_harness.device.adb.sent_file import sent_file


@given(size=st.integers(0, 300_000), chunk=st.integers(1000, 100_000))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_is_read_is_told(size: int, chunk: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "file").write_bytes(content)
    told: list[int] = []
    with sent_file(tmp_path / "file", told.append) as file:
        assert b"".join(iter(lambda: file.read(chunk), b"")) == content
    assert told == sorted(set(told))
    assert told[-1:] == [size][: size > 0]


def test_what_the_receiver_raises_ends_the_sending(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)

    def stop(_sent_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), sent_file(tmp_path / "file", stop) as file:
        file.read(100_000)
    assert file.closed
