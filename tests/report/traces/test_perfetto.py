"""Traces in Perfetto itself: its importer takes every event, and its tables have the tracks, slices, arrows and counters meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from android_harness.bundles.traces import measured_trace
from android_harness.protocol.journal import TimeDone, TimeSamples
from collab import config as configs
from collab.placement import parse_placement
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from lut.tables import load_tables
from report.traces.sources import read_recording
from tests.lut.traces.trace_checks import arrows, checked, ns, slices
from tests.perfetto import opened
from tests.report.traces.measured import Measured, measured

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["measured"]
_SLICES = """select process.name, thread.name, slice.name, slice.ts, slice.dur, slice.depth, slice.category
  from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)"""
_ARROWS = """select coalesce(sending.name, sender.name), coalesce(receiving.name, receiver.name), sender.ts + sender.dur <= receiver.ts
  from flow join slice sender on flow.slice_out = sender.id join slice receiver on flow.slice_in = receiver.id
  left join slice sending on sender.parent_id = sending.id left join slice receiving on receiver.parent_id = receiving.id"""
_LOST = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"


@pytest.mark.slow
def test_perfetto_shows_all_that_is_in_a_trace(measured: Measured, browser: Browser) -> None:
    config = configs.load(str(measured.configs[0]))
    prediction = predict(config, parse_placement("", branches=2), Costs(load_tables(measured.tables), source="x"))
    recording = read_recording(measured.tables / "verify.jsonl")
    middle_ns = (recording.visits[0].begin_ns + recording.visits[-1].end_ns) // 2
    recording._to_unix_ns = 0
    recording.add(TimeDone("sentinel/cpu0", 0, middle_ns, None, None, True, TimeSamples(*[(9,)] * 5), (1_500_000,), 41_500))
    text = measured_trace(recording, prediction, which="all").text()
    events = checked(text)["traceEvents"]
    names = {(event["pid"], event.get("tid")): event["args"]["name"] for event in events if event["name"].endswith("_name")}
    with opened(browser, text) as perfetto:
        assert perfetto.query(_LOST) == []
        expected = [
            [names[event["pid"], None], names[event["pid"], event["tid"]], event["name"], ns(event["ts"]), ns(event["dur"]), event["cat"]]
            for event in slices(events)
        ]
        shown = perfetto.query(_SLICES)
        assert sorted([*row[:5], row[6]] for row in shown) == sorted(expected)
        depths = {"whole": {0, 1}, "run": {0}, "wait": {0}, "copy": {0}, "block": {1}}
        assert [row for row in shown if row[5] not in depths[row[6]]] == [], "parts lie in their run, runs in their visit"
        hand_overs = perfetto.query(_ARROWS)
        assert len(hand_overs) == len(arrows(events)) > 0
        assert all(row[2] == 1 for row in hand_overs), "forwards"
        waits = {(label.peer, label.segment) for label in measured.visits[0].steps if label.step == "wait"}
        assert {(row[0], row[1]) for row in hand_overs} == waits, "from the run that is waited for to the run that waits"
        counters = perfetto.query("select name, value from counter join process_counter_track on track_id = process_counter_track.id")
        assert sorted(counters) == [["clock of cpu0 MHz", 1500.0], ["temperature celsius", 41.5]]
