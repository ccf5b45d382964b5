"""Notes of what a device did while it was measured."""

from __future__ import annotations

from android_harness.protocol.device_events import ChangedSetting, Cooled, NewCap, SettingChecked, StateChecked
from android_harness.protocol.journal import PhaseStarted
from android_harness.targets.device_notes import DeviceNotes, sentences
from profiler.samples import SampleStore


def check(status: int | None = 0, *, caps: tuple[NewCap, ...] = (), changed: tuple[ChangedSetting, ...] = ()) -> StateChecked:
    return StateChecked(9, 5, 31_000, status, {}, None, None, caps, changed)


def noted(*events: object) -> dict[str, str]:
    notes = DeviceNotes()
    for event in events:
        notes.add(event)  # type: ignore[arg-type]
    return notes.conditions


def test_of_a_device_that_did_nothing_there_is_nothing_to_say() -> None:
    assert noted(check(), check(None)) == {}
    assert list(sentences({})) == []


def test_settings_are_noted_as_they_were_read_back() -> None:
    held = SettingChecked("made", "clock of cores 0", "9 kHz", "9 kHz", True)
    free = SettingChecked("made", "clock of the GPU", "fixed", "its clock files are not found", False)
    assert noted(held, free) == {
        "settings_made": "clock of cores 0: 9 kHz; clock of the GPU: fixed was asked for (its clock files are not found)"
    }


def test_settings_that_do_not_hold_are_counted_and_said() -> None:
    lost = ChangedSetting("/sys/gpu/max_freq", 740, 587)
    said = noted(check(), check(changed=(lost,)), check(changed=(ChangedSetting("/sys/gpu/max_freq", 740, None),)))
    assert said == {"settings_lost": "/sys/gpu/max_freq was unreadable instead of 740 in 2 of 3 checks"}
    assert list(sentences(said)) == [f"Settings: not all of them held while measuring: {said['settings_lost']}"]


def test_a_setting_that_is_changed_back_later_was_not_left() -> None:
    left = SettingChecked("restored", "/sys/a", "1", "2", False)
    assert noted(left) == {"settings_left": "/sys/a is 2, was 1"}
    assert noted(left, SettingChecked("restored", "/sys/a", "1", "1", True)) == {}


def test_caps_are_noted_from_the_first_to_the_last() -> None:
    assert noted(Cooled(1, 1, None, (NewCap(4, 900, 800),)), check(caps=(NewCap(4, 800, 700),))) == {
        "new_caps": "core 4 from 900 to 700 kHz"
    }


def test_the_highest_thermal_status_is_noted_with_how_often_it_was_met() -> None:
    assert noted(check(0), check(1), check(1)) == {"highest_thermal_status": "light, in 2 of 3 checks"}


def test_settings_belong_to_the_phase_that_they_are_made_for() -> None:
    store = SampleStore()
    for clocks in ("free", "fixed"):
        store.add(SettingChecked("made", "clock of cores 0", "9 kHz", "9 kHz" if clocks == "fixed" else "5 kHz", clocks == "fixed"))
        store.add(PhaseStarted("p", "r", "x", {}, 1, 1, 1, 2, {"clocks": clocks}))
    assert store.notes.conditions == {"settings_made": "clock of cores 0: 9 kHz"}
