"""Traces of verified models, held against what the command has printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lut.traces.trace_checks import checked, slices


def check_trace(path: Path, said: dict[str, Any]) -> None:
    """The trace of a verified model says what the command's JSON does: the prediction to the nanosecond, and a run near the median."""
    document = checked(path.read_text())
    assert document["otherData"]["predicted_us"] == said["predicted_us"]
    assert document["otherData"]["measured_median_us"] == said["measured_us"]["median"]
    events = slices(document["traceEvents"])
    predicted, shown = (event for event in events if event["cat"] == "whole")
    assert predicted["dur"] == pytest.approx(said["predicted_us"], abs=1e-3)
    assert shown["dur"] == pytest.approx(said["measured_us"]["median"], rel=0.5)
    spans = {
        (event["args"]["segment"], event["args"]["step"], event["args"].get("peer", "")): (event["ts"], event["dur"])
        for event in events
        if event["pid"] == predicted["pid"] and event["cat"] in ("run", "wait", "copy")
    }
    for step in said["steps"]:
        if step["predicted_us"] >= 0.001:
            begin, took = spans.pop((step["segment"], step["step"], step["peer"]))
            assert (begin, took) == (pytest.approx(step["predicted_begin_us"], abs=2e-3), pytest.approx(step["predicted_us"], abs=2e-3))
    assert not spans
