from __future__ import annotations

from android_harness.protocol.journal import VisitsUndone
from profiler.effort import QUICK
from profiler.samples import SampleStore
from profiler.tabulate import derive, derive_block_rows, tables_of
from tests.profiler.made_events import BLOCK_PLAN, CALL, JOB, UNITS, request, time_done


def test_the_effort_and_the_heat_of_a_profile_stand_in_its_tables() -> None:
    store = SampleStore()
    store.add_all([time_done(CALL, [2000] * 5), time_done(JOB, [50_000])])
    cool = tables_of(request(BLOCK_PLAN), store, {"governors": "x"}).meta
    assert cool.conditions == {"governors": "x"}
    assert cool.settings["effort"]["runs"] == QUICK.runs
    store.add(VisitsUndone(12))
    assert tables_of(request(BLOCK_PLAN), store, {"governors": "x"}).meta.conditions == {"governors": "x", "dropped_hot": "12 visits"}


def test_block_rows_alone_are_those_of_the_tables() -> None:
    store = SampleStore()
    store.add_all([time_done(CALL, [2000] * 5), time_done(JOB, [50_000, 52_000]), time_done(JOB, [54_000])])
    assert derive_block_rows(store, UNITS, BLOCK_PLAN, runtime="r") == derive(store, UNITS, BLOCK_PLAN, runtime="r", settings={}).blocks
