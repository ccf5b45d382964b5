"""Output of devices about themselves: read where it is well-formed, ignored where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.diagnosis import BAD, NOTE, diagnose
from android_harness.device.local_device import LocalDevice
from android_harness.device.state import DeviceState, gather, parse_state

PHONE = """== properties
ro.product.manufacturer=Google
ro.product.model=Pixel 8
ro.soc.manufacturer=Google
ro.soc.model=Tensor G3
ro.build.version.release=15
ro.build.version.sdk=35
ro.build.fingerprint=google/shiba/shiba:15/AP4A/1:user/release-keys
== system
machine=aarch64
kernel=Linux
user=2000
boot=8a6ce1c6-0000-4000-8000-3d3c6ed3ae0b
libc=bionic
svc=yes
cmd=yes
allowed=0-2,4-8
parts= 4 0xd46 4 0xd4d 1 0xd4e
== tools
== cores
0 1704000 1704000 sched_pixel 1
1 1704000 1704000 sched_pixel 1
2 1704000 1704000 sched_pixel 1
3 1704000 1704000 sched_pixel 1
4 2367000 2367000 sched_pixel 1
5 2367000 2367000 sched_pixel 1
6 2367000 2367000 sched_pixel 1
7 2367000 2367000 sched_pixel 1
8 2914000 1500000 sched_pixel 1
== thermal
IsStatusOverride: false
ThermalEventListeners:
	callbacks: 2
Thermal Status: 2
Cached temperatures:
== zones
41000 BIG
-274000 broken
2000000 nonsense
38000 battery
== battery
Current Battery Service state:
  AC powered: false
  USB powered: true
  level: 15
  temperature: 391
== graphics
GLES: ARM, Mali-G715, OpenGL ES 3.2 v1.r44p0
== storage
/dev/block/dm-50 112233344 11223334 101010 90% /data
== performance
set-fixed-performance-mode-enabled
== end
"""


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
    assert "S1" not in phone.fingerprint.values()


def test_the_checklist_names_what_is_amiss_and_what_to_do(phone: DeviceState) -> None:
    amiss = {check.topic: check for check in diagnose(phone) if check.level != "ok"}
    assert set(amiss) == {"CPU cores", "CPU clocks", "NNAPI", "heat", "battery", "storage"}
    assert all(check.advice for check in amiss.values())
    assert "capped at 1.50 of 2.91 GHz" in amiss["CPU clocks"].found
    assert "moderate" in amiss["heat"].found
    assert amiss["storage"].level == BAD
    assert "npu" in amiss["NNAPI"].advice


def test_an_android_that_is_too_old_is_refused_by_the_checklist() -> None:
    old = parse_state("S1", PHONE.replace("sdk=35", "sdk=28"))
    assert [check.level for check in diagnose(old) if check.topic == "system"] == [BAD]


def test_this_machine_can_be_looked_at() -> None:
    state = gather(LocalDevice(), "/tmp/not/there")
    assert state.machine
    assert state.cores
    assert not state.missing_tools
    assert state.info.cores
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
