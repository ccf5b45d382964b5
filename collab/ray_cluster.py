"""Ray clusters, joined by their address (optional extra ``ray``)."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any, Final

from collab.console import one_line
from collab.errors import SyncNasError
from collab.wording.extras import missing
from collab.wording.options import option_named

LOCAL: Final = "local"
"""Address that starts a cluster of this machine alone."""
_KNOCK_S: Final = 10.0
_MOST_CHARACTERS: Final = 300


def joined(address: str) -> Any:
    """Returns the module ``ray``, once this process has joined the cluster at an address.

    Args:
        address: HOST:PORT; ``auto`` for the cluster that this machine is part of; or `LOCAL`, which starts a new cluster that only this
            machine can reach, even where there are others.

    Raises:
        SyncNasError: Ray is not installed, or the cluster cannot be reached.
    """
    if not address:
        # Ray would look for a cluster by itself, and none is to be used that was not named.
        raise SyncNasError(f"{option_named('--address')} is empty; give a cluster's, or auto")
    if address == LOCAL:
        _on_loopback_only()
    try:
        import ray
    except ImportError as error:
        raise SyncNasError(missing("reaching a Ray cluster", "Ray", "ray", error=error)) from error
    if ray.is_initialized():
        return ray
    try:
        _knock(address)
        # Without an address, Ray joins what RAY_ADDRESS or a file in /tmp/ray names; "local" makes it start a cluster.
        starting: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, **starting)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise SyncNasError(
            f"{option_named('--address', one_line(address))}: no Ray cluster is reached ({first_line(error)}); start one with: ray start"
            " --head"
        ) from error
    return ray


def first_line(error: BaseException) -> str:
    """Returns what an error says first; Ray's go on with tracebacks of other machines."""
    return one_line((str(error).strip().splitlines() or [type(error).__name__])[0])[:_MOST_CHARACTERS]


def _knock(address: str) -> None:
    """Tries to connect to the address: Ray itself tries for minutes before it says that nobody listens there (seen in 2.60).

    Raises:
        OSError: nobody listens there.
    """
    host, colon, port = address.rpartition(":")
    if colon and "/" not in address and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


def _on_loopback_only() -> None:
    """Makes Ray, which is yet to be imported, listen on the loopback device only, as it does on systems without clusters (seen in 2.60)."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
