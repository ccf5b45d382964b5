"""Several phones from Python: those that cannot be reached, and what callbacks raise."""

from __future__ import annotations

from pathlib import Path

import pytest

import syncnas

PHONES = ["127.0.0.1:1", "127.0.0.1:2"]
"""Addresses where nobody listens."""


def test_phones_that_cannot_be_reached_have_a_sentence_each(tmp_path: Path) -> None:
    notes: list[str] = []
    fleet = syncnas.profile_devices(blocks=["add_8_4x2"], devices=PHONES, out=tmp_path, quick=True, on_note=notes.append)
    assert [phone.device for phone in fleet] == PHONES
    assert fleet.failed == fleet.profiles
    assert all(phone.error and "Traceback" not in phone.error and phone.tables is None for phone in fleet)
    assert [phone.folder for phone in fleet] == [tmp_path / "127.0.0.1_1", tmp_path / "127.0.0.1_2"]
    assert {note.partition(": ")[0] for note in notes} == set(PHONES)
    assert list(fleet.frame()["device"]) == PHONES
    assert "127.0.0.1:2" in fleet._repr_html_()


def test_what_a_callback_raises_is_raised_once_all_have_ended(tmp_path: Path) -> None:
    def refuse(note: str) -> None:
        raise RuntimeError(f"a widget that is gone: {note}")

    with pytest.raises(RuntimeError, match=r"a widget that is gone: 127\.0\.0\.1:[12]: "):
        syncnas.profile_devices(blocks=["add_8_4x2"], devices=PHONES, out=tmp_path, quick=True, on_note=refuse)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"devices": [PHONES[0], PHONES[0]]}, "is given twice"),
        ({"devices": "local"}, "profile this machine by itself"),
        ({"devices": PHONES, "hot_at": "boiling"}, "hot_at boiling"),
        ({"devices": PHONES, "budget_s": 0}, "budget_s=0"),
        ({"devices": PHONES, "models": "no_such_model"}, "no_such_model"),
        ({"devices": PHONES, "blocks": ["no_such_block"]}, "no_such_block"),
        ({"devices": PHONES, "units": ["cpu:threads=none"]}, "none"),
        ({"devices": PHONES, "transfer_bytes": [3]}, "multiples of 4"),
        ({"devices": PHONES, "wait": "sleep"}, "sleep"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_starts(options: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(syncnas.ConfigError, match=words):
        syncnas.profile_devices(out=tmp_path / "luts", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "luts").exists()
