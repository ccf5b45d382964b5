"""Settings of a device, tried before anything is measured with them, and changed back where an earlier measurement left them changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from android_harness.device.base import Device, Notice, checked
from android_harness.device.layout import Layout
from android_harness.device.root import SHELL, require_root, run_as_root
from android_harness.device.tuning import Tuning
from android_harness.protocol.device_events import SettingChecked
from android_harness.protocol.journal import parse_line
from android_harness.scripts import read_script
from collab.errors import DeviceError, JournalError
from collab.wording.options import option_named

_TUNING: Final = read_script("tuning.sh")
_LOOK: Final = 'if [ ! -e "$1" ]; then echo none; elif grep -q "^file" "$1"; then echo root; else echo shell; fi'
_CLOCK: Final = "clock of "
GPU_CLOCK: Final = f"{_CLOCK}the GPU"
_SCREEN: Final = "screen kept on while powered"
"""Names that ``tuning.sh`` has for settings."""
_STAY_FIXED: Final = "So its clocks, which a measurement had fixed, cannot be set free"
_MOST_SETTINGS: Final = 256


def tried(device: Device, layout: Layout, tuning: Tuning) -> Tuning:
    """Tries the settings that a device may refuse, and returns them with the clocks that it took.

    Raises:
        DeviceError: the device refuses a setting, or cannot be reached.
    """
    if not tuning.may_be_refused:
        return tuning
    made = try_settings(device, layout, tuning)
    refused = [setting for setting in made if _is_refused(setting, tuning)]
    if refused:
        raise DeviceError(
            f"{device.serial} does not take the settings: {_why(refused)}; leave {option_named('--steady')}, or {option_named('--root')},"
            " out"
        )
    clocks = "; ".join(_clock_words(setting) for setting in made if setting.name.startswith(_CLOCK))
    return replace(tuning, clocks_found=clocks)


def try_settings(device: Device, layout: Layout, tuning: Tuning) -> tuple[SettingChecked, ...]:
    """Makes settings, reads them back, changes them back, and returns what they were read back as.

    The caller holds the device's lock.

    Raises:
        DeviceError: the device cannot be reached, or does not say what came of it.
    """
    checked(device, 'mkdir -p "$1"', layout.root, doing=f"making {layout.root}")
    wanted = (layout.saved_settings, tuning.setting_names, str(tuning.cpu_khz), str(tuning.gpu_hz), f"{layout.root}/held")
    result = run_as_root(device, tuning.way, _TUNING, "try", *wanted)
    made = tuple(setting for setting in checked_settings(result.stdout) if setting.moment == "made")
    if tuning.setting_names and not made:
        raise DeviceError(f"{device.serial} does not say what came of its settings ({result.complaint})")
    return made


def _is_refused(setting: SettingChecked, tuning: Tuning) -> bool:
    """Tells whether a device refused what was asked for. A GPU for which no clock was named may run free, as long as rows say so."""
    return not setting.holds and not (setting.name == GPU_CLOCK and tuning.gpu_hz == 0) and setting.name != _SCREEN


def _why(refused: list[SettingChecked]) -> str:
    return "; ".join(f"{setting.name}: {setting.wanted} was asked for ({setting.found})" for setting in refused)


def _clock_words(setting: SettingChecked) -> str:
    """Returns e.g. ``cores 0 1 at 1804800 kHz``, or why a clock is free."""
    what = setting.name.removeprefix(_CLOCK)
    return f"{what} at {setting.found}" if setting.holds else f"{what} free ({setting.found})"


def restore_left(device: Device, layout: Layout, notice: Notice) -> None:
    """Changes back what a measurement had set and left, because all its processes were killed, as when USB debugging is switched off.

    Does nothing where nothing was left. The caller holds the device's lock, so nobody measures there.

    Raises:
        DeviceError: that takes root, and the device gives none any more; or it cannot be reached.
    """
    looked = checked(device, _LOOK, layout.saved_settings, doing="looking for its settings").text
    if looked == "none":
        return
    way = require_root(device, otherwise=_STAY_FIXED) if looked == "root" else SHELL
    result = run_as_root(device, way, _TUNING, "restore", layout.saved_settings)
    restored = checked_settings(result.stdout)
    lasting = [setting for setting in restored if not setting.holds]
    notice(
        f"{device.serial}: a measurement that was cut off had left settings changed; they are changed back"
        + (f", but for {_why(lasting)}" if lasting else "")
    )


def checked_settings(output: bytes) -> list[SettingChecked]:
    """Parses what ``tuning.sh`` prints; lines of other programs are passed over."""
    return list(_settings(output))[:_MOST_SETTINGS]


def _settings(output: bytes) -> Iterator[SettingChecked]:
    for line in output.splitlines():
        try:
            event = parse_line(line, where="the device")
        except JournalError:
            continue
        if isinstance(event, SettingChecked):
            yield event
