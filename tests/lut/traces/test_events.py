"""Events of traces, and the files that they are written to."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import StorageError
from lut.traces.events import Trace, require_free, write_trace
from lut.traces.runs import TimedStep, UnitTracks
from tests.lut.traces.trace_checks import checked, slices


def small_trace(name: str = "x") -> Trace:
    trace = Trace({"model": name})
    process = trace.add_process(name)
    process.add_thread(name).add_slice(name, 1, 2, category="whole")
    process.add_counter(name, "MHz", 5, 1.5)
    return trace


@given(st.text())
def test_names_are_escaped_by_json_alone(name: str) -> None:
    document = checked(small_trace(name).text())
    assert [event["name"] for event in slices(document["traceEvents"])] == [name]
    assert document["otherData"]["model"] == name


@given(st.integers(0, 10**15), st.integers(0, 10**12))
def test_times_are_microseconds_to_the_nanosecond(begin_ns: int, took_ns: int) -> None:
    trace = Trace()
    trace.add_process("p").add_thread("t").add_slice("s", begin_ns, begin_ns + took_ns, category="whole")
    [event] = slices(json.loads(trace.text())["traceEvents"])
    assert (round(event["ts"] * 1000), round(event["dur"] * 1000)) == (begin_ns, took_ns)


def test_what_is_no_number_is_refused() -> None:
    for value in (math.nan, math.inf, -math.inf):
        trace = small_trace()
        trace.add_process("p").add_counter("c", "MHz", 1, value)
        with pytest.raises(ValueError, match="JSON"):
            trace.text()
    with pytest.raises(ValueError, match="ends before it begins"):
        Trace().add_process("p").add_thread("t").add_slice("s", 2, 1, category="whole")


def test_no_arrow_goes_back_in_time() -> None:
    steps = [
        TimedStep("a", "a.0", "run", "", 0, 50),
        TimedStep("b", "b.0", "wait", "a.0", 0, 10),
        TimedStep("b", "b.0", "run", "", 10, 20),
        TimedStep("b", "b.1", "wait", "a.9", 20, 30),
        TimedStep("b", "b.1", "run", "", 30, 40),
    ]
    trace = Trace()
    UnitTracks(trace, trace.add_process("p"), ["a", "b"]).add_run(steps)
    assert not [event for event in checked(trace.text())["traceEvents"] if event["ph"] in "sf"]


def test_only_own_traces_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write_trace(path, small_trace("first"))
    write_trace(path, small_trace("second"))
    assert checked(path.read_text())["otherData"]["model"] == "second"
    for content in ("", "{}", '{"displayTimeUnit":"ns","traceEvents":[]}'):
        path.write_text(content)
        with pytest.raises(StorageError, match="no trace of this toolkit"):
            write_trace(path, small_trace())
        assert path.read_text() == content
    with pytest.raises(StorageError, match="no trace of this toolkit"):
        require_free(tmp_path)
    with pytest.raises(StorageError, match="no folder"):
        require_free(tmp_path / "gone" / "trace.json")
