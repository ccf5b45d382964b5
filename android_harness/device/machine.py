"""This machine, as a device among others: its fingerprint, memory and clocks."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Final

from collab.console import one_line

LOCAL_NAME: Final = "local"
"""Name of this machine, in the place of a serial number."""
MOST_CHARACTERS: Final = 512
"""Length at which names and texts of a system are cut; no real one is longer."""
_READ_BYTES: Final = 1 << 16
_MOST_KHZ: Final = 100_000_000


def machine_fingerprint() -> dict[str, str]:
    """Returns the fingerprint of this machine, the same whichever way it is reached; tables of different fingerprints are not mixed."""
    return {"cpu": cpu_model(), "cores": str(os.cpu_count()), "abi": platform.machine(), "system": platform.system()}


def memory_bytes() -> int | None:
    """Returns this machine's total memory in bytes; None where the system does not say."""
    ask = getattr(os, "sysconf", None)
    if ask is None:
        return None
    try:
        size = int(ask("SC_PAGE_SIZE")) * int(ask("SC_PHYS_PAGES"))
    except (ValueError, OSError):
        return None
    return size if size > 0 else None


def clock_khz(text: str) -> int | None:
    """Parses a clock in kHz as Linux writes it; None where it is no number, or out of the range of real cores."""
    digits = text.strip()
    khz = int(digits) if re.fullmatch(r"\d{1,9}", digits, re.ASCII) else 0
    return khz if 0 < khz <= _MOST_KHZ else None


def cpu_model(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Returns the name of this machine's processor, printable and short; ``unknown`` where nothing says it."""
    try:
        with cpu_info.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_READ_BYTES).splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Hardware", "CPU part")))
    return one_line(next(named, "") or platform.processor() or "unknown")[:MOST_CHARACTERS]
