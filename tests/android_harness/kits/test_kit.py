"""Kits: their files, and the runner started from them in a system that holds nothing else."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from android_harness.kits import native_build
from android_harness.kits.aar import given_aar
from android_harness.kits.elf import read_elf
from android_harness.kits.kit import Kit, Platform, kit_for
from android_harness.kits.linux_kit import DESCRIPTION
from android_harness.kits.native_build import CROSS_ABI
from android_harness.kits.runner_sources import RUNNER
from android_harness.kits.runtime import litert_version
from android_harness.protocol.journal import CollabDone, PhaseStarted, read_journal
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.errors import DeviceError
from collab.placement import parse_placement
from collab.units import UnitSpec
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.checking import relative_error
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import load_manifest
from exporters.references import read_tensor, type_of
from tests.android_harness.cross import EMULATOR, built_cross_kit, program, shared_library, write_aar
from tests.models import tiny

pytestmark = pytest.mark.slow

HOST = platform.machine()
GLIBC = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1")
MOST_ERROR = 1e-5
"""Largest difference between x86-64 and aarch64, as a fraction of the output's range: the order of float32's rounding."""

ARM_CPUINFO = """processor\t: 0
BogoMIPS\t: 100.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd03
CPU revision\t: 4
"""
"""/proc/cpuinfo of an aarch64 core. Emulated by qemu 7.2, LiteRT would read that of the x86-64 host, and crash."""


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides this machine's own AARs, and replaces the cache by a temporary one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GRADLE_USER_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


@pytest.fixture(scope="module", name="cross_kit")
def made_cross_kit() -> Path:
    return built_cross_kit()


@dataclass(frozen=True)
class Sent:
    """Phase of a collab bundle, beside a kit in one folder as on a device; and this machine's output."""

    folder: Path
    expected: np.ndarray

    def check(self) -> None:
        """Asserts that the run there gave the same numbers as this machine's runner."""
        events = list(read_journal(self.folder / "journal.jsonl"))
        assert [event.job for event in events if isinstance(event, CollabDone)] == ["c"]
        assert "litert" in next(event for event in events if isinstance(event, PhaseStarted)).engines
        assert relative_error(read_tensor(self.folder / "out.f32", type_of(self.expected)), self.expected) <= MOST_ERROR


def send(kit: Kit, device: LocalTarget, folder: Path, work: Path) -> Sent:
    folder.mkdir(parents=True)
    for name, source in kit.files.items():
        shutil.copy(source, folder / name)
    write_bundle(collaborative(tiny(), "nac"), parse_placement("", branches=2), work / "b")
    cores = device.info.cores
    units = {f"cpu{number}": UnitSpec("cpu").on_cores([cores[number % len(cores)]]) for number in range(2)}

    def phase(at: Path, out: Path) -> Phase:
        job = CollabJob("c", at / MANIFEST, warmup=0, runs=2, wait="condvar", output=out)
        return Phase("collab", units, (job,), Repeat(1, 1), order="given")

    assert execute(device, phase(work / "b", work / "here.f32"), work / "here.jsonl", lambda _: None)
    expected = read_tensor(work / "here.f32", load_manifest(work / "b").outputs[0].type)
    shutil.copytree(work / "b", folder / "b")
    runtime = {engine: Path(library) for engine, library in kit.engines.items()}
    (folder / "phase.json").write_text(phase(Path("b"), Path("out.f32")).to_json(runtime=runtime))
    return Sent(folder, expected)


ARGUMENTS = ("phase.json", "--journal", "journal.jsonl")


def run_in_root(root: Path, kit: Kit, *, emulator: str | None) -> None:
    """Starts the kit's launcher in /kit of a root file system that holds what `root` does."""
    if os.geteuid() != 0:
        pytest.skip("another root file system is for root")
    # LiteRT finds the cores in these files, which a kernel shows on every device, and compiles nothing without them.
    for file in ("proc/cpuinfo", *(f"sys/devices/system/cpu/{name}" for name in ("kernel_max", "possible", "present"))):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(("/" / Path(file)).read_text())
    prefix: tuple[str, ...] = ()
    if emulator is not None:
        shutil.copy(emulator, root / "emulator")
        (root / "proc" / "cpuinfo").write_text(ARM_CPUINFO)
        prefix = ("/emulator",)

    def enter() -> None:
        os.chroot(root)
        os.chdir("/kit")

    command = [*prefix, *kit.launcher, *ARGUMENTS]
    result = subprocess.run(command, preexec_fn=enter, capture_output=True, text=True, check=False, env={})
    assert result.returncode == 0, result.stderr


def add_glibc(root: Path, kit_with_glibc: Kit, loader: str) -> None:
    """Adds a Linux system of glibc alone, without a C++ runtime."""
    libraries = root / "usr" / "lib"
    libraries.mkdir(parents=True)
    (root / loader.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    for name in GLIBC:
        if name in kit_with_glibc.files:
            shutil.copy(kit_with_glibc.files[name], libraries / name)
    shutil.copy(kit_with_glibc.files[Path(loader).name], root / loader.lstrip("/"))


@pytest.mark.parametrize("libc", ["glibc", "bionic"])
def test_this_machine_s_kit_runs_where_there_is_nothing_else(device: LocalTarget, libc: str, tmp_path: Path) -> None:
    kit = kit_for(Platform(HOST, libc))
    root = tmp_path / "root"
    sent = send(kit, device, root / "kit", tmp_path)
    if libc == "glibc":
        add_glibc(root, kit_for(Platform(HOST, "bionic")), kit.launcher[0])
    run_in_root(root, kit, emulator=None)
    sent.check()


@pytest.mark.skipif(HOST == "aarch64", reason="the kit of this machine is the one for aarch64")
@pytest.mark.parametrize("libc", ["glibc", "bionic"])
def test_the_cross_built_kit_computes_the_same_on_aarch64(cross_kit: Path, device: LocalTarget, libc: str, tmp_path: Path) -> None:
    kit = kit_for(Platform("aarch64", libc))
    root = tmp_path / "root"
    sent = send(kit, device, root / "kit", tmp_path)
    if libc == "glibc":
        add_glibc(root, kit_for(Platform("aarch64", "bionic")), kit.launcher[0])
    run_in_root(root, kit, emulator=program(EMULATOR))
    sent.check()


@pytest.mark.skipif(HOST == "aarch64", reason="the kit of this machine is the one for aarch64")
def test_the_kit_with_its_own_glibc_runs_on_aarch64_for_any_user(cross_kit: Path, device: LocalTarget, tmp_path: Path) -> None:
    """Tests the kit without root: qemu looks into a given folder before the host's files of the same path."""
    kit = kit_for(Platform("aarch64", "bionic"))
    sent = send(kit, device, tmp_path / "kit", tmp_path)
    (tmp_path / "root" / "proc").mkdir(parents=True)
    (tmp_path / "root" / "proc" / "cpuinfo").write_text(ARM_CPUINFO)
    command = [program(EMULATOR), "-L", tmp_path / "root", *kit.launcher, *ARGUMENTS]
    result = subprocess.run(command, cwd=sent.folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    sent.check()


def test_kits_of_linux_say_what_they_can_do(cross_kit: Path, runner: Path) -> None:
    for machine in ("x86_64", "aarch64"):
        kit = kit_for(Platform(machine, "glibc"))
        assert kit.name == f"linux-{machine}"
        assert kit.engines == {"litert": "libLiteRt.so"}
        assert kit.versions == {"litert": litert_version()}
        assert set(kit.missing) == {"nnapi"}
        assert "libLiteRtWebGpuAccelerator.so" in kit.files
        assert not set(GLIBC) & set(kit.files), "the device's own"
        assert {read_elf(path).machine for path in kit.files.values()} == {machine}


def test_on_android_the_kit_of_linux_names_what_gives_it_the_gpu(cross_kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = kit_for(Platform("aarch64", "bionic"))
    assert kit.launcher == ("./ld-linux-aarch64.so.1", "--library-path", ".", f"./{RUNNER}")
    assert "libLiteRtWebGpuAccelerator.so" not in kit.files
    assert set(kit.missing) == {"gpu", "nnapi", "classic"}
    assert "--abi arm64-v8a --ndk PATH" in kit.missing["gpu"]
    assert "syncnas setup" in kit.missing["gpu"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Platform("armv7l", "bionic"), "no kit for armv7l with bionic; LiteRT runs on x86_64 and aarch64"),
        (Platform("aarch64", "musl"), "no kit for aarch64 with musl"),
    ],
)
def test_other_devices_are_refused(wanted: Platform, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        kit_for(wanted)


@pytest.fixture(name="builds")
def empty_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(native_build, "builds_folder", lambda: tmp_path / "builds")
    return tmp_path / "builds"


def test_what_was_not_built_is_named_with_its_command(builds: Path, tmp_path: Path) -> None:
    other = "aarch64" if HOST == "x86_64" else "x86_64"
    for libc, rest in (("glibc", ""), ("bionic", r"; syncnas setup --device SERIAL does all that a device needs")):
        with pytest.raises(DeviceError, match=rf"not built yet; build it with: syncnas build{rest}$"):
            kit_for(Platform(HOST, libc))
        if other == "aarch64":
            with pytest.raises(DeviceError, match=r"build it with: syncnas build --abi linux-aarch64"):
                kit_for(Platform(other, libc))
    with pytest.raises(DeviceError, match="an AAR needs the runner for Android"):
        kit_for(Platform("aarch64", "bionic"), aar=[tmp_path / "litert.aar"])


@pytest.mark.parametrize(
    ("description", "reason"),
    [('{"format": 1, "litert": "ai-edge-litert 0.0.1"}', "holds ai-edge-litert 0.0.1, but"), ("{", "is damaged"), ("[]", "is damaged")],
)
def test_a_kit_of_another_version_or_a_damaged_one_is_to_be_built_again(builds: Path, description: str, reason: str) -> None:
    folder = builds / CROSS_ABI / "kit"
    folder.mkdir(parents=True)
    (folder / RUNNER).write_bytes(b"")
    (folder / DESCRIPTION).write_text(description)
    with pytest.raises(DeviceError, match=rf"{reason}.*--abi linux-aarch64"):
        kit_for(Platform("aarch64", "glibc"))


@pytest.fixture(name="android_runner")
def built_for_android(builds: Path, cross_kit: Path) -> Path:
    """Puts a runner for the right machine where the build for Android leaves its own; returns its path."""
    runner = builds / "android-arm64-v8a" / RUNNER
    runner.parent.mkdir(parents=True)
    return Path(shutil.copy(cross_kit / RUNNER, runner))


def test_android_s_kit_is_the_runner_of_the_ndk_and_the_libraries_of_the_aars(
    android_runner: Path, cross_kit: Path, tmp_path: Path
) -> None:
    aars = [
        write_aar(
            tmp_path / "litert-2.3.0.aar",
            {
                "jni/arm64-v8a/libLiteRt.so": cross_kit / "libLiteRt.so",
                "jni/arm64-v8a/libLiteRtClGlAccelerator.so": cross_kit / "libLiteRtWebGpuAccelerator.so",
            },
        ),
        write_aar(
            tmp_path / "tensorflow-lite-2.17.0.aar",
            {"jni/arm64-v8a/libtensorflowlite_jni.so": shared_library(tmp_path / "classic.so", "aarch64", "TfLiteInterpreterCreate")},
        ),
    ]
    kit = kit_for(Platform("aarch64", "bionic"), aar=aars)
    assert kit.name == "android-arm64-v8a"
    assert kit.launcher == (f"./{RUNNER}",)
    assert kit.engines == {"litert": "libLiteRt.so", "classic": "libtensorflowlite_jni.so"}
    assert kit.versions == {"litert": "litert 2.3.0 (AAR)", "classic": "tensorflow-lite 2.17.0 (AAR)"}
    assert kit.gpu_backends == ("opencl", "opengl")
    assert set(kit.files) == {RUNNER, "libLiteRt.so", "libLiteRtClGlAccelerator.so", "libtensorflowlite_jni.so"}
    assert kit.files[RUNNER] == android_runner
    assert kit.files["libLiteRt.so"].read_bytes() == (cross_kit / "libLiteRt.so").read_bytes()
    assert set(kit.missing) == {"classic_gpu"}
    kit = kit_for(Platform("aarch64", "bionic"), aar=aars[:1])
    assert set(kit.missing) == {"classic", "classic_gpu", "nnapi"}


def test_an_aar_without_accelerator_leaves_the_gpu_out(android_runner: Path, cross_kit: Path, tmp_path: Path) -> None:
    path = write_aar(tmp_path / "litert-2.3.0.aar", {"jni/arm64-v8a/libLiteRt.so": cross_kit / "libLiteRt.so"})
    kit = kit_for(Platform("aarch64", "bionic"), aar=[path])
    assert "litert 2.3.0 (AAR) holds no GPU accelerator for arm64-v8a" in kit.missing["gpu"]


def test_a_given_aar_that_does_not_give_litert_is_an_error_and_not_a_smaller_kit(android_runner: Path, tmp_path: Path) -> None:
    library = shared_library(tmp_path / "classic.so", "aarch64", "TfLiteInterpreterCreate")
    path = write_aar(tmp_path / "mine.aar", {"jni/arm64-v8a/libtensorflowlite_jni.so": library})
    assert given_aar(path).origin.title == "mine of unknown version (AAR)"
    with pytest.raises(DeviceError, match="LiteRT for Android is missing"):
        kit_for(Platform("aarch64", "bionic"), aar=[path])


def test_a_runner_of_another_machine_is_not_sent(android_runner: Path, runner: Path, cross_kit: Path, tmp_path: Path) -> None:
    if HOST == "aarch64":
        pytest.skip("this machine's runner is of the right kind")
    shutil.copy(runner, android_runner)
    path = write_aar(tmp_path / "litert-2.3.0.aar", {"jni/arm64-v8a/libLiteRt.so": cross_kit / "libLiteRt.so"})
    with pytest.raises(DeviceError, match=r"is not for arm64-v8a; build it again"):
        kit_for(Platform("aarch64", "bionic"), aar=[path])


@pytest.mark.parametrize(("page_bytes", "fits"), [(None, True), (4096, True), (16384, False)])
def test_libraries_that_the_device_s_memory_pages_are_too_large_for_are_refused(
    android_runner: Path, tmp_path: Path, page_bytes: int | None, fits: bool
) -> None:
    old = shared_library(tmp_path / "old.so", "aarch64", "LiteRtCreateModelFromFd", page_bytes=4096)
    new = shared_library(tmp_path / "new.so", "aarch64", "LiteRtCreateModelFromFd", page_bytes=16384)
    kits = [
        write_aar(tmp_path / f"litert-{version}.aar", {"jni/arm64-v8a/libLiteRt.so": path})
        for version, path in (("2.1.6", old), ("2.2.0", new))
    ]
    if fits:
        assert kit_for(Platform("aarch64", "bionic", page_bytes), aar=kits[:1]).versions == {"litert": "litert 2.1.6 (AAR)"}
    else:
        with pytest.raises(
            DeviceError, match=r"memory pages of 16384 bytes, and libLiteRt\.so .* is aligned to 4096.*newer AAR with aars="
        ):
            kit_for(Platform("aarch64", "bionic", page_bytes), aar=kits[:1])
    assert kit_for(Platform("aarch64", "bionic", page_bytes), aar=kits[1:]).versions == {"litert": "litert 2.2.0 (AAR)"}


def test_a_runner_that_is_aligned_to_less_is_to_be_built_anew(builds: Path, tmp_path: Path) -> None:
    runner = builds / "android-arm64-v8a" / RUNNER
    shared_library(runner, "aarch64", "Start", page_bytes=4096)
    library = shared_library(tmp_path / "litert.so", "aarch64", "LiteRtCreateModelFromFd")
    path = write_aar(tmp_path / "litert-2.3.0.aar", {"jni/arm64-v8a/libLiteRt.so": library})
    with pytest.raises(
        DeviceError, match=rf"{RUNNER} .* is aligned to 4096, .*build the runner anew, for Android with an NDK r27 or later"
    ):
        kit_for(Platform("aarch64", "bionic", 16384), aar=[path])
