"""RSA key by which a device recognises this computer: adb's own, so that a user accepts it once for adb and this toolkit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collab.console import one_line
from collab.documents import read_bytes
from collab.errors import DeviceError
from collab.system.caches import cache_folder
from collab.system.locks import wait_for_lock
from collab.system.portable import PLAIN

if TYPE_CHECKING:
    from adb_shell.auth.sign_pythonrsa import PythonRSASigner


_MAX_KEY_BYTES: Final = 1 << 16
_MAX_WORDS: Final = 200


def key_path() -> Path:
    """Returns the path of adb's private key."""
    return Path.home() / ".android" / "adbkey"


def load_signer(path: Path | None = None) -> PythonRSASigner:
    """Loads the key for adb-shell, and first makes one, as adb would, where there is none.

    Raises:
        DeviceError: the key cannot be read or made, or is damaged.
    """
    from adb_shell.auth.sign_pythonrsa import PythonRSASigner

    path = path or key_path()
    public = path.with_name(path.name + ".pub")
    try:
        if not path.exists():
            with _alone_in(path.parent):
                if not path.exists():
                    _generate(path)
        elif not public.exists():
            _write_public_key(path)
        return PythonRSASigner(_text(public), _text(path))
    except DeviceError:
        raise
    except OSError as error:
        raise DeviceError(f"the adb key {path} cannot be read or made ({error.strerror}); is the folder yours?") from error
    except Exception as error:
        # Whatever the library raises: it was not written for damaged keys.
        words = one_line(str(error))[:_MAX_WORDS] or type(error).__name__
        raise DeviceError(
            f"the adb key {path} is damaged ({words}); remove it and {public.name}, and accept the new one on the phone"
        ) from error


def _text(path: Path) -> str:
    return read_bytes(path, limit_bytes=_MAX_KEY_BYTES, error=DeviceError, advice="it is a part of adb's key; is it yours?").decode()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Makes adb's folder if need be, and keeps other processes of this toolkit out of it by a lock file in the user's cache.

    Without the lock, profiles of several phones that begin at once made a key each.
    """
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    lock = cache_folder("locks") / "adbkey"
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | PLAIN, 0o600)
    try:
        wait_for_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _generate(path: Path) -> None:
    """Makes a key pair in a temporary folder and moves the private key last, as its presence means that the pair is whole."""
    from adb_shell.auth.keygen import keygen

    with tempfile.TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as folder:
        made = Path(folder) / path.name
        keygen(str(made))
        made.chmod(0o600)
        made.with_name(made.name + ".pub").replace(path.with_name(path.name + ".pub"))
        made.replace(path)


def _write_public_key(path: Path) -> None:
    from adb_shell.auth.keygen import write_public_keyfile

    public = path.with_name(path.name + ".pub")
    with tempfile.TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as folder:
        made = Path(folder) / public.name
        write_public_keyfile(str(path), str(made))
        made.replace(public)
