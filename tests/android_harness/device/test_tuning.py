"""Settings that are changed while a phase runs: all that help and that the device allows."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from android_harness.device.state import DeviceState, parse_state
from android_harness.device.tuning import Tuning, tuning_for
from android_harness.scripts import read_script
from collab.errors import ConfigError, DeviceError
from tests.android_harness.device.made_states import PHONE


@pytest.fixture(name="phone")
def a_phone() -> DeviceState:
    return parse_state("S1", PHONE)


@pytest.mark.parametrize(("awake", "performance"), list(product([False, True], repeat=2)))
def test_the_phone_is_kept_awake_where_that_can_be_had_and_nothing_else_is_changed_unasked(
    phone: DeviceState, awake: bool, performance: bool
) -> None:
    state = replace(phone, can_stay_awake=awake, has_fixed_performance=performance)
    assert tuning_for(state) == Tuning(keep_awake=awake)
    assert not tuning_for(state).may_be_refused


def test_the_fixed_performance_mode_is_an_option(phone: DeviceState) -> None:
    assert tuning_for(replace(phone, has_fixed_performance=True), fixed_performance=True).fixed_performance
    with pytest.raises(DeviceError, match=r"^S1 has no fixed performance mode .*leave steady=True out"):
        tuning_for(replace(phone, has_fixed_performance=False), fixed_performance=True)


def test_clocks_are_fixed_by_the_way_to_root_that_was_found(phone: DeviceState) -> None:
    tuning = tuning_for(phone, root="command", cpu_mhz=1800, gpu_mhz=500)
    assert (tuning.fix_clocks, tuning.cpu_khz, tuning.gpu_hz, tuning.way) == (True, 1_800_000, 500_000_000, "command")
    assert tuning.arguments("/saved") == ["/saved", "awake,clocks", "1800000", "500000000", "command"]
    assert (tuning_for(phone, root="shell").cpu_khz, tuning_for(phone, root="shell").gpu_hz) == (0, 0)


@pytest.mark.parametrize("clocks", [{"cpu_mhz": 1800}, {"gpu_mhz": 500}])
def test_a_clock_without_leave_to_fix_it_is_refused(phone: DeviceState, clocks: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="give root=True as well"):
        tuning_for(phone, **clocks)


@pytest.mark.parametrize("wanted", list(product([False, True], repeat=3)))
def test_the_script_knows_every_setting_by_its_name(wanted: tuple[bool, bool, bool]) -> None:
    awake, performance, clocks = wanted
    names = Tuning(keep_awake=awake, fixed_performance=performance, fix_clocks=clocks).setting_names
    assert len(names.split(",") if names else []) == sum(wanted)
    assert all(f"*,{name},*)" in read_script("tuning.sh") for name in names.split(",") if name)


def test_settings_are_conditions_in_words() -> None:
    seen = replace(Tuning(fix_clocks=True), clocks_found="cores 0 1 at 1804800 kHz; the GPU free (its clock files are not found)")
    assert seen.conditions["clocks"] == seen.clocks_found, "what was read back, not what was asked for"
    assert Tuning().conditions == {"clocks": "free", "performance": "as the system sets it", "screen": "as it is"}
    fixed = Tuning(keep_awake=True, fixed_performance=True, fix_clocks=True, cpu_khz=1_800_000)
    assert fixed.conditions == {"clocks": "CPU fixed at 1800 MHz, GPU at the highest", "performance": "fixed", "screen": "kept on"}
    every = [Tuning(*said) for said in product([False, True], [False, True], [True], [0, 900_000], [0, 500_000_000])]
    assert len({str(tuning.conditions) for tuning in every}) == len(every), "no two settings pass for one"
    assert all(text.isascii() and text.isprintable() for tuning in every for text in tuning.conditions.values())
