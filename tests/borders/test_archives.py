"""Archives, libraries and keys that others made: read within bounds or refused in a sentence, and nothing half-written stays."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from android_harness.device.adb.keys import load_signer
from android_harness.kits import linux_kit
from android_harness.kits.aar import cached_aars, engine_libraries, engines_in, given_aar
from android_harness.kits.archives import member_names, unpack
from android_harness.kits.elf import read_elf
from android_harness.kits.runtime import litert_version
from android_harness.kits.toolchain import cache_entry, runtime_libraries
from collab.errors import DeviceError, StorageError
from tests.android_harness.cross import shared_library
from tests.borders.fuzzing import SLOW_INPUTS, check_sentence, fuzz
from tests.borders.mutation import mutate_bytes, mutate_json

ABI = "x86_64"
LIBRARY = f"jni/{ABI}/libLiteRt.so"
RECORDS = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07")
ODD_NUMBERS = (b"\xff" * 8, bytes(8), b"\xff\xff\xff\x7f\0\0\0\0", b"\xff" * 7 + b"\x7f", b"\x01\0\0\0\0\0\0\x80")


@pytest.fixture(scope="module", name="library")
def small_library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return shared_library(tmp_path_factory.mktemp("elf") / "libLiteRt.so", ABI, "LiteRtCreateModelFromFd", "Two").read_bytes()


@pytest.fixture(autouse=True)
def _no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GRADLE_USER_HOME", raising=False)


def zipped(library: bytes) -> bytes:
    """An AAR with members of each kind: deflated, stored, and with 64-bit sizes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AndroidManifest.xml", "<manifest/>")
        archive.writestr(LIBRARY, library)
        archive.writestr(zipfile.ZipInfo(f"jni/{ABI}/libLiteRtOneAccelerator.so"), library)
        with archive.open(f"jni/{ABI}/libLiteRtTwoAccelerator.so", "w", force_zip64=True) as member:
            member.write(library)
    return made.getvalue()


def damaged_zip(whole: bytes, generator: random.Random) -> bytes:
    """A zip archive with bytes damaged, or with odd numbers in the records that describe its members."""
    if generator.random() < 0.3:
        return mutate_bytes(whole, generator)
    data = bytearray(whole)
    places = [at for at in range(len(data) - 4) if data[at : at + 4] in RECORDS]
    for _ in range(generator.randint(1, 3)):
        at, size = generator.choice(places) + generator.randrange(4, 60), generator.choice((1, 2, 4, 8))
        number = generator.choice((*ODD_NUMBERS, generator.randbytes(8)))[:size]
        data[at : at + size] = number if at + size <= len(data) else data[at : at + size]
    return bytes(data)


def test_a_damaged_aar_is_used_or_refused_and_leaves_nothing_half_written(library: bytes, tmp_path: Path) -> None:
    whole, path, cache = zipped(library), tmp_path / "litert-2.1.6.aar", tmp_path / "cache"

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        aar = given_aar(path)
        try:
            for engine in engines_in(aar, ABI):
                for file in engine_libraries(aar, engine, ABI).files.values():
                    assert cache.resolve() in file.resolve().parents
        finally:
            folders = [folder for folder in cache.glob("syncnas/aar/*/*") if folder.is_dir()]
            assert all(folder.name == ABI for folder in folders), folders

    counts = fuzz("an AAR", lambda generator: damaged_zip(whole, generator), feed, inputs=SLOW_INPUTS)
    assert counts["accepted"]
    assert counts["refused"]


def test_any_member_of_a_damaged_archive_is_taken_out_or_refused(library: bytes, tmp_path: Path) -> None:
    whole, path = zipped(library[:2000]), tmp_path / "any.zip"
    number = 0

    def feed(content: bytes) -> None:
        nonlocal number
        number += 1
        path.write_bytes(content)
        names = member_names(path)
        unpack(path, {name: str(place) for place, name in enumerate(dict.fromkeys(names))}, tmp_path / f"out{number}")

    counts = fuzz("members of an archive", lambda generator: damaged_zip(whole, generator), feed)
    assert counts["accepted"]
    assert counts["refused"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_bombs_go_off_in_memory_are_refused(method: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.aar"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(LIBRARY, bytes(1000))
    with pytest.raises(DeviceError, match=r"no readable zip archive \(.* compressed in a way"):
        engine_libraries(given_aar(path), "litert", ABI)


def test_a_full_disk_while_unpacking_is_a_sentence_and_leaves_nothing(library: bytes, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "litert-2.1.6.aar"
    path.write_bytes(zipped(library))
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(library) // 2, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"libLiteRt\w*\.so cannot be written: the disk, or the quota on it, is full"):
            engine_libraries(given_aar(path), "litert", ABI)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list((tmp_path / "cache").glob("syncnas/aar/*/*"))
    assert engine_libraries(given_aar(path), "litert", ABI).accelerated


@pytest.mark.parametrize("what", ["a folder", "nothing"])
def test_an_archive_that_cannot_be_read_is_one_sentence(what: str, tmp_path: Path) -> None:
    if what == "a folder":
        (tmp_path / "x.aar").mkdir()
    for use in (member_names, read_elf):
        with pytest.raises(DeviceError, match=r"x\.aar cannot be read") as refused:
            use(tmp_path / "x.aar")
        check_sentence(str(refused.value), what)


def test_a_damaged_library_is_read_or_refused(library: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libx.so"
    headers = int.from_bytes(library[40:48], "little")

    def make(generator: random.Random) -> bytes:
        data = bytearray(library)
        for _ in range(generator.randint(1, 3)):
            at = generator.choice((generator.randrange(6, 64), generator.randrange(headers, len(data)), generator.randrange(64, len(data))))
            size = generator.choice((1, 2, 4, 8))
            number = generator.choice((*ODD_NUMBERS, generator.randbytes(8)))[:size]
            data[at : at + size] = number if at + size <= len(data) else data[at : at + size]
        return bytes(data) if generator.random() < 0.8 else mutate_bytes(bytes(data), generator)

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        read = read_elf(path)
        assert all(len(name) <= 255 for name in (*read.needed, *read.exports))

    counts = fuzz("an ELF file", make, feed)
    assert counts["accepted"]
    assert counts["refused"]


def test_versions_of_any_name_are_put_in_order(tmp_path: Path) -> None:
    names = ["2.1.6", "2.1.10", "9" * 100, "", "..1", "\u0661", "\u00b2", "1.x", "[red]", "2..1", "a b"]
    for name in filter(None, names):
        path = tmp_path / "home/.m2/repository/com/google/ai/edge/litert/litert" / name / f"litert-{name}.aar"
        path.parent.mkdir(parents=True)
        path.touch()
    found = [aar.version for aar in cached_aars("litert")]
    assert set(found) == set(names) - {""}
    assert found[0] == "9" * 100
    assert found.index("2.1.10") < found.index("2.1.6")


def test_what_cmake_remembers_is_read_whatever_it_is(tmp_path: Path) -> None:
    whole = b"# comment\nSYNCNAS_COMPILER:FILEPATH=/no/such/compiler\nCMAKE_TOOLCHAIN_FILE:FILEPATH=/x.cmake\n"

    def feed(content: bytes) -> None:
        (tmp_path / "CMakeCache.txt").write_bytes(content)
        cache_entry(tmp_path, "SYNCNAS_COMPILER")
        runtime_libraries([Path("/bin/true")], build=tmp_path)

    counts = fuzz("CMake's cache", lambda generator: mutate_bytes(whole, generator), feed)
    assert counts["refused"]


def test_the_description_of_a_kit_is_read_or_the_kit_is_to_be_built_again(tmp_path: Path) -> None:
    folder = tmp_path / linux_kit.FOLDER
    folder.mkdir()
    (folder / "runner").touch()
    whole = {"format": linux_kit.FORMAT, "litert": litert_version()}

    def feed(content: bytes) -> None:
        (folder / linux_kit.DESCRIPTION).write_bytes(content)
        assert linux_kit.cross_parts(tmp_path, "runner", "make it").version == litert_version()

    counts = fuzz("a kit's description", lambda generator: mutate_json(whole, generator), feed)
    assert counts["refused"]


def test_a_damaged_key_is_one_sentence(tmp_path: Path) -> None:
    key = tmp_path / "adbkey"
    load_signer(key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name.startswith("adbkey")) == ["adbkey", "adbkey.pub"]
    private, public = key.read_bytes(), (tmp_path / "adbkey.pub").read_bytes()

    def feed(pair: tuple[bytes, bytes]) -> None:
        key.write_bytes(pair[0])
        (tmp_path / "adbkey.pub").write_bytes(pair[1])
        load_signer(key)

    def make(generator: random.Random) -> tuple[bytes, bytes]:
        return (mutate_bytes(private, generator), public) if generator.random() < 0.8 else (private, mutate_bytes(public, generator))

    counts = fuzz("adb's key", make, feed)
    assert counts["accepted"]
    assert counts["refused"]
