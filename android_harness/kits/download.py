"""Downloads of single files by pooch: bounded, gone on with after a cut, checked by digest, and kept whole or not at all.

What a network answers is untrusted: a hotel's page may come in the place of a library, with status 200.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from collab.console import one_line
from collab.errors import DeviceError, StorageError
from collab.files import is_full, reason_of, sha256_of, writing

if TYPE_CHECKING:
    import requests

MAX_FILE_BYTES: Final = 256 << 20
"""Limit of a file: ten times the largest of LiteRT's libraries."""
_SILENCE_S: Final = 20.0
_TRIES: Final = 5
"""Tries without a single byte more, after which a download is given up."""
_PAUSE_S: Final = 0.5
_CHUNK_BYTES: Final = 1 << 13
"""Small, as a chunk that is cut is lost."""
_MOST_CHARACTERS: Final = 200
_SHOWS_PAGES: Final = re.compile(rb"\s*(<!doctype html|<html|<\?xml|<head|<body)", re.IGNORECASE)
_HEAD_BYTES: Final = 512

OnBytes: TypeAlias = Callable[[int], None]
"""Receiver of the number of bytes that a file has so far."""


@dataclass(frozen=True)
class Remote:
    """File on a server, with its size in bytes where the server says it."""

    url: str
    size: int | None


def look_at(url: str) -> Remote:
    """Asks a server for a file's size.

    Raises:
        DeviceError: the server cannot be reached or has no such file.
    """
    import requests

    try:
        answer = requests.head(url, timeout=_SILENCE_S, allow_redirects=True)
    except requests.RequestException as error:
        raise _unreachable(url, error) from None
    _check_status(url, answer.status_code)
    return Remote(url, _whole(answer.headers.get("Content-Length")))


def download(url: str, target: Path, *, sha256: str | None = None, on_bytes: OnBytes = lambda _: None) -> str:
    """Downloads a file to `target`, where it appears whole, and returns its SHA-256.

    Args:
        sha256: the digest that it must have; None: any.

    Raises:
        DeviceError: the server cannot be reached, has no such file or sends something else, or the digest is another.
        StorageError: the disk is full, or the folder cannot be written.
    """
    import pooch

    # It would say what is said elsewhere.
    pooch.get_logger().setLevel(logging.CRITICAL)
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    arriving = target.with_name(f".{target.name}.arriving")
    arriving.unlink(missing_ok=True)
    try:
        pooch.retrieve(url, known_hash=None, fname=arriving.name, path=target.parent, downloader=_Resuming(on_bytes))
        found = sha256_of(arriving)
        if sha256 is not None and found != sha256:
            raise DeviceError(
                f"{url} is not the file that it should be (sha256 {found}, not {sha256}); nothing was kept. Is the network filtered? Give"
                " the file by hand with --aar, or another place with --from"
            )
        with writing(target):
            arriving.replace(target)
        return found
    except OSError as error:
        if is_full(error):
            raise StorageError(str(reason_of(error, target))) from error
        raise DeviceError(f"{url} cannot be kept at {target} ({error.strerror or error})") from error
    finally:
        arriving.unlink(missing_ok=True)


class _Resuming:
    """Downloader in pooch's form that asks for the rest of a file after a cut."""

    def __init__(self, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes

    def __call__(self, url: str, output_file: str | Path, _pooch: Any) -> None:
        """Writes the file at `url` to `output_file`.

        Raises:
            DeviceError: as for `download`.
        """
        import requests

        path, idle = Path(output_file), 0
        path.write_bytes(b"")
        while True:
            have = path.stat().st_size
            try:
                if self._fetch_rest(url, path, have):
                    return
                error: Exception = ConnectionError("it ended before its end")
            except requests.RequestException as cut:
                error = cut
            idle = 0 if path.stat().st_size > have else idle + 1
            if idle >= _TRIES:
                raise _unreachable(url, error)
            time.sleep(_PAUSE_S * idle)

    def _fetch_rest(self, url: str, path: Path, have: int) -> bool:
        """Appends what the server sends from byte `have` on; returns whether the file is whole."""
        import requests

        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=_SILENCE_S) as answer:
            _check_status(url, answer.status_code)
            begins_anew = answer.status_code != requests.codes.partial_content
            total = _total(answer, have=0 if begins_anew else have)
            if total is not None and total > MAX_FILE_BYTES:
                raise DeviceError(f"{url} has {total} bytes, more than any library of LiteRT; is it the right place?")
            with path.open("wb" if begins_anew else "ab", buffering=0) as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    _refuse_pages(url, chunk if file.tell() == 0 else b"")
                    file.write(chunk)
                    if file.tell() > MAX_FILE_BYTES:
                        raise DeviceError(f"{url} does not end; is it the right place?")
                    self._on_bytes(file.tell())
            return total is None or path.stat().st_size == total


def _total(answer: requests.Response, *, have: int) -> int | None:
    """Returns the size of the whole file, as far as the server says it."""
    rest = _whole(answer.headers.get("Content-Length"))
    return None if rest is None or answer.headers.get("Content-Encoding") else have + rest


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,15}", text, re.ASCII) else None


def _refuse_pages(url: str, head: bytes) -> None:
    if _SHOWS_PAGES.match(head[:_HEAD_BYTES]):
        raise DeviceError(
            f"{url} answers with a web page, not with a library: this network wants a login, or filters downloads. Open a page in a browser"
            " first, or take another network"
        )


def _check_status(url: str, status: int) -> None:
    """Checks the status of an answer.

    Raises:
        DeviceError: the server has no such file, or refuses it. A server's own fault is left to another try.
    """
    if status in (401, 403, 404, 410):
        raise DeviceError(f"{url} is not there (status {status}); is the version right? Another place can be named with --from")
    if status >= 400:
        import requests

        raise requests.HTTPError(f"status {status}")


def _unreachable(url: str, error: Exception) -> DeviceError:
    words = one_line(str(error))[:_MOST_CHARACTERS] or type(error).__name__
    return DeviceError(f"{url} cannot be downloaded ({words}); is the network there? Files that are there already do with --offline")
