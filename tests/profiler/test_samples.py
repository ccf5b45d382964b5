from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import FORMAT, Event, HandoverDone, HandoverSamples, JobFailed, PhaseStarted, TimeDone, VisitsUndone
from collab.errors import JournalError, TableError
from lut.statistics import summarise
from profiler.drift import speed_line, steadied
from profiler.job_ids import BlockId, HandoverId, NetworkId
from profiler.networks import network_samples
from profiler.provenance import Provenance, differences
from profiler.samples import JobSamples, SampleStore, read_store
from tests.profiler.made_events import BLOCK, JOB, network_done, time_done
from tests.profiler.test_provenance import PROVENANCES

ID = BlockId("cpu0", BLOCK)


@given(st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=5), min_size=1, max_size=8))
def test_what_is_gathered_is_of_all_visits_however_often_it_is_asked_for(visits: list[list[int]]) -> None:
    samples = JobSamples()
    for number, runs in enumerate(visits, start=1):
        samples.add(time_done(JOB, runs))
        so_far = visits[:number]
        assert samples.by_visit("run") == samples.by_visit("run") == so_far
        assert samples.pooled("run") == [ns for visit in so_far for ns in visit]
        assert samples.summary("run") == summarise(so_far)
        assert samples.summary("run") is samples.summary("run"), "computed once for all that ask"


@given(st.lists(st.tuples(st.floats(0.01, 100), st.lists(st.integers(1, 10**12), min_size=1, max_size=3)), min_size=1, max_size=8))
def test_samples_are_divided_by_how_slow_the_unit_was_at_their_visit(visits: list[tuple[float, list[int]]]) -> None:
    times = [time_done(JOB, runs) for _, runs in visits]
    samples = JobSamples(times=times, slowness=np.array([slow for slow, _ in visits]))
    expected = [max(round(ns * (1 / slow)), 1) for slow, runs in visits for ns in runs]
    assert samples.pooled("run") == expected
    assert [visit.samples.run for visit in samples.times] == [tuple(runs) for _, runs in visits], "visits stay as they are"


def test_no_time_stays_none_and_hand_overs_are_not_divided() -> None:
    job = HandoverId("cpu0", "cpu1", (1, 14, 14, 16), "shared", "spin", 0)
    handed = HandoverDone(job.text, 0, 1, "shared", 12544, HandoverSamples((40,), (50,), (60,), (70,), (80,)))
    visit = time_done(JOB, [1000])
    silent = msgspec.structs.replace(visit, samples=msgspec.structs.replace(visit.samples, write=(0,)))
    samples = JobSamples(times=[silent], transfers=[handed], slowness=np.array([2.0]))
    assert samples.pooled("write") == [0, 60]
    assert samples.pooled("read") == [50, 40]


def test_a_failure_is_forgotten_once_the_job_can_be_run() -> None:
    store = SampleStore()
    store.add_all([time_done(JOB, [5]), JobFailed(JOB, 1, "crashed")])
    assert store.measured(ID) is None
    assert store.jobs[ID].failure == "crashed"
    store.add(time_done(JOB, [7]))
    assert store.measured(ID) is store.jobs[ID]
    assert store.jobs[ID].pooled("run") == [5, 7]


def test_a_reason_is_noted_of_jobs_that_were_never_visited_only() -> None:
    store, other = SampleStore(), BlockId("cpu1", BLOCK)
    store.add(time_done(JOB, [5]))
    for job in (ID, other):
        store.fail(job, "too large")
        store.fail(job, "too large after all")
    assert (store.jobs[ID].failure, store.jobs[other].failure) == (None, "too large")


def test_the_visits_of_a_network_know_their_phase() -> None:
    """Rounds are counted anew in each phase, whatever it is called."""
    network = ((BLOCK,),)
    job = NetworkId.of("cpu0", network)
    begun, visit = PhaseStarted("p", "0", "x", {}, 0, 9, 1), network_done(job.text, [100])
    store = SampleStore()
    store.add_all([begun, visit, time_done(JOB, [5]), visit, begun, begun, visit])
    assert store.jobs[job].phases == [1, 1, 3]
    found = network_samples(steadied(store, {"cpu0": speed_line([0, 1], [1.0, 1.0])}), job, network)
    assert found is not None
    assert found.phases == (1, 1, 3)


def test_jobs_of_unknown_ids_are_left_out() -> None:
    store = SampleStore()
    store.add_all([time_done("mystery/cpu0", [5]), JobFailed("mystery/cpu1", 0, "x"), time_done(JOB, [5])])
    assert list(store.jobs) == [ID]


def test_visits_that_heat_undid_are_counted_and_not_kept(tmp_path: Path) -> None:
    def line(content: Event, **names: str) -> str:
        return json.dumps({**names, **msgspec.to_builtins(content)})

    def checked(hot: str | None) -> str:
        return line(StateChecked(0, 0, None, None, {}, None, hot), event="state")

    def visited(event: TimeDone) -> str:
        return line(event, event="done", kind="time")

    begun = line(PhaseStarted("p", "0", "x", {}, 0, 9, 1), event="phase")
    lines = [begun, checked(None), visited(time_done(JOB, [5])), checked(None)]
    lines += [visited(time_done(JOB, [90])), visited(time_done(JOB, [91])), checked("thermal status 2"), checked("thermal status 2")]
    lines += [visited(time_done(JOB, [6])), checked(None), visited(time_done(JOB, [92]))]
    (tmp_path / "j.jsonl").write_text("\n".join(lines) + "\n")
    store = read_store(tmp_path / "j.jsonl")
    assert store.jobs[ID].pooled("run") == [5, 6], "nobody can tell what the device was like at the end"
    assert store.dropped_hot == 2


def test_a_journal_that_is_not_there_is_empty_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert read_store(tmp_path / "none.jsonl").jobs == {}
    (tmp_path / "j.jsonl").write_text("{}\n")
    with pytest.raises(JournalError, match=r"j\.jsonl, line 1: .*remove that line"):
        read_store(tmp_path / "j.jsonl")


NOW = Provenance(2, "0.2.0", {"litert": "L1"}, {"clocks": "free"})


def phase_of(provenance: Provenance, *, unix_ns: int = 9) -> PhaseStarted:
    said = provenance
    return PhaseStarted("p", said.runner, "x", said.engines, 0, unix_ns, FORMAT, said.protocol, said.conditions)


@given(st.lists(st.tuples(PROVENANCES, st.integers(0, 3)), min_size=1, max_size=8), PROVENANCES, st.booleans())
def test_no_statistic_is_over_visits_of_two_provenances(phases: list[tuple[Provenance, int]], asked: Provenance, is_asked: bool) -> None:
    """Each visit has one sample, the number of its phase, so what is pooled tells which phases it comes from."""
    store = SampleStore()
    for number, (provenance, visits) in enumerate(phases, start=1):
        store.add(phase_of(provenance))
        store.add_all(time_done(JOB, [number]) for _ in range(visits))
    if is_asked:
        store.turn_to(asked)
    counted = sorted(set(store.jobs[ID].pooled("run"))) if ID in store.jobs else []
    of = [phases[number - 1][0] for number in counted]
    assert not [(one, other) for one in of for other in of if differences(one, other)]
    present = asked if is_asked else phases[-1][0]
    assert not [one for one in of if differences(one, present)]
    assert store.provenance is not None
    assert differences(store.provenance, present) == ()
    assert all(not differences(one, store.provenance) for one in of)
    if len(present.engines) == 2:  # any other may agree with two that do not agree with each other
        assert {number for number, (one, visits) in enumerate(phases, start=1) if visits and one == present} <= set(counted)
    assert store.not_counted.visits == sum(visits for number, (_, visits) in enumerate(phases, start=1) if number not in counted)
    assert bool(store.not_counted.visits) == bool(store.not_counted.differences)


def test_visits_of_the_newest_phase_count_and_others_are_told() -> None:
    store = SampleStore()
    store.add_all([phase_of(Provenance(1, "0.1.0", {"litert": "L1"})), time_done(JOB, [5]), VisitsUndone(3), JobFailed(JOB, 1, "crashed")])
    assert (store.jobs[ID].failure, store.dropped_hot) == ("crashed", 3)
    store.add_all([phase_of(NOW), time_done(JOB, [7]), phase_of(NOW), time_done(JOB, [8])])
    assert store.jobs[ID].pooled("run") == [7, 8]
    assert (store.jobs[ID].failure, store.dropped_hot) == (None, 0)
    assert store.not_counted.visits == 1
    assert store.not_counted.differences == (
        "measurement protocol 1 (now 2)",
        "runner 0.1.0 (now 0.2.0)",
        "clocks not said (now free)",
    )


def test_visits_of_an_earlier_provenance_count_again_once_it_is_back() -> None:
    store = SampleStore()
    other = Provenance(2, "0.2.0", {"litert": "L2"}, NOW.conditions)
    for provenance, ns in ((NOW, 5), (other, 6), (NOW, 7)):
        store.add_all([phase_of(provenance), time_done(JOB, [ns])])
    assert store.jobs[ID].pooled("run") == [5, 7]
    store.turn_to(other)
    assert store.jobs[ID].pooled("run") == [6]
    store.turn_to(Provenance(2, "0.3.0", {"litert": "L1"}, NOW.conditions))
    assert (store.jobs, store.not_counted.visits) == ({}, 3)


def test_two_libraries_of_one_engine_are_told_apart_though_a_phase_of_another_engine_agrees_with_both() -> None:
    store = SampleStore()
    for number, engines in enumerate(({"litert": "L1"}, {"classic": "C1"}, {"litert": "L2"})):
        store.add_all([phase_of(Provenance(2, "0.2.0", engines)), time_done(JOB, [number + 1])])
    assert store.jobs[ID].pooled("run") == [3]
    store.turn_to(Provenance(2, "0.2.0", {"litert": "L1"}))
    assert store.jobs[ID].pooled("run") == [1, 2]


def test_what_stands_before_any_phase_is_of_an_unknown_provenance() -> None:
    store = SampleStore()
    store.add(time_done(JOB, [5]))
    assert (store.jobs[ID].pooled("run"), store.provenance) == ([5], None)
    store.add_all([phase_of(NOW), time_done(JOB, [6])])
    assert store.jobs[ID].pooled("run") == [6]
    assert "runner an unknown one (now 0.2.0)" in store.not_counted.differences


def test_a_change_while_it_is_measured_ends_in_a_sentence() -> None:
    store = SampleStore()
    store.check_goes_on(NOW)
    store.add(phase_of(NOW))
    store.check_goes_on(Provenance(2, "0.2.0", {"litert": "L2"}, NOW.conditions))
    store.add(time_done(JOB, [5]))
    store.check_goes_on(NOW)
    with pytest.raises(TableError, match=r"has changed since .*library of litert L1 \(now L2\).*resume=True"):
        store.check_goes_on(Provenance(2, "0.2.0", {"litert": "L2"}, NOW.conditions))


def test_time_between_phases_counts_within_one_provenance() -> None:
    store, second = SampleStore(), 10**9
    other = Provenance(2, "0.3.0")
    for provenance, at in ((NOW, 1), (NOW, 3), (other, 4), (other, 9)):
        store.add(phase_of(provenance, unix_ns=at * second))
    assert store.elapsed_ns == 5 * second
    store.turn_to(NOW)
    assert (store.elapsed_ns, store.last_unix_ns) == (2 * second, 3 * second)


def test_a_journal_of_two_protocols_and_two_libraries_is_read_apart(tmp_path: Path) -> None:
    def line(content: Event, **names: str) -> dict[str, object]:
        return {**names, **msgspec.to_builtins(content)}

    old = line(phase_of(Provenance(1, "0.1.0", {"litert": "L1"})), event="phase")
    del old["protocol"], old["conditions"]
    lines = [old]
    for number, provenance in enumerate((None, NOW, Provenance(2, "0.2.0", {"litert": "L2"}, NOW.conditions), NOW)):
        if provenance is not None:
            lines.append(line(phase_of(provenance), event="phase"))
        lines.append(line(time_done(JOB, [number + 1]), event="done", kind="time"))
    (tmp_path / "j.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    store = read_store(tmp_path / "j.jsonl")
    assert store.jobs[ID].pooled("run") == [2, 4]
    assert store.not_counted.visits == 2
    assert set(store.not_counted.differences) >= {"measurement protocol 1 (now 2)", "library of litert L2 (now L1)"}
