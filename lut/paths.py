"""Paths of hand-overs: on which side the data is copied.

| path | the sender copies out, then signals | the receiver copies in |
| --- | --- | --- |
| shared | no | no |
| readback | yes, straight into the receiver's memory | no |
| upload | no | yes, straight from the sender's memory |
| memcpy | yes, into memory between the two | yes, from there |

A receiver that copies nothing still fetches the data from where the other one's core left it.
"""

from __future__ import annotations

from typing import Final

PATHS: Final = ("shared", "memcpy", "readback", "upload")
REQUESTABLE_PATHS: Final = ("shared", "memcpy")
"""Paths that the runner can be asked for. Asked for ``shared``, it takes the first of `BY_COST` that two units can do."""
BY_COST: Final = ("shared", "upload", "readback", "memcpy")
"""All paths, the cheapest first."""


def copies_out(path: str) -> bool:
    """Whether the sender copies, which delays it, and signals only then."""
    return path in ("readback", "memcpy")


def copies_in(path: str) -> bool:
    """Whether the receiver copies, which delays it."""
    return path in ("upload", "memcpy")
