"""Devices that get hot: visits made meanwhile do not count, and are made again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from android_harness.device.units import resolve_units
from android_harness.protocol.device_events import Cooled, StateChecked
from android_harness.protocol.journal import Event, JobStarted, TimeDone, read_journal
from android_harness.protocol.phases import Gate, Phase, Repeat, Sentinel, TimeJob
from android_harness.protocol.visit_groups import counting_events
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.blocks import parse_key
from collab.errors import HotDeviceError
from exporters.tflite_route import write_block
from profiler.job_ids import BlockId, is_sentinel
from profiler.samples import SampleStore, read_store

_DUMPSYS = """#!/bin/sh
cd "${0%/*}" || exit 1
read -r first last status < heat
read -r calls < calls
calls=$((calls + 1))
echo $calls > calls
[ $calls -ge $first ] && [ $calls -le $last ] || status=0
echo "IsStatusOverride: false"
echo "Thermal Status: $status"
"""


@pytest.fixture(name="dumpsys")
def a_thermal_service(tmp_path: Path) -> Path:
    """Returns a stand-in for Android's dumpsys that counts its calls and reports a cool device until `set_heat`."""
    folder = tmp_path / "thermal"
    folder.mkdir()
    program = folder / "dumpsys"
    program.write_text(_DUMPSYS)
    program.chmod(0o755)
    (folder / "calls").write_text("0\n")
    set_heat(program, first=0, last=0, status=0)
    return program


def set_heat(program: Path, *, first: int, last: int = 10**9, status: int) -> None:
    """Makes the service report this status from its call number `first` (the runner's first is 1) to `last`."""
    program.with_name("heat").write_text(f"{first} {last} {status}\n")


BLOCKS = [parse_key(f"add_14_{channels}x2") for channels in range(4, 28, 4)]
"""All run the same model here."""


@pytest.fixture(name="phase")
def a_gated_phase(device: LocalTarget, dumpsys: Path, tmp_path: Path) -> Phase:
    units = resolve_units((), device.info)
    model = tmp_path / "block.tflite"
    model.write_bytes(write_block(parse_key("add_14_16x2")))
    jobs = tuple(TimeJob(BlockId(unit, block).text, unit, model, warmup=1, runs=5, gap_us=2000) for unit in units for block in BLOCKS)
    sentinel = TimeJob("sentinel/cpu0", "cpu0", model, warmup=1, runs=5)
    gate = Gate(status=(str(dumpsys), "thermalservice"), every_s=0.05, cool_s=600, poll_s=0.05)
    return Phase("gated", units, (*jobs, sentinel), Repeat(3, 3), seed=1, sentinel=Sentinel((sentinel.id,), 4), gate=gate)


def counted(events: list[Event]) -> Counter[str]:
    """Visits that count; events come from `execute`, which passes on no others."""
    return Counter(event.job for event in events if isinstance(event, TimeDone) and not is_sentinel(event.job))


def test_a_device_that_heats_up_half_way_and_cools_is_measured_whole(
    device: LocalTarget, phase: Phase, dumpsys: Path, tmp_path: Path
) -> None:
    # Fit at the start and after the first group, hot after the second.
    set_heat(dumpsys, first=3, last=4, status=2)
    events: list[Event] = []
    assert execute(device, phase, tmp_path / "j.jsonl", events.append)
    assert {event.hot for event in events if isinstance(event, StateChecked)} == {None, "thermal status 2 (moderate)"}
    assert any(isinstance(event, Cooled) for event in events)
    assert set(counted(events).values()) == {3}
    assert len(counted(events)) == 12
    store, followed = read_store(tmp_path / "j.jsonl"), SampleStore()
    followed.add_all(events)
    assert store.dropped_hot == followed.dropped_hot > 0
    assert store.jobs == followed.jobs, "what is followed counts as what is read afterwards"
    assert {job.text: samples.visits for job, samples in store.jobs.items() if not is_sentinel(job.text)} == counted(events)


def test_a_device_that_never_cools_is_given_up_and_what_was_fit_is_kept(
    device: LocalTarget, phase: Phase, dumpsys: Path, tmp_path: Path
) -> None:
    set_heat(dumpsys, first=3, status=2)
    events: list[Event] = []
    assert phase.gate is not None
    brief = replace(phase, gate=replace(phase.gate, cool_s=0.3))
    with pytest.raises(HotDeviceError, match=r"stays hot \(thermal status 2 \(moderate\)\).*resume=True"):
        execute(device, brief, tmp_path / "j.jsonl", events.append)
    kept = counted(events)
    assert 0 < sum(kept.values()) < 36
    assert list(counting_events(read_journal(tmp_path / "j.jsonl"))) == events


def test_a_device_that_is_hot_at_the_start_is_waited_for(device: LocalTarget, phase: Phase, dumpsys: Path, tmp_path: Path) -> None:
    set_heat(dumpsys, first=1, last=2, status=3)
    events: list[Event] = []
    assert execute(device, phase, tmp_path / "j.jsonl", events.append)
    first_visit = next(index for index, event in enumerate(events) if isinstance(event, JobStarted))
    assert any(isinstance(event, StateChecked) and event.hot for event in events[:first_visit])
    assert set(counted(events).values()) == {3}


def test_without_a_thermal_service_nothing_is_hot(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    events: list[Event] = []
    silent = replace(phase, gate=Gate(status=("/nowhere/dumpsys",), every_s=0.05))
    assert execute(device, silent, tmp_path / "j.jsonl", events.append)
    states = [event for event in events if isinstance(event, StateChecked)]
    assert len(states) >= 2
    assert {state.thermal_status for state in states} == {None}
    assert set(counted(events).values()) == {3}
