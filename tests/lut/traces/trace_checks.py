"""Checks of traces by the public rules of the Trace Event Format: fields and their types, slices that nest, arrows that go forward."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from jsonschema import Draft202012Validator

_TIME = {"type": "number", "minimum": 0}
_NUMBERED = {"pid": {"type": "integer"}, "tid": {"type": "integer"}, "ts": _TIME, "name": {"type": "string"}}


def _event(phase: str, required: list[str], **more: Any) -> dict[str, Any]:
    properties = {**_NUMBERED, "ph": {"const": phase}, **more}
    return {"type": "object", "properties": properties, "required": ["ph", "pid", "name", *required], "additionalProperties": False}


SCHEMA = {
    "type": "object",
    "required": ["traceEvents", "displayTimeUnit"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "otherData": {"type": "object"},
        "traceEvents": {
            "type": "array",
            "items": {
                "oneOf": [
                    _event(
                        "X",
                        ["tid", "ts", "dur", "cat"],
                        dur=_TIME,
                        cat={"type": "string"},
                        cname={"type": "string"},
                        args={"type": "object"},
                    ),
                    _event("s", ["tid", "ts", "id", "cat"], id={"type": "integer"}, cat={"type": "string"}),
                    _event("f", ["tid", "ts", "id", "cat", "bp"], id={"type": "integer"}, cat={"type": "string"}, bp={"const": "e"}),
                    _event(
                        "C",
                        ["ts", "args"],
                        args={"type": "object", "minProperties": 1, "additionalProperties": {"type": "number"}},
                    ),
                    _event(
                        "M",
                        ["args"],
                        name={"enum": ["process_name", "process_sort_index", "thread_name", "thread_sort_index"]},
                        args={"type": "object"},
                    ),
                ]
            },
        },
    },
}
_VALIDATOR = Draft202012Validator(SCHEMA)


def ns(us: float) -> int:
    """A time of the file, in the whole nanoseconds that it was written from."""
    assert abs(us * 1000 - round(us * 1000)) < 1e-3 * max(1.0, us * 1e-6)
    return round(us * 1000)


def checked(text: str) -> dict[str, Any]:
    """Returns a trace's document, which keeps all rules of the format."""

    def refuse(value: str) -> float:
        raise AssertionError(f"{value} is no JSON")

    document: dict[str, Any] = json.loads(text, parse_constant=refuse)
    _VALIDATOR.validate(document)
    events = document["traceEvents"]
    timed = [event for event in events if event["ph"] != "M"]
    assert [event["ts"] for event in timed] == sorted(event["ts"] for event in timed)
    check_nesting(events)
    check_arrows(events)
    return document


def check_nesting(events: list[dict[str, Any]]) -> None:
    """On each thread a slice lies within the one that it begins in, in the order of the file."""
    open_until: dict[int, list[int]] = defaultdict(list)
    for event in slices(events):
        begin_ns, end_ns = ns(event["ts"]), ns(event["ts"]) + ns(event["dur"])
        stack = open_until[event["tid"]]
        while stack and stack[-1] <= begin_ns:
            stack.pop()
        assert not stack or end_ns <= stack[-1], event
        stack.append(end_ns)


def check_arrows(events: list[dict[str, Any]]) -> None:
    """Each arrow begins once, inside a run, and ends once, later, where a run begins."""
    begins = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert begins.keys() == ends.keys()
    assert len(begins) + len(ends) == sum(event["ph"] in "sf" for event in events)
    runs = [event for event in slices(events) if event["cat"] == "run"]
    for number, begin in begins.items():
        end = ends[number]
        assert ns(begin["ts"]) < ns(end["ts"]), number
        assert any(r["tid"] == begin["tid"] and ns(r["ts"]) <= ns(begin["ts"]) == ns(r["ts"]) + ns(r["dur"]) - 1 for r in runs)
        assert any(r["tid"] == end["tid"] and r["ts"] == end["ts"] for r in runs)


def slices(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["ph"] == "X"]


def arrows(events: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    return [(event, ends[event["id"]]) for event in events if event["ph"] == "s"]
