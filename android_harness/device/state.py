"""Identity and momentary state of a device, read with a single script before anything is measured.

All of it comes from the device and is untrusted: a value that is not well-formed counts as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from android_harness.device.base import Device, checked
from android_harness.device.gpu_driver import with_note
from android_harness.device.info import Cluster, DeviceInfo
from android_harness.device.machine import LOCAL_NAME, MOST_CHARACTERS, clock_khz, machine_fingerprint
from android_harness.device.thermal_status import THERMAL_STATUSES
from android_harness.scripts import read_script
from collab.errors import ConfigError, DeviceError
from collab.units import MAX_CORE, parse_cores

_SCRIPT: Final = read_script("state.sh")
_GATHER_LIMIT_S: Final = 60.0
_SHELL_USER: Final = 2000
"""Android's user for adb's shell."""
_PLAUSIBLE_C: Final = (-60.0, 200.0)
_MOST_LINES: Final = 2048
"""Most lines that are read of a section: more than the 1,024 cores that a device may have."""
_MOST_TOOLS: Final = 32
_MOST_API_LEVEL: Final = 9999
_MOST_USER: Final = (1 << 32) - 1
_MOST_KIB: Final = 1 << 50
_PAGES: Final = (1 << 12, 1 << 16)
"""Smallest and largest memory page of the machines that LiteRT runs on, in bytes."""
_CLEAN = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True)
class Core:
    """CPU core with its highest clock, the present cap on its clock, and its governor; None where the system does not say."""

    number: int
    max_khz: int | None
    cap_khz: int | None
    governor: str | None
    online: bool


@dataclass(frozen=True)
class Battery:
    """Battery as Android reports it; `powered` tells whether a cable or a pad powers the device."""

    level_percent: int | None
    powered: bool
    temperature_c: float | None

    @property
    def text(self) -> str:
        level = "level unknown" if self.level_percent is None else f"{self.level_percent} %"
        celsius = "" if self.temperature_c is None else f", {self.temperature_c:.1f} °C"
        return f"{level}, {'powered' if self.powered else 'not powered'}{celsius}"


@dataclass(frozen=True)
class DeviceState:
    """State of a device at one moment. Empty texts and None stand for values that the device does not say."""

    serial: str
    properties: Mapping[str, str]
    machine: str
    kernel: str
    libc: str
    user: int
    boot: str
    has_su: bool
    """True where the device has a program ``su``. It may still refuse to make the caller root: `device.root` tries that."""
    settings_left: bool
    """True where a measurement has changed settings and has not changed them back: it still runs, or it was cut off."""
    can_stay_awake: bool
    has_fixed_performance: bool
    processor: str
    missing_tools: tuple[str, ...]
    cores: tuple[Core, ...]
    allowed_cores: tuple[int, ...]
    thermal_status: int | None
    hottest_c: float | None
    battery: Battery | None
    graphics: str
    free_bytes: int | None
    memory_bytes: int | None
    page_bytes: int | None

    @property
    def is_android(self) -> bool:
        return bool(self.properties.get("ro.build.version.sdk"))

    @property
    def api_level(self) -> int | None:
        return _bounded_number(self.properties.get("ro.build.version.sdk", ""), 1, _MOST_API_LEVEL)

    @property
    def model(self) -> str:
        """Manufacturer and model, or the processor where the device is no phone."""
        words = [self.properties.get(name, "") for name in ("ro.product.manufacturer", "ro.product.model")]
        return " ".join(filter(None, words)) or self.processor or self.machine

    @property
    def soc(self) -> str:
        words = [self.properties.get(name, "") for name in ("ro.soc.manufacturer", "ro.soc.model")]
        known = " ".join(word for word in words if word and word != "unknown")
        return known or self.properties.get("ro.board.platform", "") or self.properties.get("ro.hardware", "")

    @property
    def gpu_driver(self) -> str:
        return self.graphics or self.properties.get("ro.hardware.vulkan", "") or self.properties.get("ro.hardware.egl", "")

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Clusters of the cores that a process may run on, grouped by their highest clock, slowest first."""
        by_clock: dict[int | None, list[int]] = {}
        clocks = {core.number: core.max_khz for core in self.cores if core.online}
        for number in self.allowed_cores:
            if number in clocks:
                by_clock.setdefault(clocks[number], []).append(number)
        return tuple(Cluster(tuple(by_clock[clock]), clock) for clock in sorted(by_clock, key=lambda clock: clock or 0))

    @property
    def fingerprint(self) -> dict[str, str]:
        """Properties that identify a kind of device; tables of different fingerprints are not mixed. The serial number is no part of it."""
        said = {
            "model": self.model,
            "soc": self.soc,
            "abi": self.machine,
            "cores": str(len(self.cores)),
            "clocks": "+".join(f"{len(cluster.cores)}x{cluster.max_khz or '?'}" for cluster in self.clusters),
            "system": f"Android {self.properties.get('ro.build.version.release', '?')}" if self.is_android else self.kernel,
            "build": self.properties.get("ro.build.fingerprint", ""),
        }
        return {name: text[:MOST_CHARACTERS] for name, text in said.items() if text}

    @property
    def info(self) -> DeviceInfo:
        # A profile of this machine takes the fingerprint from `machine_fingerprint`, so a deployment to it must as well.
        fingerprint = machine_fingerprint() if self.serial == LOCAL_NAME else self.fingerprint
        return DeviceInfo(self.serial, fingerprint, self.clusters, self.conditions, self.api_level, self.memory_bytes)

    @property
    def conditions(self) -> dict[str, str]:
        """Governors, clock caps, heat, GPU driver and battery at the moment of the look, as texts."""
        caps = [f"{core.number}:{core.cap_khz}" for core in self.cores if core.cap_khz is not None and core.cap_khz != core.max_khz]
        said = {
            "governors": "+".join(sorted({core.governor for core in self.cores if core.governor})),
            "caps_khz": " ".join(caps),
            "gpu_driver": self.gpu_driver,
            "thermal_status": THERMAL_STATUSES[self.thermal_status] if self.thermal_status is not None else "",
            "hottest_c": f"{self.hottest_c:.1f}" if self.hottest_c is not None else "",
        }
        if self.battery is not None:
            said["battery"] = self.battery.text
        return with_note({name: text[:MOST_CHARACTERS] for name, text in said.items() if text})


def gather(device: Device, root: str) -> DeviceState:
    """Reads the state of a device; free storage is that of the folder `root`.

    Raises:
        DeviceError: the device cannot be reached, or has no shell that can be used.
    """
    result = checked(device, _SCRIPT, root, doing="looking at the device", timeout_s=_GATHER_LIMIT_S)
    state = parse_state(device.serial, result.stdout.decode(errors="replace"))
    if not state.machine or not state.boot:
        raise DeviceError(f"{device.serial}: the device does not say what it is ({result.complaint}); is it an Android or Linux shell?")
    return state


def parse_state(serial: str, text: str) -> DeviceState:
    """Parses the output of the script ``state.sh``; malformed parts count as unknown."""
    sections = _sections(text)
    system = _pairs(sections.get("system", []))
    thermal = "\n".join(sections.get("thermal", []))
    return DeviceState(
        serial=serial,
        properties=_pairs(sections.get("properties", [])),
        machine=system.get("machine", ""),
        kernel=system.get("kernel", ""),
        libc=system.get("libc", "glibc"),
        user=_user(system.get("user", "")),
        boot=system.get("boot", ""),
        has_su="su" in system,
        settings_left="settings" in system,
        can_stay_awake="svc" in system,
        has_fixed_performance=bool(sections.get("performance")),
        processor=system.get("processor", "") or system.get("parts", ""),
        missing_tools=tuple(filter(None, sections.get("tools", [])[:_MOST_TOOLS])),
        cores=_cores(sections.get("cores", [])),
        allowed_cores=_allowed(system.get("allowed", "")),
        thermal_status=_thermal_status(thermal),
        hottest_c=_hottest(sections.get("zones", [])),
        battery=_battery(sections.get("battery", [])),
        graphics=" ".join(sections.get("graphics", [])).partition(":")[2].strip(),
        free_bytes=_free_bytes(sections.get("storage", [])),
        memory_bytes=_memory_bytes(system.get("memory", "")),
        page_bytes=_bounded_number(system.get("page", ""), *_PAGES),
    )


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []  # lines before the first section are dropped
    for line in text.splitlines():
        if line.startswith("== "):
            lines = sections.setdefault(line[3:].strip(), [])
        elif len(lines) < _MOST_LINES:
            lines.append(_CLEAN.sub(" ", line[:MOST_CHARACTERS]).rstrip())
    return sections


def _pairs(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and value.strip()}


def _user(text: str) -> int:
    """Returns the number of the shell's user; an unknown user counts as adb's, so that nothing is tried that needs root."""
    user = _bounded_number(text, 0, _MOST_USER)
    return _SHELL_USER if user is None else user


def _bounded_number(text: str, least: int, most: int) -> int | None:
    """Parses a whole number from `least` to `most`; None for everything else."""
    number = int(text) if re.fullmatch(r"-?\d{1,18}", text.strip(), re.ASCII) else None
    return number if number is not None and least <= number <= most else None


def _cores(lines: list[str]) -> tuple[Core, ...]:
    cores: dict[int, Core] = {}
    for line in lines:
        fields = line.split()
        number = _bounded_number(fields[0], 0, MAX_CORE) if len(fields) == 5 else None
        if number is not None:
            _, maximum, cap, governor, online = fields
            named = governor if re.fullmatch(r"\w[\w-]{0,31}", governor, re.ASCII) else None
            cores.setdefault(number, Core(number, clock_khz(maximum), clock_khz(cap), named, online != "0"))
    return tuple(cores[number] for number in sorted(cores))


def _allowed(text: str) -> tuple[int, ...]:
    try:
        return parse_cores(text.replace(",", "+"))
    except ConfigError:
        return ()


def _thermal_status(text: str) -> int | None:
    match = re.search(r"^[ \t]*Thermal Status:[ \t]*(\d)[ \t]*$", text, re.MULTILINE)
    status = int(match[1]) if match else None
    return status if status is not None and status < len(THERMAL_STATUSES) else None


def _hottest(lines: list[str]) -> float | None:
    readings = [_celsius(line.split()[0], parts=1000) for line in lines if line.split()]
    return max((reading for reading in readings if reading is not None), default=None)


def _celsius(text: str, *, parts: int) -> float | None:
    """Parses a temperature that is written in fractions of a degree (`parts` a degree); None where no phone can be so cold or hot."""
    reading = _bounded_number(text, int(_PLAUSIBLE_C[0] * parts), int(_PLAUSIBLE_C[1] * parts))
    return reading / parts if reading is not None else None


def _battery(lines: list[str]) -> Battery | None:
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "level" not in said:
        return None
    powered = any(value == "true" for name, value in said.items() if name.endswith("powered"))
    return Battery(_bounded_number(said["level"], 0, 100), powered, _celsius(said.get("temperature", ""), parts=10))


def _free_bytes(lines: list[str]) -> int | None:
    fields = lines[0].split() if lines else []
    free = _bounded_number(fields[3], 0, _MOST_KIB) if len(fields) > 3 else None
    return free * 1024 if free is not None else None


def _memory_bytes(text: str) -> int | None:
    kib = _bounded_number(text, 1, _MOST_KIB)
    return kib * 1024 if kib is not None else None
