"""The checklist of a device's state: the level of each line, and advice wherever something is amiss."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.diagnosis import BAD, NOTE, OK, Check, diagnose
from android_harness.device.local_device import LocalDevice
from android_harness.device.state import gather, parse_state
from tests.android_harness.device.made_states import PHONE

FIT = {
    "sdk=35": "sdk=34",
    "allowed=0-2,4-8": "allowed=0-8",
    "2914000 1500000": "2914000 2914000",
    "sched_pixel": "performance",
    "Status: 2": "Status: 0",
    "level: 15": "level: 80",
    "temperature: 391": "temperature: 300",
    "101010 90%": "9000000 20%",
}
"""Changes that leave nothing amiss with the phone."""


def checklist(*changes: tuple[str, str]) -> dict[str, Check]:
    """The checks of a phone in order, but for these changes of what it says."""
    text = PHONE
    for old, new in FIT.items():
        assert old in text
        text = text.replace(old, new)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    checks = diagnose(parse_state("S1", text))
    topics = [check.topic for check in checks]
    assert len(topics) == len(set(topics)), "one line for each topic"
    return {check.topic: check for check in checks}


def test_the_checklist_names_what_is_amiss_and_what_to_do() -> None:
    amiss = {check.topic: check for check in diagnose(parse_state("S1", PHONE)) if check.level != OK}
    assert set(amiss) == {"CPU cores", "CPU clocks", "NNAPI", "heat", "battery", "storage"}
    assert all(check.advice for check in amiss.values())
    assert "capped at 1.50 of 2.91 GHz" in amiss["CPU clocks"].found
    assert "moderate" in amiss["heat"].found
    assert amiss["storage"].level == BAD
    assert "npu" in amiss["NNAPI"].advice


def test_an_android_that_is_too_old_is_refused_by_the_checklist() -> None:
    old = parse_state("S1", PHONE.replace("sdk=35", "sdk=28"))
    assert [check.level for check in diagnose(old) if check.topic == "system"] == [BAD]


def test_a_phone_in_order_has_no_advice() -> None:
    checks = checklist()
    assert {check.level for check in checks.values()} == {OK}
    assert not any(check.advice for check in checks.values())
    assert checks["device"].found == "Google Pixel 8, Google Tensor G3, aarch64"
    assert checks["CPU cores"].found == "9: 0-3 (1.70 GHz), 4-7 (2.37 GHz), 8 (2.91 GHz)"


@pytest.mark.parametrize(
    ("old", "new", "topic", "level", "found"),
    [
        ("sdk=34", "sdk=29", "system", OK, "API 29"),
        ("sdk=34", "sdk=28", "system", BAD, "API 28"),
        ("sdk=34", "sdk=x", "system", BAD, "API None"),
        ("== tools", "== tools\ncksum\nsetsid", "shell", BAD, "cksum, setsid"),
        ("allowed=0-8", "allowed=", "CPU cores", BAD, "none"),
        ("allowed=0-8", "allowed=0-3", "CPU cores", NOTE, "9: 0-3"),
        ("2914000 2914000 performance 1", "2914000 2914000 performance 0", "CPU cores", NOTE, "4-7"),
        (" 1704000 1704000 ", " - - ", "CPU cores", OK, "0-3 (clock unknown)"),
        ("0 1704000 1704000", "0 1704000 852000", "CPU clocks", NOTE, "core 0 is capped at 0.85 of 1.70 GHz"),
        ("performance 1", "userspace 1", "CPU clocks", OK, "userspace"),
        ("performance 1", "schedutil 1", "CPU clocks", NOTE, "schedutil"),
        ("0 1704000 1704000 performance", "0 1704000 1704000 walt", "CPU clocks", NOTE, "performance, walt"),
        ("GLES: ARM, Mali-G715, OpenGL ES 3.2 v1.r44p0", "", "GPU driver", NOTE, "does not say"),
        ("sdk=34", "sdk=35", "NNAPI", NOTE, "Android 15"),
        ("Status: 0", "Status: 1", "heat", OK, "thermal status 1 (light), hottest sensor 41"),
        ("Status: 0", "Status: 2", "heat", NOTE, "moderate"),
        ("Status: 0", "Status: 6", "heat", NOTE, "shutdown"),
        ("Status: 0", "Status: 7", "heat", NOTE, "no thermal status"),
        ("level: 80", "level: 19", "battery", NOTE, "19 %"),
        ("level: 80", "level: 20", "battery", OK, "20 %"),
        ("temperature: 300", "temperature: 381", "battery", NOTE, "38.1"),
        ("temperature: 300", "temperature: 380", "battery", OK, "38.0"),
        ("USB powered: true", "USB powered: false", "battery", NOTE, "not powered"),
        ("  level: 80", "", "battery", NOTE, "does not say"),
        ("svc=yes\n", "", "keeping awake", NOTE, "svc is missing"),
        ("9000000 20%", "262143 99%", "storage", BAD, "0.3 GB"),
        ("9000000 20%", "262144 99%", "storage", OK, "0.3 GB"),
        ("9000000 20%", "x", "storage", NOTE, "does not say"),
    ],
)
def test_a_single_change_sets_a_single_level(old: str, new: str, topic: str, level: str, found: str) -> None:
    checks = checklist((old, new))
    assert checks[topic].level == level
    assert found in checks[topic].found
    assert bool(checks[topic].advice) == (level != OK)
    assert {check.topic for check in checks.values() if check.level != OK} <= {topic}, "and no other"


def test_a_machine_without_android_lacks_nothing_that_only_phones_have() -> None:
    checks = {check.topic: check for check in diagnose(gather(LocalDevice(), "/tmp"))}
    assert {checks[topic].level for topic in ("system", "heat", "keeping awake")} == {OK}
    assert "not Android" in checks["system"].found
    assert "battery" not in checks or checks["battery"].level in (OK, NOTE)
    assert "NNAPI" not in checks


@given(st.lists(st.sampled_from(PHONE.splitlines()), max_size=60))
def test_advice_stands_exactly_where_something_is_amiss(lines: list[str]) -> None:
    checks = diagnose(parse_state("S1", "\n".join(lines)))
    assert {check.level for check in checks} <= {OK, NOTE, BAD}
    assert all(bool(check.advice) == (check.level != OK) for check in checks)
