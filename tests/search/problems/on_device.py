"""Problems of mini_v2 on a made device."""

from __future__ import annotations

from search.problems.device import DeviceProblem
from search.problems.placements import placements_to_try
from search.widths.budget import base_latency
from tests.search.made import BASE, costs

COSTS = costs()
UNITS = ["cpu0", "cpu1"]
BASE_US = base_latency(BASE, UNITS, COSTS).us


def problem(scale: float, placement: str = "best") -> DeviceProblem:
    placements, in_tree = placements_to_try(placement, UNITS, branches=2)
    return DeviceProblem(BASE, COSTS, placements, scale * BASE_US, in_tree=in_tree)
