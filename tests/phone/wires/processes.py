"""Processes in a pid namespace, seen from outside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """Process in the phone."""

    pid: int
    """Its number in the phone."""
    host_pid: int
    """Its number on this machine."""
    name: str
    """Name that the kernel has for it: the first 15 characters of its program's name."""


def processes_of(init_pid: int) -> tuple[Process, ...]:
    """Lists the living processes in the pid namespace of `init_pid` but for itself, the oldest first."""
    namespace = Path(f"/proc/{init_pid}/ns/pid").readlink()
    return tuple(sorted(_living_in(namespace), key=lambda process: process.pid))


def _living_in(namespace: Path) -> Iterator[Process]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if (folder / "ns/pid").readlink() != namespace:
                continue
            fields = dict(line.split(":\t", 1) for line in (folder / "status").read_text(encoding="utf-8").splitlines() if ":\t" in line)
            pid = int(fields["NSpid"].split()[-1])
            if pid != 1 and not fields["State"].startswith("Z"):
                yield Process(pid, int(folder.name), fields["Name"])
