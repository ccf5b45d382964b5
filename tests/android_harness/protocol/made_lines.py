"""A line of a journal of every kind, as documents."""

from __future__ import annotations

from typing import Any

TIME = {
    "event": "done",
    "job": "b",
    "round": 0,
    "t_ns": 5,
    "kind": "time",
    "create_ns": 7,
    "first_ns": None,
    "accelerated": True,
    "samples": {f"{name}_ns": [1, 2] for name in ("write", "run", "read", "total", "cpu")},
    "clock_khz": [None, 1800000],
    "temperature_mc": 41000,
}
TRANSFER = {
    "event": "done",
    "job": "t",
    "round": 0,
    "t_ns": 5,
    "kind": "transfer",
    "create_ns": 7,
    "path": "shared",
    "bytes": 64,
    "samples": {f"{name}_ns": [1] for name in ("run", "rerun", "read", "wakeup", "write", "rewrite", "total")},
}
COLLAB = {
    "event": "done",
    "job": "c",
    "round": 0,
    "t_ns": 5,
    "kind": "collab",
    "create_ns": 7,
    "steps": [
        {"unit": "cpu0", "segment": "cpu0.0", "step": "write", "peer": "input"},
        {"unit": "cpu0", "segment": "cpu0.0", "step": "run"},
    ],
    "begin_ns": [[0, 1], [2, 3]],
    "end_ns": [[2, 3], [9, 9]],
    "total_ns": [9, 9],
    "outputs": {"distinct": 1, "hash": "00ff"},
    "paths": {"cpu0>cpu1": "shared"},
}

LINES: list[dict[str, Any]] = [
    {
        "event": "phase",
        "format": 1,
        "phase": "p",
        "runner": "0.2.0",
        "protocol": 2,
        "abi": "x",
        "t_ns": 0,
        "unix_ns": 9,
        "engines": {"litert": "2"},
        "conditions": {"clocks": "free"},
    },
    {"event": "unit", "unit": "cpu0", "cores": [0], "t_ns": 0},
    {"event": "unit_failed", "unit": "gpu0", "reason": "no driver"},
    {"event": "start", "job": "b", "round": 0, "t_ns": 1},
    TIME,
    TRANSFER,
    COLLAB,
    {"event": "failed", "job": "x", "round": 0, "t_ns": 3, "reason": "cannot read"},
    {
        "event": "state",
        "t_ns": 9,
        "since_ns": 1,
        "temperature_mc": 1,
        "thermal_status": 0,
        "caps_khz": {"cpu0": [0, None]},
        "slowdown": 0.1,
        "hot": None,
    },
    {"event": "cooled", "t_ns": 0, "waited_ns": 0, "temperature_mc": None},
    {"event": "end", "phase": "p", "t_ns": 0, "visits": 1, "failed": 0, "sampled_ns": 0, "created_ns": 0, "stopped": None},
    {"event": "setting", "moment": "made", "name": "clock of cores 0", "wanted": "9 kHz", "found": "8 kHz", "holds": False},
]
