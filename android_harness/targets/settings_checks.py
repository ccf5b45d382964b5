"""Checks of a device's settings by trying them: a mode that a system lists may be refused, and a ``su`` that is there may give no root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from android_harness.device import lock
from android_harness.device.base import Device
from android_harness.device.diagnosis import NOTE, OK, Check
from android_harness.device.layout import Layout
from android_harness.device.root import SHELL, in_words, root_way
from android_harness.device.state import DeviceState
from android_harness.device.tuning import Tuning
from android_harness.protocol.device_events import SettingChecked
from android_harness.targets.settings import GPU_CLOCK, restore_left, try_settings
from collab.errors import DeviceError

_CUT_OFF: Final = "that happens when USB debugging is switched off, or the USB mode changed, while it measures: leave both alone meanwhile"
_PERFORMANCE: Final = "fixed performance mode"
"""Name that ``tuning.sh`` has for it."""


def examine_settings(device: Device, layout: Layout, state: DeviceState) -> list[Check]:
    """Changes settings back that an earlier measurement left changed, tries those that a user may ask for, and returns a check for each.

    Where somebody else measures on the device, nothing is touched, and a check says so.
    """
    owner = lock.Owner.new()
    try:
        lock.acquire(device, layout, owner)
        try:
            return list(_examine(device, layout, state))
        finally:
            lock.release(device, layout, owner)
    except DeviceError as error:
        return [Check(NOTE, "settings", "not tried", str(error))]


def _examine(device: Device, layout: Layout, state: DeviceState) -> Iterator[Check]:
    said: list[str] = []
    restore_left(device, layout, said.append)
    yield from (
        Check(NOTE, "settings", sentence, "if that happens again, keep the screen on and USB debugging untouched") for sentence in said
    )
    way = root_way(device)
    wanted = Tuning(fixed_performance=state.has_fixed_performance, fix_clocks=way is not None, way=way or SHELL)
    made = {setting.name: setting for setting in (try_settings(device, layout, wanted) if wanted.may_be_refused else ())}
    yield _performance(state, made.pop(_PERFORMANCE, None))
    yield from _root(state, way, list(made.values()))


def _performance(state: DeviceState, tried: SettingChecked | None) -> Check:
    topic = "fixed performance"
    if tried is not None and tried.holds:
        return Check(OK, topic, "works: --steady asks for it, a lower clock that the phone can sustain (changed back afterwards)")
    if tried is not None:
        return Check(NOTE, topic, "the system lists the mode and refuses it", "leave --steady out; this vendor's Power HAL lacks it")
    if not state.is_android:
        return Check(OK, topic, "not Android")
    return Check(OK, topic, "the system has no such mode (--steady is not for this phone)")


def _root(state: DeviceState, way: str | None, clocks: list[SettingChecked]) -> Iterator[Check]:
    if way is None and state.has_su:
        yield Check(
            NOTE, "root", "there is a su, but it gives the shell no root", "allow it in the phone's root manager, if you want --root"
        )
        return
    if way is None:
        yield Check(OK, "root", "no (not needed; clocks cannot be fixed)")
        return
    held = [setting for setting in clocks if setting.holds]
    refused = [setting for setting in clocks if not setting.holds]
    yield Check(OK, "root", f"yes, {in_words(way)}: --root fixes clocks while measuring, as the paper does")
    for setting in refused:
        without = "--root leaves it free, and rows say so" if setting.name == GPU_CLOCK else "--root is refused on this device"
        yield Check(NOTE, setting.name, f"cannot be fixed: {setting.found}", without)
    if held:
        yield Check(OK, "clocks", "tried and read back: " + "; ".join(f"{setting.name} at {setting.found}" for setting in held))
