"""The machine that this toolkit runs on, as a device among others."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

LOCAL_NAME: Final = "local"
"""What it is called where others have a serial number."""


def machine_fingerprint() -> dict[str, str]:
    """What makes it another device, however it is reached: tables of one are none of another's."""
    return {"cpu": _cpu_model(), "cores": str(os.cpu_count()), "abi": platform.machine(), "system": platform.system()}


def memory_bytes() -> int | None:
    """All of this machine's memory; None where the system does not say."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    return size if size > 0 else None


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Hardware", "CPU part")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
