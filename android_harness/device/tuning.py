"""Settings of a device that are changed while a phase runs. The device itself changes them back (``scripts/tuning.sh``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from android_harness.device.root import SHELL
from android_harness.device.state import DeviceState
from collab.errors import ConfigError, DeviceError
from collab.wording.options import option_named


@dataclass(frozen=True)
class Tuning:
    """Settings to change while a phase runs. `fix_clocks` needs root, which `way` names the way to; a clock of 0 is fixed at its highest.

    `clocks_found` says what clocks the device was seen to take, empty as long as that was not tried.
    """

    keep_awake: bool = False
    fixed_performance: bool = False
    fix_clocks: bool = False
    cpu_khz: int = 0
    gpu_hz: int = 0
    way: str = SHELL
    clocks_found: str = ""

    @property
    def setting_names(self) -> str:
        """Names of the settings to change, joined by commas, as an argument of ``tuning.sh``."""
        named = (("awake", self.keep_awake), ("performance", self.fixed_performance), ("clocks", self.fix_clocks))
        return ",".join(name for name, wanted in named if wanted)

    @property
    def may_be_refused(self) -> bool:
        """True where a device may refuse one of the settings. Such settings are tried before anything is measured."""
        return self.fixed_performance or self.fix_clocks

    def arguments(self, saved: str) -> list[str]:
        """Returns the arguments of ``supervise.sh`` up to the way of becoming root; `saved` is the file of the original settings."""
        return [saved, self.setting_names, str(self.cpu_khz), str(self.gpu_hz), self.way]

    @property
    def conditions(self) -> Mapping[str, str]:
        """Everything that these settings make of the device, as texts by name; samples under different ones are not put together."""
        asked = f"CPU fixed at {_clock(self.cpu_khz, 1000)}, GPU at {_clock(self.gpu_hz, 1_000_000)}"
        return {
            "clocks": (self.clocks_found or asked) if self.fix_clocks else "free",
            "performance": "fixed" if self.fixed_performance else "as the system sets it",
            "screen": "kept on" if self.keep_awake else "as it is",
        }


def _clock(clock: int, per_mhz: int) -> str:
    return f"{clock // per_mhz} MHz" if clock else "the highest"


def tuning_for(
    state: DeviceState, *, root: str | None = None, cpu_mhz: int = 0, gpu_mhz: int = 0, fixed_performance: bool = False
) -> Tuning:
    """Returns the settings for a device: it is kept awake where it lets a shell do that, and the others only on request.

    Args:
        root: the way of becoming root, by which clocks are fixed; None: they stay free.
        fixed_performance: whether to put the system into its fixed performance mode, a clock that it can sustain.

    Raises:
        ConfigError: clocks are given without `root`.
        DeviceError: the system has no such mode.
    """
    if (cpu_mhz or gpu_mhz) and root is None:
        raise ConfigError(f"clocks are fixed on rooted devices only: give {option_named('--root')} as well")
    if fixed_performance and not state.has_fixed_performance:
        raise DeviceError(
            f"{state.serial} has no fixed performance mode (Android 11 and later may have it); leave {option_named('--steady')} out"
        )
    return Tuning(
        keep_awake=state.can_stay_awake,
        fixed_performance=fixed_performance,
        fix_clocks=root is not None,
        cpu_khz=cpu_mhz * 1000,
        gpu_hz=gpu_mhz * 1_000_000,
        way=root or SHELL,
    )
