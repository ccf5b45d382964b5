"""Output of devices about themselves: read where it is well-formed, ignored where it is not."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.diagnosis import NOTE, diagnose
from android_harness.device.local_device import LocalDevice
from android_harness.device.state import DeviceState, gather, parse_state
from tests.android_harness.device.made_states import PHONE


@pytest.fixture(name="phone")
def a_warm_phone() -> DeviceState:
    return parse_state("S1", PHONE)


def test_a_phone_is_read(phone: DeviceState) -> None:
    assert phone.model == "Google Pixel 8"
    assert phone.soc == "Google Tensor G3"
    assert phone.api_level == 35
    assert (phone.libc, phone.user, phone.has_su, phone.has_fixed_performance) == ("bionic", 2000, False, True)
    assert [(cluster.cores, cluster.max_khz) for cluster in phone.clusters] == [
        ((0, 1, 2), 1704000),
        ((4, 5, 6, 7), 2367000),
        ((8,), 2914000),
    ]
    assert phone.thermal_status == 2
    assert phone.hottest_c == 41.0
    assert phone.battery is not None
    assert (phone.battery.level_percent, phone.battery.powered, phone.battery.temperature_c) == (15, True, 39.1)
    assert phone.gpu_driver == "ARM, Mali-G715, OpenGL ES 3.2 v1.r44p0"
    assert phone.free_bytes == 101010 * 1024
    assert phone.page_bytes == 16384
    assert "S1" not in phone.fingerprint.values()


def test_this_machine_can_be_looked_at() -> None:
    state = gather(LocalDevice(), "/tmp/not/there")
    assert state.machine
    assert state.cores
    assert not state.missing_tools
    assert state.info.cores
    assert state.page_bytes == os.sysconf("SC_PAGE_SIZE")
    assert all(check.level in ("ok", NOTE) for check in diagnose(state))


@given(st.text(max_size=2000))
def test_nonsense_is_never_more_than_unknown(text: str) -> None:
    state = parse_state("S1", text)
    assert diagnose(state)


@given(st.lists(st.sampled_from(PHONE.splitlines()), max_size=80), st.data())
def test_lines_in_any_order_and_number_are_read_without_fail(lines: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, 40))
    state = parse_state("S1", "\n".join(line[: max(cut, 3)] for line in lines))
    assert diagnose(state)
    assert all(core.number < 1024 for core in state.cores)
