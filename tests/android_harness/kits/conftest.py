"""Fixtures of the kits' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.android_harness.kits.made_aars import compile_libraries


@pytest.fixture(name="home")
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces the home by an empty one, so that the machine's own caches are not seen; returns it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GRADLE_USER_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="module", name="made")
def made_libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return compile_libraries(tmp_path_factory.mktemp("libraries"))
