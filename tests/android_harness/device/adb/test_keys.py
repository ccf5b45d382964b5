"""adb's key: made once, as adb makes it, and what it signs is believed by whoever has its public half."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from android_harness.device.adb.keys import key_path, load_signer
from collab.errors import DeviceError

TOKEN = bytes(range(20))
"""Challenge of a phone: 20 bytes, which stand for a SHA-1 sum."""
_WORDS = 2048 // 32


@pytest.fixture(scope="module", name="made")
def a_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A pair of keys, the private one first; making one takes long."""
    key = tmp_path_factory.mktemp("keys") / ".android" / "adbkey"
    load_signer(key)
    assert key.parent.stat().st_mode & 0o777 in (0o750, 0o700)
    assert key.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in key.parent.iterdir()) == ["adbkey", "adbkey.pub"]
    return key.read_bytes(), key.with_name("adbkey.pub").read_bytes()


@pytest.fixture(name="key")
def a_key(made: tuple[bytes, bytes], tmp_path: Path) -> Path:
    key = tmp_path / "adbkey"
    key.write_bytes(made[0])
    key.with_name("adbkey.pub").write_bytes(made[1])
    return key


def opened(signature: bytes, public: bytes) -> bytes:
    """What a phone gets out of a signature: PKCS #1's padded hash, by the modulus and exponent of Android's format of public keys."""
    blob = base64.b64decode(public.split()[0])
    assert int.from_bytes(blob[:4], "little") == _WORDS
    modulus = int.from_bytes(blob[8 : 8 + 4 * _WORDS], "little")
    exponent = int.from_bytes(blob[-4:], "little")
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(4 * _WORDS, "big")


def test_a_phone_that_knows_the_public_key_believes_a_signature(key: Path) -> None:
    signer = load_signer(key)
    public = key.with_name("adbkey.pub").read_bytes()
    assert signer.GetPublicKey().encode() == public
    padded = opened(signer.Sign(TOKEN), public)
    assert padded.startswith(b"\0\1" + b"\xff" * 8)
    assert padded.endswith(TOKEN)


def test_a_pair_is_kept_and_a_lost_public_key_is_made_again(key: Path, made: tuple[bytes, bytes]) -> None:
    load_signer(key)
    public = key.with_name("adbkey.pub")
    assert (key.read_bytes(), public.read_bytes()) == made
    public.unlink()
    load_signer(key)
    assert key.read_bytes() == made[0]
    assert public.read_bytes().split()[0] == made[1].split()[0]
    assert sorted(entry.name for entry in key.parent.iterdir()) == ["adbkey", "adbkey.pub"]


def test_the_key_is_adb_s_own(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert key_path() == tmp_path / "home" / ".android" / "adbkey"
    key_path().parent.mkdir(parents=True)
    for name in ("adbkey", "adbkey.pub"):
        (tmp_path / name).rename(key_path().with_name(name))
    assert load_signer().GetPublicKey().encode() == key_path().with_name("adbkey.pub").read_bytes()


@pytest.mark.parametrize("name", ["adbkey", "adbkey.pub"])
def test_a_key_that_is_a_folder_or_too_large_is_one_sentence(name: str, key: Path) -> None:
    spoils: list[Callable[[Path], object]] = [lambda path: path.write_bytes(bytes(1 << 20)), lambda path: path.mkdir()]
    for spoil in spoils:
        key.with_name(name).unlink()
        spoil(key.with_name(name))
        with pytest.raises(DeviceError, match=name):
            load_signer(key)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match=r"adbkey cannot be read or made \(.*\); is the folder yours\?"):
        load_signer(tmp_path / "file" / "adbkey")


AT_ONCE = """
import sys
from pathlib import Path
from adb_shell.auth import keygen, sign_pythonrsa
from android_harness.device.adb.keys import load_signer
print("ready", flush=True)
sys.stdin.readline()
print(load_signer(Path(sys.argv[1])).GetPublicKey())
"""


def test_processes_that_begin_at_once_make_one_key(tmp_path: Path) -> None:
    key, pipe = tmp_path / ".android" / "adbkey", subprocess.PIPE
    processes = [subprocess.Popen([sys.executable, "-c", AT_ONCE, str(key)], stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = {process.communicate()[0].strip() for process in processes}
    assert said == {key.with_name("adbkey.pub").read_text().strip()}
