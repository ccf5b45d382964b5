"""Phases on the real runner with the real runtime, also when the runner dies."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from android_harness.device.units import resolve_units
from android_harness.protocol.journal import Event, JobFailed, JobStarted, PhaseEnded, TimeDone, UnitFailed, read_journal
from android_harness.protocol.phases import Phase, Repeat, Sentinel, TimeJob
from android_harness.targets.base import PhaseRun
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalRun, LocalTarget
from collab.blocks import parse_key
from collab.errors import RunnerError
from collab.units import parse_unit
from exporters.tflite_route import write_block
from tests.android_harness.lasting import ActsOnStart

BLOCKS = ("mbconv_14_k3s1_16-64-16_relu6", "mbconv_14_k3s2_16-32-24_relu", "add_14_16x2", "head_7_k1s1_16-32-10_relu")


@pytest.fixture(name="phase")
def small_phase(device: LocalTarget, tmp_path: Path) -> Phase:
    """Returns a phase of four blocks on each of two units, in three rounds."""
    jobs = []
    units = resolve_units((), device.info)
    for key in BLOCKS:
        model = tmp_path / f"{key}.tflite"
        model.write_bytes(write_block(parse_key(key)))
        jobs += [TimeJob(f"{unit}/{key}", unit, model, warmup=1, runs=4) for unit in units]
    return Phase("small", units, tuple(jobs), Repeat(3, 3), seed=1)


def visits(events: list[Event]) -> Counter[str]:
    return Counter(event.job for event in events if isinstance(event, TimeDone))


def test_a_phase_visits_every_job_in_every_round(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    events: list[Event] = []
    assert execute(device, phase, tmp_path / "j.jsonl", events.append)
    assert set(visits(events).values()) == {3}
    assert len(visits(events)) == len(phase.jobs)
    done = [event for event in events if isinstance(event, TimeDone)]
    assert all(len(event.samples["run"]) == 4 and min(event.samples["run"]) > 0 and event.accelerated for event in done)
    orders = [[e.job for e in events if isinstance(e, JobStarted) and e.round == number] for number in range(3)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert not orders[0] == orders[1] == orders[2], "shuffled anew in every round"
    assert list(read_journal(tmp_path / "j.jsonl")) == events


def test_sentinels_come_back_between_the_others(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    events: list[Event] = []
    sentinel = phase.jobs[0].id
    assert execute(device, replace(phase, sentinel=Sentinel((sentinel,), every=2)), tmp_path / "j.jsonl", events.append)
    order = [event.job for event in events if isinstance(event, JobStarted)]
    assert order[0] == order[-1] == sentinel
    runs = "".join("s" if job == sentinel else "." for job in order)
    assert "..." not in runs


def test_jobs_of_a_group_are_visited_side_by_side(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    grouped = {job.id for job in phase.jobs[1:7:2]}
    broken = TimeJob("broken", "cpu1", tmp_path / "nothing.tflite", warmup=1, runs=2, group="g")
    jobs = (*(replace(job, group="g" if job.id in grouped else "") for job in phase.jobs), broken)
    sentinel = phase.jobs[0].id
    rounds = 12
    repeat, watch = Repeat(rounds, rounds), Sentinel((sentinel,), every=1)
    events: list[Event] = []
    assert execute(device, replace(phase, jobs=jobs, repeat=repeat, sentinel=watch), tmp_path / "j.jsonl", events.append)
    started = [event for event in events if isinstance(event, JobStarted)]
    orders, places = set(), set()
    for number in range(rounds):
        order = [event.job for event in started if event.round == number]
        others = [job for job in order if job != sentinel]
        assert set(others) == {job.id for job in phase.jobs[1:]} | ({"broken"} if number == 0 else set())
        place = min(others.index(job) for job in grouped | ({"broken"} & set(others)))
        group = others[place : place + len(grouped) + (number == 0)]
        assert set(group) == grouped | ({"broken"} if number == 0 else set())
        start = order.index(group[0])
        assert order[start : start + len(group)] == group, "no sentinel comes in between"
        orders.add(tuple(job for job in group if job != "broken"))
        places.add(place)
    assert len(orders) > 1, "shuffled within themselves"
    assert len(places) > 1, "and among the others"


def test_a_visit_says_how_it_has_warmed_up(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    steady, cut_off, floor_alone = (
        replace(job, warmup=2, warmup_limit_us=limit_us) if isinstance(job, TimeJob) else job
        for job, limit_us in zip(phase.jobs, (60_000_000, 1, 0), strict=False)
    )
    events: list[Event] = []
    assert execute(device, replace(phase, jobs=(steady, cut_off, floor_alone)), tmp_path / "j.jsonl", events.append)
    said = {job.id: [(e.warmups, e.warm) for e in events if isinstance(e, TimeDone) and e.job == job.id] for job in phase.jobs[:3]}
    assert all(warmups is not None and warmups >= 2 and warm for warmups, warm in said[steady.id])
    assert {warmups for warmups, _ in said[cut_off.id]} == {2}
    assert said[floor_alone.id] == [(2, None)] * 3


def test_jobs_that_cannot_be_done_fail_alone_with_a_reason(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.tflite"
    garbage.write_bytes(b"\x1c\0\0\0TFL3" + bytes(range(256)) * 4)
    missing = TimeJob("missing", "cpu0", tmp_path / "nothing.tflite", warmup=1, runs=2)
    bad = TimeJob("garbage", "cpu1", garbage, warmup=1, runs=2)
    events: list[Event] = []
    assert execute(device, replace(phase, jobs=(missing, *phase.jobs, bad)), tmp_path / "j.jsonl", events.append)
    failed = {event.job: event.reason for event in events if isinstance(event, JobFailed)}
    assert set(failed) == {"missing", "garbage"}
    assert "nothing.tflite" in failed["missing"]
    assert len(visits(events)) == len(phase.jobs)


def test_a_core_that_is_not_there_fails_the_unit_and_its_jobs_only(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    units = {**phase.units, "cpu1": parse_unit("cpu:cores=1000")}
    events: list[Event] = []
    assert execute(device, replace(phase, units=units), tmp_path / "j.jsonl", events.append)
    assert [event.unit for event in events if isinstance(event, UnitFailed)] == ["cpu1"]
    assert {job.split("/")[0] for job in visits(events)} == {"cpu0"}
    assert {event.job.split("/")[0] for event in events if isinstance(event, JobFailed)} == {"cpu1"}


def _kill(how: signal.Signals) -> Callable[[PhaseRun], None]:
    def kill(run: PhaseRun) -> None:
        assert isinstance(run, LocalRun)
        os.kill(run._process.pid, how)

    return kill


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_nothing_but_a_retry(device: LocalTarget, phase: Phase, tmp_path: Path, how: signal.Signals) -> None:
    other = _another_job(tmp_path)
    killer = ActsOnStart(device, other.id, times=1, act=_kill(how))
    assert execute(killer, replace(phase, jobs=(*phase.jobs, other)), tmp_path / "j.jsonl", killer.note)
    assert not [event for event in killer.events if isinstance(event, JobFailed)]
    assert min(visits(killer.events).values()) >= 3
    assert len(visits(killer.events)) == len(phase.jobs) + 1
    assert list(read_journal(tmp_path / "j.jsonl")) == killer.events


def test_a_job_that_crashes_twice_fails_and_the_others_are_measured(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    other = _another_job(tmp_path)
    killer = ActsOnStart(device, other.id, times=2, act=_kill(signal.SIGSEGV))
    assert execute(killer, replace(phase, jobs=(*phase.jobs, other)), tmp_path / "j.jsonl", killer.note)
    failed = [event for event in killer.events if isinstance(event, JobFailed)]
    assert failed == [JobFailed(other.id, 0, "crashed the runtime twice: crashed (SIGSEGV)")]
    assert min(visits(killer.events)[job.id] for job in phase.jobs) >= 3


def _another_job(folder: Path) -> TimeJob:
    model = folder / "another.tflite"
    model.write_bytes(write_block(parse_key("add_14_16x2")))
    return TimeJob("block/cpu0/another", "cpu0", model, warmup=1, runs=4)


def test_ctrl_c_ends_after_the_running_visit_and_keeps_everything(
    device: LocalTarget, phase: Phase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests a Ctrl-C during the wait for the journal, once it has some lines."""
    events: list[Event] = []
    interrupted: list[int] = []

    def sleep(seconds: float) -> None:
        if len(events) > 20 and not interrupted:
            interrupted.append(len(events))
            signal.raise_signal(signal.SIGINT)
        time.sleep(seconds)

    monkeypatch.setattr("android_harness.targets.local.time", SimpleNamespace(sleep=sleep))
    paced = tuple(replace(job, gap_us=10_000) for job in phase.jobs if isinstance(job, TimeJob))
    assert not execute(device, replace(phase, jobs=paced, repeat=Repeat(1000, 1000)), tmp_path / "j.jsonl", events.append)
    assert interrupted
    ended = events[-1]
    assert isinstance(ended, PhaseEnded)
    assert ended.stopped == "signal"
    assert list(read_journal(tmp_path / "j.jsonl")) == events


def test_a_phase_that_the_runner_refuses_is_an_error_with_its_words(device: LocalTarget, phase: Phase, tmp_path: Path) -> None:
    twice = replace(phase, jobs=(phase.jobs[0], phase.jobs[0]))
    with pytest.raises(RunnerError, match=r"small.*cpu0/mbconv"):
        execute(device, twice, tmp_path / "j.jsonl", lambda _: None)


def test_a_runner_of_an_earlier_version_is_told_to_be_built_anew(
    device: LocalTarget, phase: Phase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tmp_path / "runner"
    earlier.write_text('#!/bin/sh\necho "syncnas_runner: $1: protocol is not a known field" >&2\nexit 2\n')
    earlier.chmod(0o755)
    monkeypatch.setattr(device, "_runner", earlier)
    with pytest.raises(RunnerError, match=r"not a known field; the runner is of an earlier version .* syncnas build"):
        execute(device, phase, tmp_path / "j.jsonl", lambda _: None)
