"""Archives: members are taken out under names of our own, whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.kits import archives
from android_harness.kits.archives import member_names, unpack
from collab.errors import DeviceError, StorageError

MEMBERS = st.dictionaries(st.from_regex(r"[a-z./]{1,12}[a-z]", fullmatch=True), st.binary(max_size=3000), min_size=1, max_size=5)


def write_zip(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Writes an archive of these members; returns its path."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@given(MEMBERS, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), st.data())
def test_the_chosen_members_come_out_under_the_names_that_we_give(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes], method: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("archives")
    archive = write_zip(folder / "some.zip", members, method)
    assert sorted(member_names(archive)) == sorted(members), "such as ../x: they become no paths"
    wanted = data.draw(st.lists(st.sampled_from(sorted(members)), unique=True))
    unpack(archive, {member: f"file{number}" for number, member in enumerate(wanted)}, folder / "deep" / "out")
    out = {path.name: path.read_bytes() for path in (folder / "deep" / "out").iterdir()}
    assert out == {f"file{number}": members[member] for number, member in enumerate(wanted)}
    assert sorted(path.name for path in folder.iterdir()) == ["deep", "some.zip"]
    assert [path.name for path in (folder / "deep").iterdir()] == ["out"], "nothing half-written is left"


def test_a_folder_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "some.zip", {"a": b"new"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"old")
    unpack(archive, {"a": "a"}, tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"old"
    unpack(tmp_path / "gone.zip", {"a": "a"}, tmp_path / "out")


def test_a_member_that_is_missing_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "some.zip", {"a": b"1"})
    with pytest.raises(DeviceError, match=r"some\.zip holds no b$"):
        unpack(archive, {"a": "a", "b": "b"}, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["some.zip"]


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_zip(tmp_path / "some.zip", {str(number): b"" for number in range(6)})
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    with pytest.raises(DeviceError, match="holds more than 5 files; is it the right one"):
        member_names(archive)


def test_a_folder_that_cannot_be_made_is_the_disk_s_fault(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "some.zip", {"a": b"1"})
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"):
        unpack(archive, {"a": "a"}, tmp_path / "file" / "out")


def test_all_that_is_taken_out_of_one_archive_is_bounded_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 4 << 20)
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(str(number), bytes(3 << 20))
    with pytest.raises(DeviceError, match=r"many\.zip: 1 has more than 1 MiB"):
        unpack(path, {"0": "0", "1": "1", "2": "2"}, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["many.zip"]
