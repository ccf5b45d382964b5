"""Paths on devices: all below one folder, none within another's."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.layout import PHONE_ROOT, Layout, layout_of

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)


@given(NAMES, NAMES)
def test_everything_lies_below_the_root_and_apart_from_the_rest(one: str, other: str) -> None:
    layout = Layout("/data/x")
    paths = [layout.store, layout.phase(one), layout.kit(one), layout.lock, layout.saved_settings, layout.deployed(one)]
    assert all(PurePosixPath(path).is_relative_to("/data/x") and path != "/data/x" for path in paths)
    assert not any(PurePosixPath(inner).is_relative_to(outer) for inner, outer in permutations(paths, 2))
    assert PurePosixPath(layout.phase(one)).parent == PurePosixPath(layout.phases)
    for folder_of in (layout.phase, layout.kit, layout.deployed):
        assert (folder_of(one) == folder_of(other)) == (one == other)


@pytest.mark.parametrize("name", ["R58M", "10.0.0.7:5555", "", "LOCAL"])
def test_phones_have_the_folder_that_may_be_written_and_executed(name: str) -> None:
    assert layout_of(name) == Layout() == Layout(PHONE_ROOT)
    assert layout_of(name).root.startswith("/data/local/tmp/")


def test_this_machine_has_a_folder_in_the_user_s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    root = layout_of("local").root
    assert root == str(tmp_path / ".cache" / "syncnas" / "device")
    assert not Path(root).exists(), "asking for a path makes nothing"
