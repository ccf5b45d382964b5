"""Checklist of a device's state: its effect on measurements, with advice on each line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from android_harness.device.nnapi import NNAPI_ADVICE, NNAPI_DEPRECATED, nnapi_is_deprecated
from android_harness.device.state import DeviceState
from android_harness.device.thermal_status import THERMAL_STATUSES
from collab.units import format_cores

OK: Final = "ok"
NOTE: Final = "note"
BAD: Final = "bad"

_LEAST_API: Final = 29
_LOW_BATTERY_PERCENT: Final = 20
_WARM_BATTERY_C: Final = 38.0
_HOT_AT: Final = 2
"""Thermal status at which a measurement waits by default."""
_ROOM_BYTES: Final = 256 << 20
_FREE_GOVERNORS: Final = ("performance", "userspace")


@dataclass(frozen=True)
class Check:
    """Line of the checklist: `level` is ok, note (measuring works, but read the advice) or bad (it does not); `advice` is empty at ok."""

    level: str
    topic: str
    found: str
    advice: str = ""


def diagnose(state: DeviceState) -> list[Check]:
    """Returns all checks that need no run of a model."""
    checks = [_device(state), _system(state), *_tools(state), _cores(state), _clocks(state), _graphics(state)]
    checks += [*_nnapi(state), _thermal(state), *_battery(state), _awake(state), _storage(state)]
    return checks


def _device(state: DeviceState) -> Check:
    return Check(OK, "device", ", ".join(filter(None, (state.model, state.soc, state.machine))))


def _system(state: DeviceState) -> Check:
    if not state.is_android:
        return Check(OK, "system", f"{state.kernel}, not Android")
    found = f"Android {state.properties.get('ro.build.version.release', '?')} (API {state.api_level})"
    if state.api_level is None or state.api_level < _LEAST_API:
        return Check(BAD, "system", found, f"the runner needs Android 10 (API {_LEAST_API}) or later: take another phone")
    return Check(OK, "system", found)


def _tools(state: DeviceState) -> Iterator[Check]:
    if state.missing_tools:
        yield Check(BAD, "shell", f"lacks {', '.join(state.missing_tools)}", "every Android since 10 has them: is this its own shell?")


def _cores(state: DeviceState) -> Check:
    if not state.clusters:
        return Check(BAD, "CPU cores", "none that this shell may run on", "is /sys/devices/system/cpu readable for the shell?")
    parts = []
    for cluster in state.clusters:
        clock = f"{cluster.max_khz / 1e6:.2f} GHz" if cluster.max_khz else "clock unknown"
        parts.append(f"{format_cores(cluster.cores)} ({clock})")
    found = f"{len(state.cores)}: " + ", ".join(parts)
    withheld = [core.number for core in state.cores if core.number not in state.allowed_cores or not core.online]
    if withheld:
        advice = f"cores {format_cores(withheld)} are off or kept from the shell: wake the phone, or restart its daemon as root: adb root"
        return Check(NOTE, "CPU cores", found, advice)
    return Check(OK, "CPU cores", found)


def _clocks(state: DeviceState) -> Check:
    known = [core for core in state.cores if core.max_khz is not None and core.cap_khz is not None]
    governors = sorted({core.governor for core in state.cores if core.governor})
    if not known:
        return Check(
            NOTE, "CPU clocks", "the device does not say", "heat does not show in clocks here: mind the thermal status, and repeat"
        )
    capped = [core for core in known if core.cap_khz is not None and core.max_khz is not None and core.cap_khz < core.max_khz]
    found = f"governor {', '.join(governors) or 'unknown'}"
    if capped:
        worst = min(capped, key=lambda core: (core.cap_khz or 0) / (core.max_khz or 1))
        found += f"; core {worst.number} is capped at {(worst.cap_khz or 0) / 1e6:.2f} of {(worst.max_khz or 0) / 1e6:.2f} GHz"
        return Check(NOTE, "CPU clocks", found, "let it cool down, switch power saving off, or (rooted) give --root to fix the clocks")
    if not set(governors) <= set(_FREE_GOVERNORS):
        advice = "clocks follow the load: each visit warms up until they stand still, and rows say what they came to; --root fixes them"
        return Check(NOTE, "CPU clocks", found, advice)
    return Check(OK, "CPU clocks", found)


def _graphics(state: DeviceState) -> Check:
    if state.gpu_driver:
        return Check(OK, "GPU driver", state.gpu_driver)
    return Check(NOTE, "GPU driver", "the device does not say", "whether a GPU unit works, the trial below tells")


def _nnapi(state: DeviceState) -> Iterator[Check]:
    if nnapi_is_deprecated(state.info):
        yield Check(NOTE, "NNAPI", NNAPI_DEPRECATED, NNAPI_ADVICE)


def _thermal(state: DeviceState) -> Check:
    hottest = f", hottest sensor {state.hottest_c:.0f} °C" if state.hottest_c is not None else ""
    if state.thermal_status is None:
        level = NOTE if state.is_android else OK
        return Check(level, "heat", f"no thermal status{hottest}", "" if level == OK else "heat shows in clocks and sentinels only")
    found = f"thermal status {state.thermal_status} ({THERMAL_STATUSES[state.thermal_status]}){hottest}"
    if state.thermal_status >= _HOT_AT:
        return Check(NOTE, "heat", found, "take it out of its case and the sun; measuring waits until it has cooled down")
    if state.thermal_status > 0:
        return Check(OK, "heat", f"{found}; usual while charging, it is recorded and does not stop a measurement (--hot-at)")
    return Check(OK, "heat", found)


def _battery(state: DeviceState) -> Iterator[Check]:
    battery = state.battery
    if battery is None:
        if state.is_android:
            yield Check(NOTE, "battery", "the device does not say", "see to it that the phone is powered")
        return
    found = battery.text
    if battery.level_percent is not None and battery.level_percent < _LOW_BATTERY_PERCENT:
        yield Check(NOTE, "battery", found, f"below {_LOW_BATTERY_PERCENT} % phones save power by slowing down: charge it first")
    elif battery.temperature_c is not None and battery.temperature_c > _WARM_BATTERY_C:
        yield Check(NOTE, "battery", found, "a warm battery brings throttling: let it cool down")
    elif not battery.powered:
        yield Check(
            NOTE, "battery", found, "without power the phone sleeps when its screen goes off, and measuring stands still: plug it in"
        )
    else:
        yield Check(OK, "battery", found)


def _awake(state: DeviceState) -> Check:
    if state.can_stay_awake:
        return Check(OK, "keeping awake", "while it is powered (changed back afterwards)")
    if not state.is_android:
        return Check(OK, "keeping awake", "no screen to keep on")
    return Check(NOTE, "keeping awake", "svc is missing", "set Developer options > Stay awake by hand")


def _storage(state: DeviceState) -> Check:
    if state.free_bytes is None:
        return Check(NOTE, "storage", "the device does not say", "a profile needs some 100 MB")
    found = f"{state.free_bytes / 1e9:.1f} GB free"
    if state.free_bytes < _ROOM_BYTES:
        return Check(BAD, "storage", found, f"make room: {_ROOM_BYTES >> 20} MB are needed for runtime, models and journals")
    return Check(OK, "storage", found)
