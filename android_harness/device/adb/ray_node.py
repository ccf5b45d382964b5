"""ADB through a node of a Ray cluster: a phone is a resource of the computer that it is plugged into (optional extra ``ray``).

The node offers it as ``ray start --address=HEAD --resources='{"phone:SERIAL": 1}'``. An actor there speaks to the phone by the ways that
there are on any computer; journals, tables and locks stay with whoever asks. A node that dies, or has lost its phone, is a connection that
broke: each node that offers the phone is asked in turn, and the phase goes on from the journal on the device.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from android_harness.device.adb.transport import SILENCE_S
from android_harness.device.base import OnSent, ignored
from collab.errors import ConnectionLostError, DeviceError, StorageError, SyncNasError
from collab.files import writing
from collab.ray_cluster import LOCAL, first_line
from collab.ray_cluster import joined as joined_cluster
from collab.wording.options import option_named

if TYPE_CHECKING:
    from android_harness.device.adb.transport import Transport

RESOURCE: Final = "phone:"
"""Prefix of the name of a phone's resource; its serial follows."""
_SHARE: Final = 0.001
"""Share of a phone's resource that an actor takes: the lock on the phone itself tells who uses it, by a sentence instead of a wait."""
_CHUNK_BYTES: Final = 4 << 20
_ANSWER_S: Final = 30.0
"""Time that Ray itself is given beside what a request may take."""
_START_S: Final = 60.0
"""Limit of an actor's start, for which a node may have to start a process."""


class PhoneNode:
    """Actor on the node of a phone: carries out the requests of a `Transport`, with files in chunks."""

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self._transport: Transport | None = None
        self._scratch: Path | None = None

    def open(self) -> str:
        """Connects, and returns the way.

        Raises:
            ConnectionLostError: the phone is not there; it may be again, or at another node.
            DeviceError: it refuses this node.
        """
        from android_harness.device.adb.route import route_to

        self.close()
        try:
            self._transport = route_to(self._serial)
        except DeviceError as error:
            raise ConnectionLostError(str(error)) from error
        self._transport.open()
        return self._transport.way

    def run(self, command: str, timeout_s: float) -> bytes:
        return self._opened().run(command, timeout_s=timeout_s)

    def begin_file(self) -> None:
        """Begins a file that is sent in chunks, or fetched."""
        self.end_file()
        self._scratch = Path(tempfile.mkdtemp(prefix="syncnas-"))

    def add_chunk(self, chunk: bytes) -> None:
        with writing(self._file), self._file.open("ab") as file:
            file.write(chunk)

    def push(self, target: str) -> None:
        """Sends the file that the chunks made."""
        self._file.touch()
        self._opened().push(self._file, target, ignored)

    def pull(self, source: str) -> int:
        """Fetches a file to this node and returns its size in bytes."""
        self._opened().pull(source, self._file)
        return self._file.stat().st_size

    def chunk(self, offset: int) -> bytes:
        """Returns a piece of the file that was fetched."""
        with self._file.open("rb") as file:
            file.seek(offset)
            return file.read(_CHUNK_BYTES)

    def end_file(self) -> None:
        """Removes the file from this node."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def close(self) -> None:
        self.end_file()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    @property
    def _file(self) -> Path:
        if self._scratch is None:
            raise ConnectionLostError("the node has lost the file")
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
        self._node = self._host = ""
        self._way = "Ray"

    @property
    def way(self) -> str:
        return self._way

    def open(self) -> None:
        """Has a node connect to the phone. It asks the nodes that offer the phone in turn, first the one that was connected last.

        Raises:
            ConnectionLostError: no node offers the phone, or none that does can reach it.
            DeviceError: the phone refuses a node.
            SyncNasError: Ray is not installed, or there is no cluster.
        """
        self.close()
        ray = joined(self._address)
        nodes = self._offering(ray)
        if not nodes:
            raise ConnectionLostError(_not_offered(ray, self._serial))
        troubles: list[DeviceError] = []
        for node, host in nodes:
            self._actor, self._host = self._placed(ray, node), host
            try:
                way: str = self._ask("open", timeout_s=_START_S)
            except DeviceError as error:
                troubles.append(error)
                self.close()
            else:
                self._node, self._way = node, f"Ray ({way} at {host})"
                return
        # A phone that refuses a node waits for a person, so that is said before a phone that a node has just lost.
        raise next((error for error in troubles if not isinstance(error, ConnectionLostError)), troubles[0])

    def _offering(self, ray: Any) -> list[tuple[str, str]]:
        """Returns id and host of the nodes that offer the phone. The node that was connected last comes first."""
        resource = RESOURCE + self._serial
        alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get(resource, 0) >= _SHARE]
        return sorted(((node["NodeID"], node["NodeManagerHostname"]) for node in alive), key=lambda node: node[0] != self._node)

    def _placed(self, ray: Any, node: str) -> Any:
        """Returns a new actor at a node."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node, soft=False)
        make = ray.remote(num_cpus=0, resources={RESOURCE + self._serial: _SHARE}, max_restarts=0, scheduling_strategy=there)(PhoneNode)
        return make.remote(self._serial)

    def run(self, command: str, *, timeout_s: float) -> bytes:
        output: bytes = self._ask("run", command, timeout_s, timeout_s=timeout_s)
        return output

    def push(self, source: Path, target: str, _on_sent: OnSent) -> None:
        self._ask("begin_file")
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                self._ask("add_chunk", chunk)
        self._ask("push", target, timeout_s=_push_s(source.stat().st_size))
        self._ask("end_file")

    def pull(self, source: str, target: Path) -> None:
        self._ask("begin_file")
        size: int = self._ask("pull", source, timeout_s=_push_s(0))
        with writing(target), target.open("wb") as file:
            while file.tell() < size:
                chunk: bytes = self._ask("chunk", file.tell())
                if not chunk:
                    raise ConnectionLostError("the node has lost the file")
                file.write(chunk)
        self._ask("end_file")

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
            raise ConnectionLostError(f"the node {self._host} does not answer") from None
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, DeviceError):
                raise type(cause)(f"{cause}, at {self._host}") from None
            if isinstance(cause, StorageError):
                raise DeviceError(f"at the node {self._host}: {cause}") from None
            raise ConnectionLostError(f"{first_line(cause)}, at {self._host}") from None
        except ray.exceptions.RayError as error:
            raise ConnectionLostError(f"the node {self._host} is lost ({first_line(error)})") from None


def _push_s(size_bytes: int) -> float:
    """Returns how long a file may take, at the pace of slow Wi-Fi."""
    return SILENCE_S + max(size_bytes, 64 << 20) / (1 << 20)


def _not_offered(ray: Any, serial: str) -> str:
    others = [name.removeprefix(RESOURCE) for name in _offered(ray)]
    return (
        f"no node of the Ray cluster offers {RESOURCE}{serial}; on the computer that it is plugged into: ray start --address=HEAD:6379"
        f" --resources='{{\"{RESOURCE}{serial}\": 1}}'. Offered: {', '.join(others) or 'no phone'}"
    )


def joined(address: str) -> Any:
    """Returns the module ``ray``, joined to the cluster at an address.

    Raises:
        SyncNasError: Ray is not installed, or there is no cluster.
    """
    if address == LOCAL:
        raise SyncNasError(
            f"{option_named('--address', LOCAL)} starts a cluster that no phone is plugged into; give that of one that runs, or auto"
        )
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    return joined_cluster(address)


def _offered(ray: Any) -> list[str]:
    return sorted({name for node in ray.nodes() if node["Alive"] for name in node["Resources"] if name.startswith(RESOURCE)})


def phones_offered(address: str) -> list[str]:
    """Lists the serials of the phones that the cluster's nodes offer.

    Raises:
        SyncNasError: as for `joined`.
    """
    return [name.removeprefix(RESOURCE) for name in _offered(joined(address))]
