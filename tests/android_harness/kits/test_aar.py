"""AARs: those in caches, the files that are unpacked, and those that are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from android_harness.kits import archives
from android_harness.kits.aar import cached_aars, engine_libraries, engines_in, given_aar
from android_harness.kits.android_engines import find_engines
from collab.errors import DeviceError
from tests.android_harness.cross import write_aar
from tests.android_harness.kits.made_aars import ABI, LITERT, gradle, maven

pytestmark = pytest.mark.usefixtures("home")


def test_the_library_and_its_accelerators_are_taken_and_nothing_else(made: dict[str, Path], tmp_path: Path) -> None:
    path = write_aar(
        tmp_path / "litert-2.1.6.aar",
        {
            f"jni/{ABI}/libLiteRt.so": made["new"],
            f"jni/{ABI}/libLiteRtClGlAccelerator.so": made["gpu"],
            f"jni/{ABI}/liblitert_jni.so": made["new"],
            f"jni/{ABI}/../libLiteRtEvilAccelerator.so": made["new"],
            "jni/x86_64/libLiteRt.so": made["wrong"],
            "../../libLiteRt.so": made["wrong"],
        },
    )
    aar = given_aar(path)
    assert engines_in(aar, ABI) == ("litert",)
    taken = engine_libraries(aar, "litert", ABI)
    assert set(taken.files) == {"libLiteRt.so", "libLiteRtClGlAccelerator.so"}
    assert taken.accelerated
    assert taken.files["libLiteRt.so"].read_bytes() == made["new"].read_bytes()
    assert aar.origin.title == "litert 2.1.6 (AAR)"
    assert sorted(file.name for file in taken.files["libLiteRt.so"].parent.iterdir()) == sorted(taken.files)


def test_what_was_unpacked_is_used_again_and_another_content_is_not_mixed_up(made: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "litert-2.1.6.aar"
    first = engine_libraries(given_aar(write_aar(path, {f"jni/{ABI}/libLiteRt.so": made["new"]})), "litert", ABI)
    stamp = first.files["libLiteRt.so"].stat().st_mtime_ns
    again = engine_libraries(given_aar(path), "litert", ABI)
    assert again.files == first.files
    assert again.files["libLiteRt.so"].stat().st_mtime_ns == stamp
    write_aar(path, {f"jni/{ABI}/libLiteRt.so": made["new"], f"jni/{ABI}/libLiteRtClGlAccelerator.so": made["gpu"]})
    assert engine_libraries(given_aar(path), "litert", ABI).accelerated


@pytest.mark.parametrize(
    ("library", "reason"), [("old", r"lacks LiteRtCreateModelFromFd; .*2\.1\.6 or newer"), ("wrong", "is made for x86_64")]
)
def test_libraries_that_the_runner_cannot_use_are_refused(made: dict[str, Path], tmp_path: Path, library: str, reason: str) -> None:
    aar = given_aar(write_aar(tmp_path / "litert-2.0.2.aar", {f"jni/{ABI}/libLiteRt.so": made[library]}))
    with pytest.raises(DeviceError, match=reason):
        find_engines(ABI, [aar])


def test_an_aar_without_any_runtime_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="holds no runtime library for arm64-v8a"):
        find_engines(ABI, [given_aar(write_aar(tmp_path / "material.aar", {}))])
    with pytest.raises(DeviceError, match=r"no AAR .*nothing\.aar"):
        given_aar(tmp_path / "nothing.aar")


def test_damaged_archives_are_one_sentence(made: dict[str, Path], tmp_path: Path) -> None:
    whole = write_aar(tmp_path / "whole.aar", {f"jni/{ABI}/libLiteRt.so": made["new"]}).read_bytes()
    damaged = bytearray(whole)
    data = whole.index(b"libLiteRt.so") + 200
    damaged[data : data + 64] = bytes(64)
    contents = {"empty": b"", "text": b"<html>404</html>", "cut": whole[: len(whole) // 2], "altered": bytes(damaged)}
    for name, content in contents.items():
        path = tmp_path / f"{name}.aar"
        path.write_bytes(content)
        with pytest.raises(DeviceError, match=rf"{name}\.aar is no readable zip archive"):
            find_engines(ABI, [given_aar(path)])
    unpacked = tmp_path / "home/.cache/syncnas/aar"
    assert not [file for file in unpacked.glob("*/*") if file.is_dir()], "nothing half unpacked stays"


def test_a_member_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 4 << 20)
    path = tmp_path / "bomb.aar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"jni/{ABI}/libLiteRt.so", bytes(16 << 20))
    with pytest.raises(DeviceError, match="has more than 4 MiB"):
        find_engines(ABI, [given_aar(path)])


def test_caches_are_searched_for_the_newest_first(home: Path) -> None:
    for version, place in [("2.1.9", gradle), ("2.1.10", maven), ("2.1.10-rc1", gradle), ("2.2.0", gradle)]:
        write_aar(place(home, *LITERT, version), {})
    assert [aar.version for aar in cached_aars("litert")] == ["2.2.0", "2.1.10", "2.1.10-rc1", "2.1.9"]
    assert list(cached_aars("classic_gpu")) == []
