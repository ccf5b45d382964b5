"""Android's NDK: the folder that is taken out of several, and the arguments for CMake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.kits.ndk import MACHINES, cmake_arguments, find_ndk
from collab.errors import DeviceError
from tests.android_harness.cross import write_ndk


@pytest.fixture(autouse=True)
def without_ndk(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_HOME"):
        monkeypatch.delenv(variable, raising=False)


def test_the_environment_s_ndk_is_taken_and_the_newest_of_several(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old, new = (write_ndk(tmp_path / "sdk" / "ndk" / version, "") for version in ("9.2.1", "27.0.3"))
    (tmp_path / "sdk" / "ndk" / "99.0.0").mkdir()
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    assert find_ndk(None) == new
    monkeypatch.setenv("ANDROID_NDK_ROOT", str(old))
    assert find_ndk(None) == old
    assert find_ndk(new) == new
    monkeypatch.setenv("ANDROID_NDK_HOME", str(tmp_path))
    with pytest.raises(DeviceError, match=r"ANDROID_NDK_HOME .* is no NDK"):
        find_ndk(None)


def test_without_any_ndk_the_way_to_one_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no NDK was found; .*sdkmanager .*--ndk PATH or ANDROID_NDK_HOME"):
        find_ndk(None)
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path))
    with pytest.raises(DeviceError, match="no NDK was found"):
        find_ndk(None)


def test_a_folder_that_is_no_ndk_is_said_with_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "toolchains").mkdir()
    with pytest.raises(DeviceError, match=r"^--ndk .* is no NDK: it has no build/cmake/android\.toolchain\.cmake;"):
        find_ndk(tmp_path)


def test_an_ndk_is_absolute_and_links_are_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ndk = write_ndk(tmp_path / "27.0.3", "")
    (tmp_path / "current").symlink_to(ndk)
    monkeypatch.chdir(tmp_path)
    assert find_ndk(Path("current")) == ndk


@given(versions=st.lists(st.tuples(*[st.integers(0, 99_999_999)] * 3), min_size=1, max_size=6, unique=True))
def test_versions_are_compared_as_numbers(tmp_path_factory: pytest.TempPathFactory, versions: list[tuple[int, int, int]]) -> None:
    home = tmp_path_factory.mktemp("sdk")
    for version in versions:
        write_ndk(home / "ndk" / ".".join(map(str, version)), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANDROID_HOME", str(home))
        assert find_ndk(None).name == ".".join(map(str, max(versions)))


@pytest.mark.parametrize("abi", MACHINES)
def test_cmake_gets_the_toolchain_the_abi_and_pages_of_any_size(abi: str) -> None:
    assert set(cmake_arguments(Path("/ndk"), abi)) == {
        "-DCMAKE_TOOLCHAIN_FILE=/ndk/build/cmake/android.toolchain.cmake",
        f"-DANDROID_ABI={abi}",
        "-DANDROID_PLATFORM=android-29",
        "-DANDROID_STL=c++_static",
        "-DANDROID_SUPPORT_FLEXIBLE_PAGE_SIZES=ON",
        "-DSYNCNAS_PAGE_BYTES=16384",
    }
