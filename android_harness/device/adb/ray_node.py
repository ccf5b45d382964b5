"""ADB through a node of a Ray cluster: a phone is a resource of the computer that it is plugged into (optional extra ``ray``).

The node offers it as ``ray start --address=HEAD --resources='{"phone:SERIAL": 1}'``. An actor there speaks to the phone by the ways that
there are on any computer; journals, tables and locks stay with whoever asks. A node that dies is a connection that broke: its phone is free
again, and once another node offers it, the phase goes on from the journal on the device.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from android_harness.device.adb.transport import SILENCE_S
from collab.console import one_line
from collab.errors import ConnectionLostError, DeviceError

if TYPE_CHECKING:
    from android_harness.device.adb.transport import Transport

RESOURCE: Final = "phone:"
"""Prefix of the name of a phone's resource; its serial follows."""
_CHUNK_BYTES: Final = 4 << 20
_ANSWER_S: Final = 30.0
"""Time that Ray itself is given beside what a request may take."""
_START_S: Final = 60.0
"""Limit of an actor's start, for which a node may have to start a process."""
_MOST_CHARACTERS: Final = 300


class PhoneNode:
    """Actor on the node of a phone: carries out the requests of a `Transport`, with files in chunks."""

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self._transport: Transport | None = None
        self._scratch = Path(tempfile.mkdtemp(prefix="syncnas-"))

    def open(self) -> str:
        """Connects, and returns the way."""
        from android_harness.device.adb.route import route_to

        self.close()
        self._transport = route_to(self._serial)
        self._transport.open()
        return self._transport.way

    def run(self, command: str, timeout_s: float) -> bytes:
        return self._opened().run(command, timeout_s=timeout_s)

    def begin_file(self) -> None:
        """Begins a file that is sent in chunks."""
        self._file.write_bytes(b"")

    def add_chunk(self, chunk: bytes) -> None:
        with self._file.open("ab") as file:
            file.write(chunk)

    def push(self, target: str) -> None:
        """Sends the file that the chunks made."""
        self._opened().push(self._file, target)
        self._file.unlink()

    def pull(self, source: str) -> int:
        """Fetches a file to this node and returns its size in bytes."""
        self._opened().pull(source, self._file)
        return self._file.stat().st_size

    def chunk(self, offset: int) -> bytes:
        """Returns a piece of the file that was fetched."""
        with self._file.open("rb") as file:
            file.seek(offset)
            return file.read(_CHUNK_BYTES)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    @property
    def _file(self) -> Path:
        return self._scratch / "file"

    def _opened(self) -> Transport:
        if self._transport is None:
            raise ConnectionLostError("the node is not connected")
        return self._transport


class RayTransport:
    """`Transport` by way of a node of the Ray cluster at an address (``auto``: the one that this computer is part of)."""

    def __init__(self, serial: str, address: str) -> None:
        self._serial, self._address = serial, address
        self._actor: Any = None
        self._way = "Ray"

    @property
    def way(self) -> str:
        return self._way

    def open(self) -> None:
        """Has a node that offers the phone connect to it.

        Raises:
            ConnectionLostError: no node offers the phone, another command has it, or the node cannot reach it.
            DeviceError: Ray is not installed, or its cluster is not there.
        """
        self.close()
        ray = joined(self._address)
        resource = f"{RESOURCE}{self._serial}"
        if not any(node["Alive"] and node["Resources"].get(resource, 0) >= 1 for node in ray.nodes()):
            raise ConnectionLostError(f"no node of the Ray cluster offers {resource}")
        make = ray.remote(num_cpus=0, resources={resource: 1}, max_restarts=0)(PhoneNode)
        self._actor = make.remote(self._serial)
        way: str = self._ask("open", timeout_s=_START_S)
        self._way = f"Ray ({way} at its node)"

    def run(self, command: str, *, timeout_s: float) -> bytes:
        output: bytes = self._ask("run", command, timeout_s, timeout_s=timeout_s)
        return output

    def push(self, source: Path, target: str) -> None:
        self._ask("begin_file")
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                self._ask("add_chunk", chunk)
        self._ask("push", target, timeout_s=_push_s(source.stat().st_size))

    def pull(self, source: str, target: Path) -> None:
        from collab.files import writing

        size: int = self._ask("pull", source, timeout_s=_push_s(0))
        with writing(target), target.open("wb") as file:
            while file.tell() < size:
                chunk: bytes = self._ask("chunk", file.tell())
                if not chunk:
                    raise ConnectionLostError("the node has lost the file")
                file.write(chunk)

    def close(self) -> None:
        """Gives the phone back to the cluster."""
        if self._actor is None:
            return
        import ray

        actor, self._actor = self._actor, None
        if ray.is_initialized():
            ray.kill(actor)

    def _ask(self, request: str, *arguments: object, timeout_s: float = SILENCE_S) -> Any:
        """Returns the answer of the phone's node.

        Raises:
            ConnectionLostError: the node died, is silent, or has lost the phone.
            DeviceError: the node's phone refuses, where another try is of no use.
        """
        import ray

        if self._actor is None:
            raise ConnectionLostError("not connected")
        try:
            return ray.get(getattr(self._actor, request).remote(*arguments), timeout=timeout_s + _ANSWER_S)
        except ray.exceptions.GetTimeoutError:
            raise ConnectionLostError(f"the node of {self._serial} does not answer; has another command its phone?") from None
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, DeviceError):
                raise type(cause)(str(cause)) from None
            raise ConnectionLostError(_words(error)) from None
        except ray.exceptions.RayError as error:
            raise ConnectionLostError(f"the node of {self._serial} is lost ({_words(error)})") from None


def _push_s(size_bytes: int) -> float:
    """Returns how long a file may take, at the pace of slow Wi-Fi."""
    return SILENCE_S + max(size_bytes, 64 << 20) / (1 << 20)


def _words(error: Exception) -> str:
    return one_line((str(error).strip().splitlines() or [type(error).__name__])[0])[:_MOST_CHARACTERS]


def joined(address: str) -> Any:
    """Returns the module ``ray``, joined to the cluster at an address.

    Raises:
        DeviceError: Ray is not installed, or there is no cluster.
    """
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        import ray
    except ImportError as error:
        raise DeviceError("--executor ray needs Ray: pip install '.[ray]'") from error
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise DeviceError(
                f"--address {address}: no Ray cluster is reached ({_words(error)}); start one with: ray start --head"
            ) from error
    return ray


def phones_offered(address: str) -> list[str]:
    """Lists the serials of the phones that the cluster's nodes offer.

    Raises:
        DeviceError: as for `joined`.
    """
    offered = {name for node in joined(address).nodes() if node["Alive"] for name in node["Resources"] if name.startswith(RESOURCE)}
    return sorted(name.removeprefix(RESOURCE) for name in offered)
