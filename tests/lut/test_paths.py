"""Paths of hand-overs: who copies by which."""

from __future__ import annotations

import pytest

from lut.paths import BY_COST, PATHS, REQUESTABLE_PATHS, copies_in, copies_out


@pytest.mark.parametrize(
    ("path", "sender", "receiver"),
    [("shared", False, False), ("readback", True, False), ("upload", False, True), ("memcpy", True, True)],
)
def test_a_path_says_which_side_copies(path: str, sender: bool, receiver: bool) -> None:
    assert (copies_out(path), copies_in(path)) == (sender, receiver)


def test_every_path_has_a_place_among_the_others_and_fewer_copies_come_first() -> None:
    assert set(BY_COST) == set(PATHS)
    copies = [copies_out(path) + copies_in(path) for path in BY_COST]
    assert copies == sorted(copies)
    assert set(REQUESTABLE_PATHS) <= set(PATHS)
