"""Engines for Android: the choice among several AARs, and the reasons of those that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_harness.kits.aar import ENGINES, cached_aars, given_aar
from android_harness.kits.android_engines import find_engines
from collab.errors import DeviceError
from tests.android_harness.cross import write_aar
from tests.android_harness.kits.made_aars import ABI, LITERT, TFLITE, gradle, maven

pytestmark = pytest.mark.usefixtures("home")


def test_the_newest_usable_one_of_gradle_s_and_maven_s_cache_is_taken(made: dict[str, Path], home: Path) -> None:
    for version, place in [("2.1.9", gradle), ("2.1.10", maven), ("2.1.10-rc1", gradle)]:
        write_aar(place(home, *LITERT, version), {f"jni/{ABI}/libLiteRt.so": made["new"]})
    write_aar(gradle(home, *LITERT, "2.2.0"), {f"jni/{ABI}/libLiteRt.so": made["old"]})
    assert [aar.version for aar in cached_aars("litert")] == ["2.2.0", "2.1.10", "2.1.10-rc1", "2.1.9"]
    engines, _ = find_engines(ABI, [])
    assert engines["litert"].origin.version == "2.1.10"


def test_gradle_s_cache_may_lie_elsewhere(made: dict[str, Path], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_aar(gradle(home, *LITERT, "2.1.6"), {f"jni/{ABI}/libLiteRt.so": made["new"]})
    (home / ".gradle").rename(tmp_path / "elsewhere")
    assert "litert" not in find_engines(ABI, [])[0]
    monkeypatch.setenv("GRADLE_USER_HOME", str(tmp_path / "elsewhere"))
    assert "litert" in find_engines(ABI, [])[0]


def test_the_classic_engine_comes_with_the_delegate_of_its_own_release(made: dict[str, Path], home: Path) -> None:
    write_aar(gradle(home, *LITERT, "2.1.6"), {f"jni/{ABI}/libLiteRt.so": made["new"]})
    write_aar(gradle(home, *TFLITE, "2.16.1"), {f"jni/{ABI}/libtensorflowlite_jni.so": made["classic"]})
    for version in ("2.16.1", "2.17.0"):
        write_aar(gradle(home, TFLITE[0], f"{TFLITE[1]}-gpu", version), {f"jni/{ABI}/libtensorflowlite_gpu_jni.so": made["gpu"]})
    engines, reasons = find_engines(ABI, [])
    assert [(name, engine.origin.title) for name, engine in engines.items()] == [
        ("litert", "litert 2.1.6 (AAR)"),
        ("classic", "tensorflow-lite 2.16.1 (AAR)"),
        ("classic_gpu", "tensorflow-lite-gpu 2.16.1 (AAR)"),
    ]
    assert not reasons
    gradle(home, TFLITE[0], f"{TFLITE[1]}-gpu", "2.16.1").unlink()
    engines, reasons = find_engines(ABI, [])
    assert set(reasons) == {"classic_gpu"}


def test_given_aars_come_before_cached_ones(made: dict[str, Path], home: Path, tmp_path: Path) -> None:
    write_aar(gradle(home, *LITERT, "2.9.9"), {f"jni/{ABI}/libLiteRt.so": made["new"]})
    given = given_aar(write_aar(tmp_path / "litert-2.1.6.aar", {f"jni/{ABI}/libLiteRt.so": made["new"]}))
    assert find_engines(ABI, [given])[0]["litert"].origin == given.origin


def test_without_any_aar_every_engine_has_its_reason_and_where_to_get_it() -> None:
    engines, reasons = find_engines(ABI, [])
    assert engines == {}
    assert list(reasons) == list(ENGINES)
    assert all(reason.startswith("no AAR with it is in Gradle's or Maven's cache; ") for reason in reasons.values())
    assert "com.google.ai.edge.litert:litert 2.1.6" in reasons["litert"]


def test_the_reason_is_that_of_the_newest_one(made: dict[str, Path], home: Path) -> None:
    write_aar(gradle(home, *LITERT, "2.0.0"), {f"jni/{ABI}/libLiteRt.so": made["wrong"]})
    write_aar(gradle(home, *LITERT, "2.0.2"), {f"jni/{ABI}/libLiteRt.so": made["old"]})
    assert "lacks LiteRtCreateModelFromFd" in find_engines(ABI, [])[1]["litert"]
    write_aar(gradle(home, *LITERT, "2.0.3"), {"jni/x86_64/libLiteRt.so": made["wrong"]})
    assert "litert-2.0.3.aar holds none for arm64-v8a" in find_engines(ABI, [])[1]["litert"]


def test_a_given_aar_that_cannot_be_used_is_an_error_although_a_cached_one_could(made: dict[str, Path], home: Path, tmp_path: Path) -> None:
    write_aar(gradle(home, *LITERT, "2.1.6"), {f"jni/{ABI}/libLiteRt.so": made["new"]})
    given = given_aar(write_aar(tmp_path / "litert-2.0.2.aar", {f"jni/{ABI}/libLiteRt.so": made["old"]}))
    with pytest.raises(DeviceError, match="lacks LiteRtCreateModelFromFd"):
        find_engines(ABI, [given])
