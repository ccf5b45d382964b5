"""Where a user's caches lie: where they always did on Linux, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.system.caches import cache_folder


@pytest.fixture(name="home", autouse=True)
def an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize("setting", [None, "", "relative/folder"])
def test_it_is_in_the_home_unless_another_folder_is_set(home: Path, setting: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if setting is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", setting)
    assert cache_folder("device") == home / ".cache" / "syncnas" / "device"
    assert not home.exists(), "asking for a path makes nothing"


def test_a_folder_that_is_set_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder("aar") == tmp_path / "elsewhere" / "syncnas" / "aar"
