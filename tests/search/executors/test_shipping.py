"""Evaluators that are packed with their files and unpacked elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from collab.errors import SyncNasError
from search.executors.shipping import own_folder, ship
from tests.search.workers import Known


@pytest.mark.parametrize("kind", ["link", "file", "open to others"])
def test_files_are_not_unpacked_where_others_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place, target = tmp_path / "syncnas-x", tmp_path / "target"
    target.mkdir()
    if kind == "link":
        place.symlink_to(target)
    elif kind == "file":
        place.write_text("")
    else:
        place.mkdir()
        place.chmod(0o777)
    with pytest.raises(SyncNasError, match=r"syncnas-x is no folder of this user's alone.* remove it"):
        own_folder("syncnas-x")
    assert list(target.iterdir()) == []
    assert own_folder("syncnas-y").stat().st_mode & 0o777 == 0o700


@dataclass(frozen=True)
class InFolder(Known):
    folder: Path | None = None

    def in_folder(self, folder: Path) -> InFolder:
        return replace(self, folder=folder)


def test_what_was_unpacked_and_damaged_is_unpacked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = tmp_path / "source"
    source.mkdir()
    (source / "supernet.pth").write_bytes(b"weights")
    (source / ".supernet.pth.x.new").write_bytes(b"left by a process that was killed")
    shipped = ship(InFolder({}, source))
    for damage in (b"", b"WEIGHTS"):
        unpacked = shipped.unpacked()
        assert isinstance(unpacked, InFolder)
        assert unpacked.folder is not None
        assert [path.name for path in unpacked.folder.iterdir()] == ["supernet.pth"]
        assert (unpacked.folder / "supernet.pth").read_bytes() == b"weights"
        (unpacked.folder / "supernet.pth").write_bytes(damage)
    assert shipped.unpacked() is not None
    assert (unpacked.folder / "supernet.pth").read_bytes() == b"weights"
