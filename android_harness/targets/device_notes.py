"""Notes of what a device did while it was measured: the settings that it took and kept, its thermal status, caps that fell and stayed.

The journal says all of it. None of it decides which visits count (that is for the thermal gate), but a row must not claim a clock that the
device did not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from android_harness.device.thermal_status import THERMAL_STATUSES
from android_harness.protocol.device_events import Cooled, NewCap, SettingChecked, StateChecked
from android_harness.protocol.journal import TRACING, Event, PhaseStarted

MADE: Final = "settings_made"
LOST: Final = "settings_lost"
LEFT: Final = "settings_left"
CAPS: Final = "new_caps"
TRACED: Final = "traced"
STATUS: Final = "highest_thermal_status"
"""Keys of a device's conditions."""
_SENTENCES: Final = {
    LOST: "Settings: not all of them held while measuring: {}",
    LEFT: "Settings: not all of them could be changed back: {}",
    TRACED: "Tracing: the system recorded a trace meanwhile, and what was measured carries what that takes ({})",
    CAPS: "Clock caps fell without heat and stayed, so rows were measured at either: {}",
}
_MOST_SHOWN: Final = 8


@dataclass
class DeviceNotes:
    """Notes of all phases that one statistic is made of."""

    made: dict[str, SettingChecked] = field(default_factory=dict)
    """By name, as they came out in the latest phase."""
    left: dict[str, SettingChecked] = field(default_factory=dict)
    lost: dict[str, tuple[int, int, int | None]] = field(default_factory=dict)
    """File to the number of checks that found it changed, the number wanted and the one found last."""
    caps: dict[int, NewCap] = field(default_factory=dict)
    """By core: from the first cap to the last one."""
    statuses: dict[int, int] = field(default_factory=dict)
    """Thermal status to the number of checks that found it."""
    checks: int = 0
    phases: int = 0
    traced: int = 0
    """The number of phases, and of those whose steps went into the system's trace."""

    def add(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self.phases += 1
            self.traced += TRACING in event.conditions
        elif isinstance(event, SettingChecked):
            if event.moment == "made":
                self.made[event.name] = event
            elif event.holds:
                self.left.pop(event.name, None)
            else:
                self.left[event.name] = event
        elif isinstance(event, StateChecked):
            self._add_check(event)
        if isinstance(event, (StateChecked, Cooled)):
            for cap in event.new_caps:
                first = self.caps.get(cap.core, cap).from_khz
                self.caps[cap.core] = NewCap(cap.core, first, cap.to_khz)

    def _add_check(self, check: StateChecked) -> None:
        self.checks += 1
        if check.thermal_status is not None:
            self.statuses[check.thermal_status] = self.statuses.get(check.thermal_status, 0) + 1
        for changed in check.changed:
            times = self.lost.get(changed.file, (0, 0, None))[0] + 1
            self.lost[changed.file] = (times, changed.wanted, changed.found)

    @property
    def conditions(self) -> dict[str, str]:
        """Returns the notes as conditions of the device; without those that there is nothing to say of."""
        said = {
            MADE: "; ".join(f"{name}: {_found(setting)}" for name, setting in self.made.items()),
            LOST: "; ".join(list(self._lost_words())[:_MOST_SHOWN]),
            LEFT: "; ".join(f"{name} is {setting.found}, was {setting.wanted}" for name, setting in list(self.left.items())[:_MOST_SHOWN]),
            TRACED: f"{self.traced} of {self.phases} phases" if self.traced else "",
            CAPS: "; ".join(f"core {cap.core} from {cap.from_khz} to {cap.to_khz} kHz" for cap in self.caps.values()),
            STATUS: self._status_words(),
        }
        return {name: text for name, text in said.items() if text}

    def _lost_words(self) -> Iterator[str]:
        for file, (times, wanted, found) in self.lost.items():
            is_now = "unreadable" if found is None else str(found)
            yield f"{file} was {is_now} instead of {wanted} in {times} of {self.checks} checks"

    def _status_words(self) -> str:
        highest = max(self.statuses, default=0)
        if highest == 0 or highest >= len(THERMAL_STATUSES):
            return ""
        return f"{THERMAL_STATUSES[highest]}, in {self.statuses[highest]} of {self.checks} checks"


def _found(setting: SettingChecked) -> str:
    return setting.found if setting.holds else f"{setting.wanted} was asked for ({setting.found})"


def sentences(conditions: Mapping[str, str]) -> Iterator[str]:
    """Yields what a user should know of a device's notes, each a sentence."""
    for key, text in _SENTENCES.items():
        if key in conditions:
            yield text.format(conditions[key])
