"""Exports of any network: cut, put on units by a plan, and written as a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collab.networks.weights import DEFAULT_SEED
from exporters.bundle import write_network_bundle
from exporters.manifests.manifest import Manifest
from exporters.publish import check_target
from graph.plan_file import PlacementPlan, read_plan
from graph.reading import read_network
from graph.scheduling import CutNetwork
from graph.slicing import slice_bytes


def export_network(
    model: Path, plan_file: Path, out: Path, *, seed: int = DEFAULT_SEED, on_progress: Callable[[int, int], None] = lambda *_: None
) -> Manifest:
    """Writes the bundle of a network whose blocks a plan puts on units.

    Args:
        on_progress: gets the number of models that are made, and of all.

    Raises:
        NetworkError: the file holds no network, or the plan is none of it.
        ExportError: see `exporters.bundle.write_network_bundle`.
    """
    check_target(out)
    plan = read_plan(plan_file)
    cut = planned_network(model, plan)
    return write_planned(cut, plan, out, seed=seed, on_progress=on_progress)


def write_planned(
    cut: CutNetwork,
    plan: PlacementPlan,
    out: Path,
    *,
    seed: int = DEFAULT_SEED,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Manifest:
    """Writes the bundle of a network that was cut as its plan says.

    Args:
        on_progress: see `export_network`.

    Raises:
        ExportError: see `exporters.bundle.write_network_bundle`.
    """
    schedule = cut.schedule(plan.block_units, order=tuple(plan.units))
    blocks = cut.segment_blocks(plan.block_units)
    models = {}
    on_progress(0, len(blocks))
    for segment, block in zip(schedule.segments, blocks, strict=True):
        models[segment.name] = slice_bytes(cut.network, block, description=f"segment {segment.name}")
        on_progress(len(models), len(blocks))
    return write_network_bundle(schedule, models, network=bytes(cut.network.source.data), plan_text=plan.to_json(), out=out, seed=seed)


def planned_network(model: Path, plan: PlacementPlan) -> CutNetwork:
    """Reads the network of a plan, and cuts it as the plan says.

    Raises:
        NetworkError: it is another network than the plan's.
    """
    cut = CutNetwork(read_network(model), name=plan.model, grain_us=plan.grain_us)
    plan.require_fit(cut)
    return cut
