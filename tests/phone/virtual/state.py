"""State of a running phone that a test may set and read: properties, battery, heat, clocks, Android's settings."""

from __future__ import annotations

import abc
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.phone.virtual.hardware import ZONES, Cluster, millidegrees

_CHARGING: Final = 2
_DISCHARGING: Final = 3
_FULL: Final = 5
_VOLATILE: Final = ("fixed_performance_mode", "fixed_performance_changes", "key_events")


class PhoneState(abc.ABC):
    """Files of /phone-state, which the stand-ins of Android's commands read and write, and of /sys."""

    clusters: tuple[Cluster, ...]

    @abc.abstractmethod
    def path(self, inside: str) -> Path:
        """Returns the host's path of a file of the phone."""

    def read_state(self, name: str) -> str | None:
        """Reads a file of /phone-state, for example `fixed_performance_mode`, `key_events` or `settings/global/stay_on_while_plugged_in`.

        Returns:
            The content without its line end; None if the file does not exist.
        """
        try:
            return self.path(f"/phone-state/{name}").read_text(encoding="utf-8").rstrip("\n")
        except FileNotFoundError:
            return None

    def set_property(self, name: str, value: str) -> None:
        """Sets a property of `getprop`, read-only ones included."""
        self._write_state(f"properties/{name}", value)

    def set_thermal_status(self, status: int) -> None:
        """Sets the status of Android's thermal service: 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown."""
        self._write_state("thermal_status", status)

    def refuse_fixed_performance(self) -> None:
        """Has ``cmd power`` list the fixed performance mode and refuse it, as on a phone whose Power HAL lacks it."""
        self._write_state("refuses_fixed_performance", "yes")

    def set_page_size(self, size_bytes: int) -> None:
        """Has the phone say that its memory has pages of this size."""
        self._write_state("page_size", size_bytes)

    def set_log(self, text: str) -> None:
        """Sets what logcat prints."""
        self._write_state("log", text)

    def remove_gpu_clocks(self) -> None:
        """Has the GPU's clock be set by no file, as on phones whose driver keeps it to itself."""
        shutil.rmtree(self.path("/sys/class/kgsl"))

    def set_temperature_c(self, temperature_c: float, *, zone: str | None = None) -> None:
        """Sets the temperature of one thermal zone (see `hardware.ZONES`), or of all."""
        for number in range(len(ZONES)) if zone is None else [ZONES.index(zone)]:
            self._write_sys(f"class/thermal/thermal_zone{number}/temp", millidegrees(temperature_c))

    def set_battery(
        self,
        *,
        level: int | None = None,
        plugged: str | None = None,
        charging: bool | None = None,
        temperature_c: float | None = None,
    ) -> None:
        """Sets the battery: `level` in percent, `plugged` into `ac`, `usb`, `wireless` or `none`. None leaves a value as it is."""
        if level is not None:
            self._write_state("battery/level", level)
        if plugged is not None:
            self._write_state("battery/plugged", plugged)
        if charging is not None:
            self._write_state("battery/status", _CHARGING if charging else _DISCHARGING)
        if temperature_c is not None:
            self._write_state("battery/temperature_mc", millidegrees(temperature_c))

    def set_clock_cap_khz(self, core: int, khz: int) -> None:
        """Caps the clock of the core's cluster, as heat does; its cores run at the cap."""
        policy = self._cluster_of(core).policy
        self._write_sys(f"{policy}/scaling_max_freq", khz)
        self._write_sys(f"{policy}/scaling_cur_freq", khz)

    def set_clock_khz(self, core: int, khz: int) -> None:
        """Sets the present clock of the core's cluster."""
        self._write_sys(f"{self._cluster_of(core).policy}/scaling_cur_freq", khz)

    def write_new_state(self, *, abi: str, serial_number: str) -> None:
        """Writes the state of a new phone: its battery full, plugged in and cool."""
        for folder in ("properties", "battery", "settings/global", "settings/secure", "settings/system"):
            self.path(f"/phone-state/{folder}").mkdir(parents=True)
        for name, value in _properties(abi, serial_number).items():
            self.set_property(name, value)
        self.set_battery(level=100, plugged="usb", temperature_c=25.0)
        self._write_state("battery/status", _FULL)
        self.set_thermal_status(0)
        self._write_state("gles", "Mesa, llvmpipe, OpenGL ES 3.2")
        self._let_services_write()

    def forget_until_reboot(self) -> None:
        """Removes the state that does not outlive a reboot."""
        for name in _VOLATILE:
            self.path(f"/phone-state/{name}").unlink(missing_ok=True)

    def _let_services_write(self) -> None:
        """Makes the files writable for every user: the stand-ins write as their caller, where a real phone has services of the system."""
        top = self.path("/phone-state")
        for path in [top, *top.rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)

    def _cluster_of(self, core: int) -> Cluster:
        return next(cluster for cluster in self.clusters if core in cluster.cores)

    def _write_state(self, name: str, value: str | int) -> None:
        self.path(f"/phone-state/{name}").write_text(f"{value}\n", encoding="utf-8")

    def _write_sys(self, name: str, value: int) -> None:
        self.path(f"/sys/{name}").write_text(f"{value}\n", encoding="ascii")


def arm_cpu_info(clusters: Sequence[Cluster]) -> str:
    """Returns /proc/cpuinfo of an ARM phone: Cortex-A55 and, in the fastest cluster, Cortex-A78 cores."""
    lines = []
    for cluster in clusters:
        part = "0xd41" if cluster is clusters[-1] else "0xd05"
        for core in cluster.cores:
            lines += [
                f"processor\t: {core}",
                "BogoMIPS\t: 38.40",
                "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
                "CPU implementer\t: 0x41",
                "CPU architecture: 8",
                "CPU variant\t: 0x1",
                f"CPU part\t: {part}",
                "CPU revision\t: 0",
                "",
            ]
    return "\n".join([*lines, "Hardware\t: Virtual phone", ""])


def _properties(abi: str, serial_number: str) -> dict[str, str]:
    return {
        "ro.build.fingerprint": "virtual/phone/phone:14/VP1A.240505.004/1:userdebug/test-keys",
        "ro.build.id": "VP1A.240505.004",
        "ro.build.type": "userdebug",
        "ro.build.version.incremental": "1",
        "ro.build.version.release": "14",
        "ro.build.version.sdk": "34",
        "ro.build.version.security_patch": "2024-05-05",
        "ro.adb.secure": "0",
        "ro.board.platform": "virtual",
        "ro.debuggable": "1",
        "ro.hardware": "virtual",
        "ro.hardware.vulkan": "lvp",
        "ro.product.brand": "Virtual",
        "ro.product.cpu.abi": abi,
        "ro.product.cpu.abilist": abi,
        "ro.product.device": "phone",
        "ro.product.manufacturer": "Virtual",
        "ro.product.model": "Virtual phone",
        "ro.product.name": "phone",
        "ro.serialno": serial_number,
        "ro.soc.manufacturer": "Virtual",
        "ro.soc.model": "VP1",
        "service.adb.tcp.port": "5555",
        "sys.boot_completed": "1",
    }
