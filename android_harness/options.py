"""The options that all commands share which use a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from collab.options import number

if TYPE_CHECKING:
    from android_harness.targets.find import HarnessOptions

DeviceName: TypeAlias = Annotated[
    str, typer.Option(help="A phone's serial number, HOST:PORT, or 'local' for this machine. Default: the only phone that is connected.")
]
Aars: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--aar", help="The LiteRT (or TFLite) AAR with the runtime for Android; may be repeated.")
]
StorageMb: TypeAlias = Annotated[int, typer.Option(min=1, max=1 << 24, help="How much of the phone's storage may be used.")]
Root: TypeAlias = Annotated[bool, typer.Option("--root", help="On a rooted phone: fix the clocks of CPU and GPU while measuring.")]
CpuMhz: TypeAlias = Annotated[
    int, typer.Option(min=0, max=100_000, help="With --root: the CPU clock, or the next lower one. 0: the highest.")
]
GpuMhz: TypeAlias = Annotated[int, typer.Option(min=0, max=100_000, help="With --root: the GPU clock, likewise.")]
CoolLimitS: TypeAlias = Annotated[float, number(least=0, most=1e6, help="How long a phone that got hot is given to cool down, in seconds.")]
Clean: TypeAlias = Annotated[bool, typer.Option("--clean", help="Afterwards, remove all that was put on the phone.")]


def harness_options(
    *, aar: list[Path] | None, storage_mb: int, root: bool, cpu_mhz: int, gpu_mhz: int, cool_limit_s: float = 300.0
) -> HarnessOptions:
    """Gathers the options for opening a device."""
    from android_harness.targets.find import HarnessOptions

    return HarnessOptions(
        aars=tuple(aar or ()), storage_mb=storage_mb, root=root, cpu_mhz=cpu_mhz, gpu_mhz=gpu_mhz, cool_limit_s=cool_limit_s
    )
