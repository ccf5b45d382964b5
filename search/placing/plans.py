"""Found placements as plans that can be kept."""

from __future__ import annotations

from collab.console import one_line
from graph.identity import label_of
from graph.plan_file import PlacementPlan, PlannedBlock, network_sum
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from search.placing.searching import Found


def plan_of(cut: CutNetwork, found: Found, units: tuple[str, ...], costs: Costs, *, objective: str) -> PlacementPlan:
    """Makes the plan of a placement that was found."""
    blocks = zip(cut.opaque, cut.blocks, found.units, strict=True)
    return PlacementPlan(
        format=1,
        model=one_line(cut.name)[:256],
        sha256=network_sum(cut),
        grain_us=cut.grain_us,
        units={name: costs.unit(name).text for name in units},
        objective="latency" if objective == "latency" else "throughput",
        predicted_us=found.us,
        alone_us={units[unit]: us for unit, us in found.alone_us.items()},
        is_proven=found.is_proven,
        blocks=tuple(PlannedBlock(opaque.identity, label_of(cut.network, block), units[unit]) for opaque, block, unit in blocks),
    )
