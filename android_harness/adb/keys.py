"""The RSA key by which a device knows this computer: adb's own, so that a device accepted once is accepted for both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collab.errors import DeviceError

if TYPE_CHECKING:
    from adb_shell.auth.sign_pythonrsa import PythonRSASigner


def key_path() -> Path:
    """Where adb keeps its key."""
    return Path.home() / ".android" / "adbkey"


def load_signer(path: Path | None = None) -> PythonRSASigner:
    """The key as adb-shell takes it; made, as adb would make it, where there is none.

    Raises:
        DeviceError: the key cannot be read, or is none.
    """
    from adb_shell.auth.sign_pythonrsa import PythonRSASigner

    path = path or key_path()
    public = path.with_name(path.name + ".pub")
    try:
        if not path.exists():
            _generate(path)
        elif not public.exists():
            _write_public_key(path)
        return PythonRSASigner(public.read_text(encoding="utf-8"), path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeviceError(f"the adb key {path} cannot be read or made ({error.strerror}); is the folder yours?") from error
    except Exception as error:
        raise DeviceError(
            f"the adb key {path} is damaged ({error}); remove it and {public.name}, and accept the new one on the phone"
        ) from error


def _generate(path: Path) -> None:
    from adb_shell.auth.keygen import keygen

    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    keygen(str(path))
    path.chmod(0o600)


def _write_public_key(path: Path) -> None:
    from adb_shell.auth.keygen import write_public_keyfile

    write_public_keyfile(str(path), str(path) + ".pub")
