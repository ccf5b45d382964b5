"""Predictions as traces: for any replayed schedule the slices nest, and hand-overs go forward in time."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from collab.placement import parse_placement
from collab.variants import collaborative
from lut.prediction.model_latency import predict
from lut.traces.predicted import predicted_steps, predicted_trace
from tests.lut.prediction.made_costs import BASE, STRATEGIES, costs
from tests.lut.traces.trace_checks import arrows, checked, ns, slices

COSTS = {path: costs(path=path) for path in ("shared", "readback", "upload", "memcpy")}


@given(
    strategy=STRATEGIES, scale=st.floats(0.1, 1.2), path=st.sampled_from(sorted(COSTS)), placement=st.sampled_from(["", "stem=0", "head=1"])
)
@settings(max_examples=40)
def test_every_prediction_is_a_trace(strategy: str, scale: float, path: str, placement: str) -> None:
    model = collaborative(BASE, strategy, scale=scale)
    prediction = predict(model, parse_placement(placement, branches=2), COSTS[path])
    events = checked(predicted_trace(prediction).text())["traceEvents"]
    waits = [step for step in prediction.steps if step.step == "wait"]
    assert len(arrows(events)) == len(waits)
    assert Counter(event["cat"] for event in slices(events) if event["cat"] in ("wait", "run", "copy")) == Counter(
        {"write": "copy", "read": "copy"}.get(step.step, step.step) for step in predicted_steps(prediction) if step.end_ns > step.begin_ns
    )
    assert max(ns(event["ts"]) + ns(event["dur"]) for event in slices(events)) == round(prediction.total_us * 1000)


def test_blocks_lie_in_the_run_of_their_segment() -> None:
    model = collaborative(BASE, "nannnna")
    prediction = predict(model, parse_placement("", branches=2), COSTS["shared"])
    document = checked(predicted_trace(prediction).text())
    assert document["otherData"] == {
        "made_by": "syncnas",
        "format": 1,
        "model": prediction.model,
        "placement": "0=cpu0,1=cpu1,stem=all,head=0",
        "predicted_us": round(prediction.total_us, 3),
    }
    events = document["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert list(names.values()) == ["whole run", "cpu0", "cpu1"]
    for step in prediction.steps:
        if step.step == "run":
            [run] = [event for event in slices(events) if event["cat"] == "run" and event["name"] == step.segment]
            inside = [
                event["name"]
                for event in slices(events)
                if event["cat"] == "block" and event["tid"] == run["tid"] and run["ts"] <= event["ts"] < run["ts"] + run["dur"]
            ]
            assert inside == [part.what for part in step.parts if part.end_us > part.begin_us]
    fetches = [event["name"] for event in slices(events) if event["name"].startswith("fetch")]
    assert sorted(fetches) == sorted(f"fetch {step.peer}" for step in prediction.steps if step.step == "wait")


def test_arrows_go_from_the_run_that_sends_to_the_run_that_receives() -> None:
    model = collaborative(BASE, "nnnnnna")
    prediction = predict(model, parse_placement("", branches=2), COSTS["memcpy"])
    events = checked(predicted_trace(prediction).text())["traceEvents"]
    steps = {(step.segment, step.step): step for step in predicted_steps(prediction)}
    [(begin, end)] = arrows(events)
    assert ns(begin["ts"]) == steps["cpu1.0", "run"].end_ns - 1
    assert ns(end["ts"]) == steps["cpu0.1", "run"].begin_ns


def test_waits_are_slices_of_their_own() -> None:
    model = collaborative(BASE, "nnnnnna")
    prediction = predict(model, parse_placement("", branches=2), COSTS["shared"])
    [wait] = [event for event in slices(checked(predicted_trace(prediction).text())["traceEvents"]) if event["cat"] == "wait"]
    assert (wait["name"], wait["cname"]) == ("wait for cpu1.0", "grey")
    assert wait["args"] == {"segment": "cpu0.1", "step": "wait", "peer": "cpu1.0"}
