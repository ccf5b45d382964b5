"""``python -m search.split``: divide any network over the units of a device, in one go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from android_harness.options import DeviceName, with_harness_options
from android_harness.protocol.phases import MAX_SEED, MOST_ROUNDS
from android_harness.targets.options import HarnessOptions
from collab.cli import keeping, make_app, print_json, run_app
from collab.command_line.progress import sending_bar
from collab.console import result_console, tell
from collab.errors import ConfigError
from collab.names import counted
from collab.options import EXPERT, UNITS, AsJson, flag, number, option, place, whole
from collab.wording.commands import command_named
from graph.plan_file import MAX_GRAIN_US
from profiler.options import RunsPerVisit

if TYPE_CHECKING:
    from android_harness.targets.base import Target
    from profiler.progress import PhaseProgress
    from profiler.request import Request
    from search.networks.splitting import Split


@with_harness_options
def main(
    model: Annotated[Path, place("MODEL", help="The network, a .tflite.")],
    device: DeviceName = "",
    out: Annotated[Path | None, option(value="FOLDER", help="Folder of plan, bundle, tables and samples. Default: splits/MODEL.")] = None,
    unit: Annotated[
        list[str] | None,
        option(value="UNIT", complete=UNITS, help="A unit, e.g. cpu:threads=2,cores=0-1; repeat for each. Default: two CPU cores."),
    ] = None,
    quick: Annotated[bool, flag("--quick", help="Profile coarsely, in about a minute.")] = False,
    budget: Annotated[str, option(value="TIME", help="Profile for this much time, e.g. 10m.")] = "",
    lut: Annotated[
        Path | None, option(value="FOLDER", help="Tables of this network, or where they go. Default: in the folder of --out.")
    ] = None,
    json: AsJson = False,
    grain: Annotated[
        float | None,
        number(
            least=0,
            most=MAX_GRAIN_US,
            value="MICROSECONDS",
            panel=EXPERT,
            help="What a block is worth at least, as the command cut has it. Default: 50, or the earlier one.",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        whole(
            least=2,
            most=MOST_ROUNDS,
            panel=EXPERT,
            help="Visits of each of the two measurements of a placement. Default: as many as a minute takes, from 12 to 60.",
        ),
    ] = None,
    runs: RunsPerVisit = 10,
    seed: Annotated[int, whole(least=0, most=MAX_SEED, panel=EXPERT, help="Seed of the order of visits.")] = 0,
    *,
    harness: HarnessOptions,
) -> None:
    """Divide any network over a device's units so that it is fastest, in one go.

    What is missing is profiled, a placement found, and run beside each unit alone; the faster one is kept as a plan and a bundle.
    """
    from android_harness.targets.find import closing, open_target
    from profiler.budgeted import parse_budget_s
    from profiler.network_file import is_network_file
    from profiler.progress import phase_bar
    from search.networks.splitting import SplitOptions, split_network

    if not is_network_file(str(model)):
        convert = command_named("convert", model, "--out", f"{model.stem}.tflite")
        raise ConfigError(f"{model} is no .tflite; of a torch module, a Keras model or a SavedModel, make one first: {convert}")
    if budget and quick:
        raise ConfigError("--budget begins with the coarse grid that --quick asks for; give one of them")
    folder = out or Path("splits") / model.stem
    options = SplitOptions(
        units=tuple(unit or ()),
        grain_us=grain,
        quick=quick,
        budget_s=parse_budget_s(budget) if budget else None,
        tables=lut,
        rounds=rounds,
        runs=runs,
        seed=seed,
    )

    @contextmanager
    def opened(name: str) -> Iterator[Target]:
        with closing(open_target(name, harness, sending=partial(sending_bar, quiet=json))) as target:
            yield target

    announced: list[str] = []

    @contextmanager
    def profiling(request: Request) -> Iterator[PhaseProgress]:
        # Splits are profiled after all else, in a phase of their own.
        if not json and not announced:
            announced.append(request.device)
            units = "  ".join(f"{name} = {spec}" for name, spec in request.units.items())
            tell(f"Device: {request.device}")
            tell(f"Units: {units}")
        with phase_bar(f"Profiling {model.name}", quiet=json) as bar:
            yield bar

    def comparing(count: int) -> AbstractContextManager[PhaseProgress]:
        return phase_bar(f"Running {count} placements", quiet=json)

    with keeping("What was profiled is kept; the same command goes on."):
        split = split_network(model, folder, options, device, opened, profiling, comparing, notice=_silent if json else tell)
    if json:
        print_json(split.to_document())
    else:
        _print(split)


def _silent(_: str) -> None:
    pass


def _print(split: Split) -> None:
    from rich.table import Table

    console = result_console(wraps=True)
    table = Table(title=f"{split.model} on {split.device}", title_justify="left", box=None, pad_edge=False)
    table.add_column("placement")
    for column in ("predicted ms", "measured ms", "p95 ms", "gain", "output off by"):
        table.add_column(column, justify="right")
    for entry in [*split.alone, *([split.found] if split.found not in split.alone else [])]:
        measured, gain = entry.comparison.result.measured, split.gain(entry)
        table.add_row(
            f"{entry.unit} alone" if entry.unit else " + ".join(dict.fromkeys(entry.plan.block_units)),
            f"{entry.comparison.prediction.total_us / 1e3:.3f}",
            f"{measured.median_us / 1e3:.3f}",
            f"{measured.p95_us / 1e3:.3f}",
            "" if gain is None else f"{gain:.3f} x",
            f"{entry.comparison.result.output_error:.1e}" + ("" if entry.is_right else " (wrong)"),
        )
    console.print(table)
    for sentence in _sentences(split):
        console.print(sentence)
    console.print(f"Plan: {split.plan_file}")
    console.print(f"Bundle: {split.bundle}")
    console.print(f"Next: {command_named('deploy', split.bundle, '--device', split.device)}")


def _sentences(split: Split) -> Iterator[str]:
    """Yields what the table means."""
    kept, found, best = split.kept, split.found, split.best
    comparison = found.comparison
    yield (
        f"Error of the prediction: {100 * comparison.error_drift_corrected:+.1f} %, corrected for drift; repeatability"
        f" {100 * comparison.repeatability:.1f} % (n = {comparison.result.measured.n})"
    )
    partly = [entry.unit for entry in split.alone if not entry.comparison.result.accelerated]
    if partly:
        yield f"Not wholly on {', '.join(partly)}: what the unit did not take ran on the CPU."
    if found.unit:
        yield f"Left whole on {kept.unit}: no division is predicted to be faster."
    elif kept is not found and not found.is_right:
        yield f"Left whole on {kept.unit}: divided, it does not compute the same."
    elif kept is not found:
        yield f"Left whole on {kept.unit}: divided, it was measured to be no faster ({split.gain(found):.3f} x)."
    elif best is None:
        yield "No unit can run all of it alone."
    else:
        yield f"Placement: {kept.plan.placement_text} (blocks by number)"
        if kept.plan.splits:
            yield f"{counted(len(kept.plan.splits), 'stretch')} of layers run on several units at once, each with a share of the channels."
    yield from comparison.notes


app = make_app(
    main,
    examples=(
        "syncnas split face_landmark.tflite --device local",
        "syncnas split face_landmark.tflite --device R5CT123ABCD \\\n    --unit cpu:cluster=big --unit gpu --json",
    ),
)

if __name__ == "__main__":
    run_app(app)
