"""Evaluations on a Ray cluster, which may have many machines and lose some of them (optional extra ``ray``)."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from collab.errors import SyncNasError
from search.evaluators.base import Evaluator, Query
from search.executors import Outcome, evaluated

_NODE_TRIES: Final = 5
"""So often Ray starts a task again whose node or worker died; an evaluator's own failures are no such thing."""
_MOST_BYTES: Final = 4 << 30
_KNOCK_S: Final = 10.0


@runtime_checkable
class HasFolder(Protocol):
    """An evaluator with files that `prepare` has made, which other machines need as well."""

    @property
    def folder(self) -> Path | None:
        """Where they are."""

    def in_folder(self, folder: Path) -> Evaluator:
        """The same evaluator with its files in another folder."""


@dataclass(frozen=True)
class _Shipped:
    """An evaluator, and its files by name."""

    evaluator: Evaluator
    files: dict[str, bytes]
    key: str

    def unpacked(self) -> Evaluator:
        """The evaluator with its files on this machine; they are written once."""
        if not self.files or not isinstance(self.evaluator, HasFolder):
            return self.evaluator
        folder = Path(tempfile.gettempdir()) / f"syncnas-{os.getuid()}-{self.key}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise SyncNasError(f"{folder} belongs to another user; remove it")
        for name, content in self.files.items():
            if not (folder / name).exists():
                with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                    file.write(content)
                Path(file.name).replace(folder / name)
        return self.evaluator.in_folder(folder)


def _ship(evaluator: Evaluator) -> _Shipped:
    files: dict[str, bytes] = {}
    if isinstance(evaluator, HasFolder) and evaluator.folder is not None:
        paths = [path for path in sorted(evaluator.folder.iterdir()) if path.is_file()]
        if sum(path.stat().st_size for path in paths) > _MOST_BYTES:
            raise SyncNasError(f"{evaluator.folder} holds more than {_MOST_BYTES >> 30} GiB, which is too much to send to every machine")
        files = {path.name: path.read_bytes() for path in paths}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)
    return _Shipped(evaluator, files, digest.hexdigest()[:16])


def _evaluate(shipped: _Shipped, n: int, query: Query) -> Outcome:
    return evaluated(shipped.unpacked(), n, query)


def _knock(address: str) -> None:
    """Whether anyone listens there: Ray itself tries for minutes before it says so (seen in 2.60).

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.rpartition(":")
    if colon and "/" not in address and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


class RayExecutor:
    """Evaluations as Ray tasks.

    The toolkit must be installed on every machine of the cluster, and data must be found there by the same path.

    Args:
        address: of the cluster; ``auto`` for the one that this machine is part of, ``local`` for one of this machine alone.
        workers: evaluations at the same time.
        cpus: of one evaluation.
        gpus: of one evaluation; may be a fraction.
        retries: so often a failed evaluation is tried again.

    Raises:
        SyncNasError: Ray is not installed, the cluster cannot be reached, or none of its machines is large enough.
    """

    def __init__(self, evaluator: Evaluator, *, address: str, workers: int, cpus: float, gpus: float, retries: int) -> None:
        try:
            import ray
        except ImportError as error:
            raise SyncNasError("--executor ray needs Ray: pip install '.[ray]'") from error
        self._ray: Any = ray
        self._workers, self._retries = workers, retries
        try:
            _knock(address)
            where = None if address == "local" else address
            ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise SyncNasError(f"--address {address}: no Ray cluster is reached ({reason}); start one with: ray start --head") from error
        self._check_resources(cpus, gpus)
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=_NODE_TRIES)
        self._task: Any = remote(_evaluate)
        self._shipped = ray.put(_ship(evaluator))
        self._running: dict[Any, tuple[int, Query, int]] = {}

    def _check_resources(self, cpus: float, gpus: float) -> None:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(node.get("CPU", 0.0) >= cpus and node.get("GPU", 0.0) >= gpus for node in nodes):
            largest = ", ".join(f"{node.get('CPU', 0.0):g} CPUs and {node.get('GPU', 0.0):g} GPUs" for node in nodes)
            self.close()
            raise SyncNasError(f"an evaluation wants {cpus:g} CPUs and {gpus:g} GPUs, the cluster's machines have {largest}; ask for less")

    @property
    def slots(self) -> int:
        return self._workers

    def submit(self, n: int, query: Query) -> None:
        self._start(n, query, 0)

    def _start(self, n: int, query: Query, failures: int) -> None:
        self._running[self._task.remote(self._shipped, n, query)] = (n, query, failures)

    def next(self) -> Outcome:
        while True:
            [done], _ = self._ray.wait(list(self._running), num_returns=1)
            n, query, failures = self._running.pop(done)
            try:
                outcome: Outcome = self._ray.get(done)
            except self._ray.exceptions.RayError as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                outcome = Outcome(n, None, f"the cluster could not carry it out: {reason}", 0.0)
            if outcome.accuracy is not None or failures >= self._retries:
                return outcome
            self._start(n, query, failures + 1)

    def close(self) -> None:
        """Ends what is still going on, and leaves the cluster as it is."""
        self._ray.shutdown()
