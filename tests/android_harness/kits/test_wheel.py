"""LiteRT's wheel for another machine: one that lies there is used, and pip's refusal is one sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from android_harness.kits.runtime import litert_version
from android_harness.kits.wheel import unpack_litert
from collab.errors import DeviceError

VERSION = litert_version().rpartition(" ")[2]
MEMBERS = {
    "ai_edge_litert/libLiteRt.so": b"library",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so": b"accelerator",
    "ai_edge_litert/tools/libLiteRt.so": b"another one",
    "ai_edge_litert/_pywrap.so": b"bindings",
    "../libLiteRt.so": b"outside",
}


def write_wheel(folder: Path, version: str, machine: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"ai_edge_litert-{version}-cp311-cp311-manylinux_2_27_{machine}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in MEMBERS.items():
            wheel.writestr(name, content)
    return path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves pip without any index, so that it downloads nothing."""
    for name, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": "/nowhere"}.items():
        monkeypatch.setenv(name, value)


def test_a_wheel_that_lies_there_gives_its_libraries_and_nothing_else(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheel", VERSION, "aarch64")
    libraries = unpack_litert("aarch64", tmp_path / "wheel")
    assert {name: path.read_bytes() for name, path in libraries.items()} == {
        "libLiteRt.so": b"library",
        "libLiteRtWebGpuAccelerator.so": b"accelerator",
    }
    assert {path.parent for path in libraries.values()} == {tmp_path / "wheel" / wheel.stem}
    assert unpack_litert("aarch64", tmp_path / "wheel") == libraries


@pytest.mark.parametrize(("version", "machine"), [("0.0.1", "aarch64"), (VERSION, "x86_64")], ids=["another version", "another machine"])
def test_any_other_wheel_is_not_taken_and_pip_s_refusal_is_one_sentence(version: str, machine: str, tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheel", version, machine)
    with pytest.raises(DeviceError) as refused:
        unpack_litert("aarch64", tmp_path / "wheel")
    said = str(refused.value)
    assert said.startswith(f"ai-edge-litert {VERSION} for aarch64 cannot be downloaded (")
    assert said.endswith("); are pip and the network there?")
    assert "\n" not in said
