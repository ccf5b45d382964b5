"""Options of a target: the use of a phone while it is measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from android_harness.device.adb.device import DEFAULT_PATIENCE_S
from android_harness.device.layout import Layout
from android_harness.protocol.phases import Gate

PHONE_GATE: Final = Gate(status=("/system/bin/dumpsys", "thermalservice"), slowdown=0.35, held="held")
"""Gate of a phone, which may get hot: the runner then waits, and repeats the visits that it made meanwhile. A shell may not read the clock
caps of GPUs, so sentinels count as well: a slowdown of more than the 10 to 30 % by which shared machines were seen to drift without
heat."""


@dataclass(frozen=True)
class HarnessOptions:
    """Options of a target.

    `steady`: put the phone into its fixed performance mode. `root`: fix the clocks, which needs a rooted phone; 0 MHz fixes a clock at its
    highest. `hot_at`: the lowest thermal status that counts as hot. `cluster`: address of the Ray cluster whose node the phone is plugged
    into; empty: it is reached from this computer.
    """

    aars: tuple[Path, ...] = ()
    storage_mb: int = 1024
    steady: bool = False
    root: bool = False
    cpu_mhz: int = 0
    gpu_mhz: int = 0
    hot_at: int = PHONE_GATE.hot_at
    cool_limit_s: float = PHONE_GATE.cool_s
    patience_s: float = DEFAULT_PATIENCE_S
    cluster: str = ""
    layout: Layout = field(default_factory=Layout)
