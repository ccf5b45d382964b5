"""Settings of a device that are changed while a phase runs. The device itself changes them back (``scripts/tuning.sh``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from android_harness.device.state import DeviceState
from collab.errors import DeviceError


@dataclass(frozen=True)
class Tuning:
    """Settings to change while a phase runs. `fix_clocks` needs a rooted device; a clock of 0 is fixed at its highest."""

    keep_awake: bool = False
    fixed_performance: bool = False
    fix_clocks: bool = False
    cpu_khz: int = 0
    gpu_hz: int = 0

    @property
    def setting_names(self) -> str:
        """Names of the settings to change, joined by commas, as an argument of ``tuning.sh``."""
        named = (("awake", self.keep_awake), ("performance", self.fixed_performance), ("clocks", self.fix_clocks))
        return ",".join(name for name, wanted in named if wanted)

    @property
    def conditions(self) -> Mapping[str, str]:
        """Everything that these settings ask of the device, as texts by name; samples under different ones are not put together."""
        clocks = f"CPU fixed at {_clock(self.cpu_khz, 1000)}, GPU at {_clock(self.gpu_hz, 1_000_000)}" if self.fix_clocks else "free"
        return {
            "clocks": clocks,
            "performance": "fixed" if self.fixed_performance else "as the system sets it",
            "screen": "kept on" if self.keep_awake else "as it is",
        }


def _clock(clock: int, per_mhz: int) -> str:
    return f"{clock // per_mhz} MHz" if clock else "the highest"


def tuning_for(state: DeviceState, *, fix_clocks: bool, cpu_mhz: int = 0, gpu_mhz: int = 0) -> Tuning:
    """Returns every setting that helps measurements and that the device lets a shell change; clocks only with `fix_clocks`.

    Raises:
        DeviceError: clocks are to be fixed on a device that is not rooted, or are given without `fix_clocks`.
    """
    if (cpu_mhz or gpu_mhz) and not fix_clocks:
        raise DeviceError("clocks are fixed on rooted devices only: give --root together with --cpu-mhz and --gpu-mhz")
    if fix_clocks and state.user != 0 and not state.has_su:
        raise DeviceError(
            f"{state.serial} is not rooted, so its clocks cannot be fixed; leave --root out, or restart its daemon as root: adb root"
        )
    return Tuning(
        keep_awake=state.can_stay_awake,
        fixed_performance=state.has_fixed_performance,
        fix_clocks=fix_clocks,
        cpu_khz=cpu_mhz * 1000,
        gpu_hz=gpu_mhz * 1_000_000,
    )
