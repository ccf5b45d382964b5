"""The device over time, out of journals that the real runner has written, also of a device that gets hot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from android_harness.protocol.phases import Phase
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.errors import JournalError
from report.data.device_log import Series, read_device_log
from tests.android_harness.targets.test_gate import a_gated_phase, a_thermal_service, set_heat

__all__ = ["a_gated_phase", "a_thermal_service"]


def test_hot_spells_and_the_sentinels_pace(device: LocalTarget, phase: Phase, dumpsys: Path, tmp_path: Path) -> None:
    set_heat(dumpsys, first=3, last=4, status=2)
    journal = tmp_path / "j.jsonl"
    assert execute(device, phase, journal, lambda _: None)
    log = read_device_log(journal)
    assert {spell.why for spell in log.hot} == {"thermal status 2 (moderate)"}
    assert all(0 <= spell.begin_s <= spell.end_s < 600 for spell in log.hot)
    assert set(log.thermal_status.values) == {0.0, 2.0}
    assert list(log.pace_us) == ["cpu0"]
    pace = log.pace_us["cpu0"]
    assert len(pace.values) > 5
    assert min(pace.values) > 0
    assert pace.at_s == sorted(pace.at_s)
    assert log.begin_unix_s is not None
    # A second phase goes on in the same time.
    set_heat(dumpsys, first=0, last=0, status=0)
    assert execute(device, replace(phase, name="again"), journal, lambda _: None)
    later = read_device_log(journal)
    assert later.pace_us["cpu0"].at_s[: len(pace.at_s)] == pace.at_s
    assert min(later.pace_us["cpu0"].at_s[len(pace.at_s) :]) > max(pace.at_s)


def test_a_damaged_line_is_named_and_one_cut_off_is_not(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    journal.write_text('{"event":"phase"')
    assert read_device_log(journal).is_empty
    journal.write_text('{"event":"state","t_ns":"now"}\n')
    with pytest.raises(JournalError, match="line 1"):
        read_device_log(journal)
    with pytest.raises(JournalError, match="cannot be read"):
        read_device_log(tmp_path / "nothing")


def test_a_long_line_is_thinned() -> None:
    series = Series([float(at) for at in range(10_000)], [1.0] * 10_000)
    assert 1000 < len(series.thinned.values) <= 1500
    assert Series().thinned.values == []
