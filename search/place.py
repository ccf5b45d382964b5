"""``python -m search.place``: find out which unit should run which block of any network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from collab.cli import make_app, print_json, run_app
from collab.errors import ConfigError, MissingEntryError
from collab.files import write_own
from collab.names import counted, shown
from collab.options import AsJson, TablesFolder, number, option
from collab.wording.commands import command_named
from collab.wording.options import option_named
from graph.cuts import DEFAULT_GRAIN_US
from graph.plan_file import MAX_GRAIN_US, PlacementPlan

if TYPE_CHECKING:
    from collab.schedule import Schedule
    from graph.scheduling import CutNetwork

_OBJECTIVES = ("latency", "throughput")


def main(
    lut: TablesFolder,
    model: Annotated[
        Path | None, option(value="FILE", help="The network, a .tflite. Default: the one that was profiled into these tables.")
    ] = None,
    out: Annotated[Path | None, option(value="FILE", help="Where the plan is written.")] = None,
    unit: Annotated[
        list[str] | None, option(value="NAME", help="A unit that may be used, as the tables call it; may be repeated. Default: all.")
    ] = None,
    objective: Annotated[
        str, option(value="OBJECTIVE", complete=_OBJECTIVES, help="latency of one inference, or throughput of many that follow each other.")
    ] = "latency",
    grain: Annotated[
        float | None,
        number(least=0, most=MAX_GRAIN_US, value="MICROSECONDS", help="What a block is worth at least. Default: as it was profiled."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Find out which unit should run which block of any network.

    Placements are judged by the replay of measured costs: calls, blocks, hand-overs, and what units cost each other.
    """
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from search.placing.objective import Objective
    from search.placing.plans import plan_of
    from search.placing.searching import search_placement

    if objective not in _OBJECTIVES:
        raise ConfigError(f"--objective {shown(objective)}: one of {', '.join(_OBJECTIVES)}")
    costs = Costs(load_tables(lut), source=str(lut))
    units = tuple(dict.fromkeys(unit or costs.meta.units))
    for name in units:
        costs.unit(name)
    cut, grain_us = _cut(lut, model, grain)
    if not any(costs.has_row(name, block) for name in units for block in cut.opaque):
        origin = cut.network.source.origin
        again = command_named("profile", "--device", costs.meta.device, "--model", origin, "--grain", f"{grain_us:g}", "--out", "FOLDER")
        raise MissingEntryError(
            f"{lut} has none of the blocks of {origin} at {grain_us:g} us; give {option_named('--grain')} as the network was profiled, or"
            f" profile it: {again}"
        )
    found = search_placement(cut, costs, units, objective=Objective(objective))
    plan = plan_of(cut, found, units, costs, objective=Objective(objective), grain_us=grain_us)
    schedule = cut.schedule(plan.block_units, order=units)
    if out is not None:
        write_own(out, plan.to_json(), begin=b'{\n "format":', what="plan")
    document = place_document(plan, schedule, judged=found.judged) | ({"out": str(out)} if out is not None else {})
    if json:
        print_json(document)
    else:
        _print(document)


def _cut(lut: Path, model: Path | None, grain_us: float | None) -> tuple[CutNetwork, float]:
    """Reads the network and cuts it as it was profiled, unless another file or grain is given.

    Raises:
        ConfigError: the tables are of no network, and none is given.
        NetworkError: it cannot be read, or cut.
    """
    from graph.reading import read_network
    from graph.scheduling import CutNetwork
    from profiler.request import kept_network

    kept = kept_network(lut)
    if model is None and kept is None:
        raise ConfigError(f"{lut} holds no network that was profiled; name a .tflite with {option_named('--model')}")
    if grain_us is None:
        grain_us = kept.grain_us if kept is not None else DEFAULT_GRAIN_US
    if model is not None:
        return CutNetwork(read_network(model), name=model.stem, grain_us=grain_us), grain_us
    assert kept is not None
    return CutNetwork(read_network(kept.path), name=Path(kept.name).stem, grain_us=grain_us), grain_us


def place_document(plan: PlacementPlan, schedule: Schedule, *, judged: int) -> dict[str, Any]:
    """Describes a placement in values that JSON has."""
    best = min(plan.alone_us, key=lambda name: plan.alone_us[name], default=None)
    return {
        "model": plan.model,
        "objective": plan.objective,
        "predicted_us": plan.predicted_us,
        "units": plan.alone_us,
        "best_unit": best,
        "predicted_gain": None if best is None else plan.alone_us[best] / plan.predicted_us,
        "proven": plan.is_proven,
        "judged": judged,
        "blocks": [{"identity": block.identity, "label": block.label, "unit": block.unit} for block in plan.blocks],
        "segments": [
            {
                "name": segment.name,
                "unit": segment.unit,
                "blocks": len(segment.pieces),
                "from": list(segment.senders),
                "bytes": [tensor.size_bytes for tensor in segment.outputs],
            }
            for segment in schedule.segments
        ],
    }


def _print(document: dict[str, Any]) -> None:
    from rich.table import Table

    from collab.console import result_console

    what = "Latency" if document["objective"] == "latency" else "Period"
    table = Table(title=f"{document['model']}: {counted(len(document['blocks']), 'block')}", title_justify="left")
    table.add_column("placement")
    table.add_column(f"{what.lower()}, ms", justify="right")
    for name, us in sorted(document["units"].items(), key=lambda entry: float(entry[1])):
        table.add_row(f"{name} alone", f"{us / 1000:.3f}")
    segments = document["segments"]
    used = dict.fromkeys(segment["unit"] for segment in segments)
    table.add_row(" + ".join(used) if len(used) > 1 else f"all on {next(iter(used))}", f"{document['predicted_us'] / 1000:.3f}")
    console = result_console(wraps=True)
    console.print(table)
    if len(used) > 1:
        console.print(f"{', '.join(_share_of(name, segments) for name in used)}.")
    if document["best_unit"] is not None:
        console.print(f"Gain over {document['best_unit']} alone: {document['predicted_gain']:.3f} x, as predicted.")
    if document["proven"]:
        console.print("No other placement of these blocks is better, by these tables.")
    else:
        console.print(f"The best of {document['judged']} placements that were tried; that no other is better is not proven.")
    if "out" in document:
        console.print(f"Plan: {document['out']}")


def _share_of(unit: str, segments: list[dict[str, Any]]) -> str:
    own = [segment for segment in segments if segment["unit"] == unit]
    return f"{unit}: {counted(sum(segment['blocks'] for segment in own), 'block')} in {counted(len(own), 'segment')}"


app = make_app(
    main,
    examples=(
        "syncnas place --lut luts/face --model face_landmark.tflite --out face.plan.json",
        "syncnas place --lut luts/face --model face_landmark.tflite \\\n    --objective throughput",
    ),
)

if __name__ == "__main__":
    run_app(app)
