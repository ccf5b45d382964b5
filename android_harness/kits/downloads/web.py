"""Downloads of single files over HTTP, bounded in size; one that is cut goes on where it stopped, if the server can do so.

pooch does the talking. What comes is untrusted: callers check the file before they use it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import urlsplit

from collab.console import one_line
from collab.errors import ConfigError, DeviceError
from collab.files import to_disk, writing

if TYPE_CHECKING:
    from requests import Response

_TRIES: Final = 6
_PAUSE_S: Final = 0.5
"""Pause before the second try; before each later one it is longer by as much."""
_TIMEOUT_S: Final = (10, 60)
"""Seconds: the longest wait for a connection, then the longest wait for the next bytes."""
_CHUNK_BYTES: Final = 1 << 16
_ABSENT: Final = (403, 404, 410)
"""Statuses of a file that is not there; stores that do not tell who may list them say 403."""
_BUSY: Final = (408, 416, 425, 429)
"""Statuses below 500 after which another try may help. 416 means that the file changed since the part that is here was downloaded."""
_PAGE: Final = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|script)", re.IGNORECASE)
_SCHEMES: Final = ("https", "http")

Progress = Callable[[int, "int | None"], None]
"""Receives how many bytes are here, and how many there will be, None where the server does not say."""


def checked_url(text: str, *, said_by: str) -> str:
    """Returns an address without a slash at its end; `said_by` names the option that it comes from.

    Raises:
        ConfigError: it is no address of a web server.
    """
    url = text.rstrip("/")
    try:
        parts = urlsplit(url)
        known = parts.scheme in _SCHEMES and bool(parts.hostname) and url.isprintable() and " " not in url
        known = known and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ConfigError(f"{said_by} {one_line(text)[:200]} is no address of a web server; give one that begins with https://")
    return url


def download(url: str, path: Path, *, most_bytes: int, absent: str, progress: Progress) -> None:
    """Writes the file at an address to a path of this machine, on the disk when this returns. A connection that breaks is tried again.

    `absent` is the message where there is no such file.

    Raises:
        DeviceError: it is not there, is larger than `most_bytes`, is a web page in its place, or cannot be had within `_TRIES` tries.
        StorageError: the file cannot be written.
    """
    import requests

    host = one_line(urlsplit(url).hostname or "")
    failure = ""
    with writing(path), path.open("w+b") as file:
        partial = _PartialFile(url, file, path, most_bytes, progress)
        for number in range(_TRIES):
            time.sleep(_PAUSE_S * number)
            try:
                partial.go_on()
            except requests.HTTPError as error:
                status = error.response.status_code
                if status in _ABSENT:
                    raise DeviceError(absent) from None
                failure = f"it answers with status {status}"
                if status < 500 and status not in _BUSY:
                    break
                partial.begin_anew()
            except requests.exceptions.SSLError as error:
                failure = f"who answers cannot prove to be {host}, {_words(error)}; does this network want you to log in first?"
                break
            except requests.RequestException as error:
                failure = _words(error)
            else:
                partial.finish(host)
                return
    raise DeviceError(f"{url} cannot be downloaded ({failure}); is the network there, and a proxy named (HTTPS_PROXY) where one is needed?")


class _PartialFile:
    """File on its way. pooch writes to it as to a file."""

    def __init__(self, url: str, file: BinaryIO, path: Path, most_bytes: int, progress: Progress) -> None:
        self._url = url
        self._file = file
        self._path = path
        self._most_bytes = most_bytes
        self._progress = progress
        self._written = 0
        self._total: int | None = None
        self._tag = ""  # the server's name for this content; without one, a part cannot be gone on with

    def go_on(self) -> None:
        """Asks for what is still missing, and writes it.

        Raises:
            requests.RequestException: the server refuses, or the connection breaks.
            DeviceError, StorageError: see `download`.
        """
        from pooch import HTTPDownloader

        if not self._tag:
            self.begin_anew()
        headers = {"Accept-Encoding": "identity"}
        if self._written:
            headers |= {"Range": f"bytes={self._written}-", "If-Range": self._tag}
        hooks = {"response": self._answered}
        HTTPDownloader(chunk_size=_CHUNK_BYTES, headers=headers, hooks=hooks, timeout=_TIMEOUT_S)(self._url, self, None)

    def begin_anew(self) -> None:
        """Throws away what was written."""
        self._tag, self._written, self._total = "", 0, None
        self._file.seek(0)
        self._file.truncate()

    def write(self, data: bytes) -> None:
        """Appends bytes.

        Raises:
            DeviceError: they are more than there may be.
            StorageError: they cannot be written.
        """
        self._written += len(data)
        self._require_room(self._written)
        with writing(self._path):
            self._file.write(data)
        self._progress(self._written, self._total)

    def flush(self) -> None:
        """Does nothing: `finish` puts everything on the disk."""

    def finish(self, host: str) -> None:
        """Puts the file on the disk.

        Raises:
            DeviceError: it is a web page.
        """
        self._file.seek(0)
        if _PAGE.match(self._file.read(1024)):
            raise DeviceError(self._is_page(host))
        self._file.flush()
        to_disk(self._file.fileno())

    def _answered(self, response: Response, **_: object) -> None:
        """Looks at the head of an answer before its content is read: is it the file, the rest of it, or something else?

        Raises:
            DeviceError: it is a web page, is too large, comes over a connection that is less safe than was asked for, or is another part.
        """
        if response.is_redirect or not response.ok:
            return
        came = urlsplit(response.url)
        host = one_line(came.hostname or "")
        if came.scheme != "https" and self._url.startswith("https:"):
            raise DeviceError(f"{self._url} leads to {host} without encryption; does this network want you to log in?")
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise DeviceError(self._is_page(host))
        if response.status_code != 206:
            self.begin_anew()
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {self._written}-"):
            raise DeviceError(f"{host} sends another part of {self._url} than it was asked for; name another source with --from")
        length = response.headers.get("Content-Length", "")
        self._total = self._written + int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
        self._require_room(self._total or 0)
        tag = response.headers.get("ETag", "")
        # Weak tags do not promise equal bytes, and of what arrives compressed the count of bytes is another.
        self._tag = "" if tag.startswith("W/") or response.headers.get("Content-Encoding", "identity") != "identity" else tag

    def _require_room(self, size_bytes: int) -> None:
        if size_bytes > self._most_bytes:
            raise DeviceError(
                f"{self._url} has more than {self._most_bytes} bytes, which is more than it should; name another source with --from"
            )

    def _is_page(self, host: str) -> str:
        return (
            f"{host} answers with a web page in place of {self._url}; does this network want you to log in first?"
            " Open any page in a browser, log in, and give the same command again"
        )


def _words(error: Exception) -> str:
    """Returns what went wrong in some words; the libraries' own are long and name their objects."""
    text = f"{type(error).__name__}: {error}"
    for known, words in (
        ("ProxyError", "the proxy does not answer"),
        ("NameResolutionError", "its name is not known here"),
        ("Connection refused", "it refuses the connection"),
        ("timed out", "it does not answer"),
        ("IncompleteRead", "the connection breaks again and again"),
        ("Connection broken", "the connection breaks again and again"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not valid"),
    ):
        if known in text:
            return words
    return one_line(text)[:200]
