"""Waiting for processes, and holding them where a test wants them: their pace decides nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_HANGS_AFTER_S: Final = 300
_LOOKS_EVERY_S: Final = 0.01


def wait_until(holds: Callable[[], bool]) -> None:
    """Returns once it holds; fails after five minutes, which is a hang."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < _HANGS_AFTER_S, "it never came to hold"
        time.sleep(_LOOKS_EVERY_S)


@contextlib.contextmanager
def held(pid: int) -> Iterator[None]:
    """Stops a process (SIGSTOP) for as long as the block takes. If it is killed meanwhile, so be it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: state_of(pid) in ("T", "Z", None))
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def state_of(pid: int) -> str | None:
    """The letter that the kernel gives for what a process does (T: stopped, Z: ended); None if there is none of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def has_pending(pid: int, number: signal.Signals) -> bool:
    """Whether a process has been sent a signal that it has not dealt with yet."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return any(int(line.split()[1], 16) >> (number - 1) & 1 for line in lines if line.startswith(("SigPnd:", "ShdPnd:")))
