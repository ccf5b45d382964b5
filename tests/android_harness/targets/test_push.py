"""Pushes of files to a device: files that are there are not sent again, files that arrive damaged are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from android_harness.device.base import OnSent, ignored
from android_harness.device.local_device import LocalDevice
from android_harness.targets.push import Pushed, push_files
from collab.errors import DeviceError

BUDGET = 1 << 30


class Link(LocalDevice):
    """This machine behind a link that damages or cuts the first files that are sent."""

    def __init__(self, *, damage: int = 0, cut: int = 0) -> None:
        self._damage, self._cut, self.pushes = damage, cut, 0

    def push(self, source: Path, target: str, on_sent: OnSent = ignored) -> None:
        self.pushes += 1
        content = bytearray(source.read_bytes())
        if self._damage > 0:
            self._damage -= 1
            content[700] ^= 4
        elif self._cut > 0:
            self._cut -= 1
            del content[len(content) // 2 :]
        Path(target).write_bytes(content)
        on_sent(2 * len(content))


@pytest.fixture(name="files")
def some_files(tmp_path: Path) -> dict[str, Path]:
    files = {}
    for name, content in (("a", b"first" * 500), ("folder/b", b"second" * 5000), ("empty", b"")):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        files[name] = path
    return files


def same(folder: Path, files: dict[str, Path]) -> bool:
    return all((folder / name).read_bytes() == path.read_bytes() for name, path in files.items())


def test_files_arrive_once(files: dict[str, Path], tmp_path: Path) -> None:
    device, folder = Link(), tmp_path / "device"
    assert push_files(device, str(folder), files, budget_bytes=BUDGET) == Pushed(3, 32500)
    assert device.pushes == 1, "many files are one archive"
    assert same(folder, files)
    assert push_files(device, str(folder), files, budget_bytes=BUDGET) == Pushed(0, 0)
    assert device.pushes == 1


def test_only_what_differs_is_sent(files: dict[str, Path], tmp_path: Path) -> None:
    device, folder = Link(), tmp_path / "device"
    push_files(device, str(folder), files, budget_bytes=BUDGET)
    (folder / "folder/b").write_bytes(b"damaged since")
    assert push_files(device, str(folder), files, budget_bytes=BUDGET) == Pushed(1, 30000)
    assert same(folder, files)


def test_what_is_sent_is_told_and_what_was_damaged_is_told_again(files: dict[str, Path], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    push_files(
        Link(damage=1), str(tmp_path / "device"), files, budget_bytes=BUDGET, on_sending=lambda sent, whole: told.append((sent, whole))
    )
    assert told[0] == (32500, 32500), "more than all, for the archive's own bytes, is never said"
    assert len(told) > 2
    sent, whole = told[-1]
    assert 32500 < sent == whole <= 65000
    told.clear()
    push_files(Link(), str(tmp_path / "device"), files, budget_bytes=BUDGET, on_sending=lambda *numbers: told.append(numbers))
    assert told == [], "nothing was to be sent"


@pytest.mark.parametrize(("damage", "cut"), [(1, 0), (0, 1), (2, 1)])
def test_what_arrives_damaged_or_cut_is_sent_again(files: dict[str, Path], tmp_path: Path, damage: int, cut: int) -> None:
    device, folder = Link(damage=damage, cut=cut), tmp_path / "device"
    push_files(device, str(folder), files, budget_bytes=BUDGET)
    assert same(folder, files)
    assert not list(tmp_path.glob("device.incoming*"))


def test_a_link_that_always_damages_is_given_up_in_a_sentence(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="arrived damaged"):
        push_files(Link(damage=100), str(tmp_path / "device"), files, budget_bytes=BUDGET)


def test_the_budget_is_kept_by_removing_what_is_not_used(files: dict[str, Path], tmp_path: Path) -> None:
    device, folder = Link(), tmp_path / "device"
    push_files(device, str(folder), {"old": files["folder/b"]}, budget_bytes=BUDGET)
    push_files(device, str(folder), {"new": files["a"]}, budget_bytes=8192, prune=True)
    assert (folder / "new").exists()
    assert not (folder / "old").exists()
    with pytest.raises(DeviceError, match="budget"):
        push_files(device, str(folder), files, budget_bytes=4096)


def test_executables_stay_executable(files: dict[str, Path], tmp_path: Path) -> None:
    files["a"].chmod(0o755)
    push_files(Link(), str(tmp_path / "device"), files, budget_bytes=BUDGET)
    assert (tmp_path / "device/a").stat().st_mode & 0o111
    assert not (tmp_path / "device/empty").stat().st_mode & 0o111


def test_names_of_every_length_that_a_system_takes_arrive(files: dict[str, Path], tmp_path: Path) -> None:
    long = {f"{'m' * length}.tflite": files["a"] for length in (76, 93, 94, 100, 101, 248)} | {
        f"{'d' * 200}/{'e' * 200}/f": files["folder/b"]
    }
    push_files(Link(), str(tmp_path / "device"), long, budget_bytes=BUDGET)
    assert same(tmp_path / "device", long)
    with pytest.raises(DeviceError, match="has more than 255 bytes"):
        push_files(Link(), str(tmp_path / "device"), {"m" * 256: files["a"]}, budget_bytes=BUDGET)


@given(contents=st.lists(st.binary(max_size=3000), min_size=1, max_size=12, unique=True))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_contents_arrive_under_their_checksums(contents: list[bytes], tmp_path: Path) -> None:
    files = {}
    for content in contents:
        digest = hashlib.sha256(content).hexdigest()
        (tmp_path / digest).write_bytes(content)
        files[digest] = tmp_path / digest
    push_files(Link(), str(tmp_path / "store"), files, budget_bytes=BUDGET, prune=True)
    for digest in files:
        assert hashlib.sha256((tmp_path / "store" / digest).read_bytes()).hexdigest() == digest
