"""Found placements as plans that can be kept."""

from __future__ import annotations

from graph.plan_file import PlacementPlan, plan_for
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from search.placing.objective import Objective
from search.placing.searching import Found


def plan_of(cut: CutNetwork, found: Found, units: tuple[str, ...], costs: Costs, *, objective: Objective, grain_us: float) -> PlacementPlan:
    """Makes the plan of a placement that was found."""
    return plan_for(
        cut,
        [units[unit] for unit in found.units],
        {name: costs.unit(name).text for name in units},
        grain_us=grain_us,
        predicted_us=found.us,
        objective="latency" if objective is Objective.LATENCY else "throughput",
        alone_us={units[unit]: us for unit, us in found.alone_us.items()},
        is_proven=found.is_proven,
    )
