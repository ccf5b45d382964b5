"""``python -m profiler.run``: measure the latency tables of a device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import Clean, CoolLimitS, path_option, seen_devices, wait_option, with_harness_options
from android_harness.protocol.phases import MAX_SEED
from android_harness.targets.options import HarnessOptions
from collab.cli import keeping, make_app, print_json, run_app
from collab.command_line.progress import sending_bar
from collab.console import result_console, tell
from collab.errors import ConfigError
from collab.options import EXPERT, UNITS, AsJson, flag, models, number, option, whole
from collab.wording.commands import command_named
from profiler.network_file import MAX_GRAIN_US
from profiler.options import hot_sentence
from profiler.profiling import DEFAULT_MODEL

if TYPE_CHECKING:
    from android_harness.targets.base import Target
    from profiler.measure import ProfileResult
    from profiler.profiling import Profiled
    from profiler.progress import PhaseProgress
    from profiler.request import Request


@with_harness_options
def main(
    context: typer.Context,
    device: Annotated[
        list[str] | None,
        option(
            value="DEVICE",
            complete=seen_devices,
            help="A phone's serial number, HOST:PORT, or 'local' for this machine. Default: the only phone that is connected. Repeat it, or"
            " write 'all', to profile several phones side by side, each into a folder of its own below --out.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        option(
            value="MODEL",
            complete=models,
            help="Whose search space to measure: of the zoo, or a config; may be repeated. Or a .tflite, whose blocks are measured."
            f" Default: {DEFAULT_MODEL}.",
        ),
    ] = None,
    out: Annotated[
        Path | None, option(value="FOLDER", help="Folder of the tables, or of several devices' folders. Default: luts/DEVICE.")
    ] = None,
    unit: Annotated[
        list[str] | None,
        option(value="UNIT", complete=UNITS, help="A unit, e.g. cpu:threads=2,cores=0-1; repeat for each. Default: two CPU cores."),
    ] = None,
    quick: Annotated[bool, flag("--quick", help="A coarse grid, in about a minute.")] = False,
    budget: Annotated[
        str,
        option(
            value="TIME",
            help="Spend this much time, e.g. 10m: a coarse grid first, then where interpolation is worst, then more rounds.",
        ),
    ] = "",
    resume: Annotated[
        bool, flag("--resume", help="Go on with, or add to, what is in the folder: with the options that it was begun with.")
    ] = False,
    json: AsJson = False,
    grain: Annotated[
        float | None,
        number(
            least=0,
            most=MAX_GRAIN_US,
            value="MICROSECONDS",
            panel=EXPERT,
            help="What a block of a .tflite is worth at least, as the command cut has it. Default: 50, or the earlier one.",
        ),
    ] = None,
    splits: Annotated[
        bool,
        flag("--splits", help="Also measure how stretches of a .tflite run on several units at once, in shares by the units' speeds."),
    ] = False,
    block: Annotated[list[str] | None, option(value="KEY", panel=EXPERT, help="Also measure this block; may be repeated.")] = None,
    transfer_bytes: Annotated[
        list[int] | None, option(value="BYTES", panel=EXPERT, help="Also measure hand-overs of this size; may be repeated.")
    ] = None,
    wait: Annotated[str, wait_option("spin, or condvar if units share a core")] = "",
    path: Annotated[str | None, path_option("shared")] = None,
    seed: Annotated[
        int | None,
        whole(least=0, most=MAX_SEED, panel=EXPERT, help="Seed of the order in which jobs are visited. Default: 0, or the earlier one."),
    ] = None,
    *,
    harness: HarnessOptions,
    cool_limit_s: CoolLimitS = 300,
    clean: Clean = False,
    progress_lines: Annotated[bool, typer.Option("--progress-lines", hidden=True)] = False,
) -> None:
    """Time all blocks and hand-overs that a model's search space, or a .tflite, needs, as tables.

    Every sample is kept, so that a profile that was stopped goes on with --resume.
    """
    from android_harness.targets.find import closing, open_target
    from profiler.fleet import is_fleet, phones_of, profile_fleet
    from profiler.profiling import ProfileOptions, check_options, place, profile_into
    from profiler.request import JOURNAL_FILE

    if budget and quick:
        raise ConfigError("--budget begins with the coarse grid that --quick asks for; give one of them")
    names, cluster = device or [], harness.cluster
    options = ProfileOptions(
        models=tuple(model or ()),
        blocks=tuple(block or ()),
        transfer_bytes=tuple(transfer_bytes or ()),
        units=tuple(unit or ()),
        quick=quick,
        budget_s=_budget_s(budget),
        resume=resume,
        wait=wait,
        path=path,
        seed=seed,
        grain_us=grain,
        splits=splits,
    )
    if is_fleet(names):
        check_options(options)
        raise typer.Exit(profile_fleet(phones_of(names, cluster), out or Path("luts"), context, json=json))
    named, folder = place(names[0] if names else "", out, cluster=cluster)

    @contextmanager
    def opened(name: str) -> Iterator[Target]:
        with closing(open_target(name, replace(harness, cool_limit_s=cool_limit_s), sending=partial(sending_bar, quiet=json))) as target:
            yield target
            if clean:
                target.clean()

    @contextmanager
    def observed(request: Request) -> Iterator[PhaseProgress]:
        from profiler.progress import phase_bar, phase_lines

        if not json:
            _announce(request)
        with phase_lines() if progress_lines else phase_bar(f"Profiling {request.device}", quiet=json) as bar:
            yield bar

    with keeping(partial(_kept, folder / JOURNAL_FILE, named)):
        profiled = profile_into(folder, options, named, opened, observed, notice=tell, cluster=cluster)
    _report(profiled, json=json)
    if not profiled.result.complete:
        raise typer.Exit(130)


def _kept(journal: Path, device: str) -> str:
    """Returns what a user is told who stops a profile. It imports nothing: modules that Ctrl-C has stopped cannot be imported again."""
    if not journal.exists():
        return "Nothing was measured yet."
    named = ["--device", device] if device else []
    return f"What was measured is kept; go on with: {command_named('profile', *named, '--out', journal.parent, '--resume')}"


def _budget_s(budget: str) -> int | None:
    if not budget:
        return None
    from profiler.budgeted import parse_budget_s

    return parse_budget_s(budget)


def _announce(request: Request) -> None:
    from profiler.profiling import sharing_sentences

    units = "  ".join(f"{name} = {unit}" for name, unit in request.units.items())
    tell(f"Device: {request.device} ({request.fingerprint.get('model') or request.fingerprint.get('cpu', 'unknown')})")
    tell(f"Units: {units}")
    for sentence in sharing_sentences(request):
        tell(sentence)
    if request.budget_s is not None:
        tell(f"Budget: {request.budget_s} s")
    tell(f"To measure: {len(request.plan.blocks)} blocks on each unit, {len(request.plan.transfers)} feature maps between them")


def _summary(result: ProfileResult, out: Path) -> dict[str, Any]:
    from profiler.coverage import coverage_of

    statuses = [row.status for row in result.tables.blocks] + [row.status for row in result.tables.transfers]
    return {
        "blocks": len(result.tables.blocks),
        "transfers": len(result.tables.transfers),
        "failed": statuses.count("failed"),
        "unstable": statuses.count("unstable"),
        "complete": result.complete,
        "wall_s": round(result.wall_s, 3),
        "sampled_s": round(result.sampled_s, 3),
        "dropped_hot": result.dropped_hot,
        "not_counted": result.not_counted,
        "coverage": {found.unit: found.to_document() for found in coverage_of(result.tables)},
        "out": str(out),
    }


def _report(profiled: Profiled, *, json: bool) -> None:
    from android_harness.targets.device_notes import sentences
    from profiler.quality import print_coverage, print_failures, print_note, print_quality
    from profiler.request import JOURNAL_FILE

    result, out, device, request = profiled.result, profiled.out, profiled.device, profiled.request
    summary = _summary(result, out)
    if json:
        print_json(summary)
        return
    console = result_console()
    if not result.complete:
        console.print(f"Stopped. {_kept(out / JOURNAL_FILE, device)}")
    console.print(
        f"Tables: {out}/blocks.csv ({summary['blocks']} rows), {out}/transfers.csv ({summary['transfers']} rows), {out}/meta.json"
    )
    console.print(f"Raw samples: {out}/journal.jsonl")
    ratio = f" = {result.wall_s / result.sampled_s:.2f} x" if result.sampled_s > 0 else ";"
    console.print(f"Time: {result.wall_s:.1f} s{ratio} the {result.sampled_s:.1f} s spent in samples and in creating models")
    if result.dropped_hot:
        console.print(hot_sentence(result.dropped_hot))
    for sentence in sentences(result.tables.meta.conditions):
        console.print(sentence)
    print_coverage(result.tables, console)
    print_quality(result.tables, console)
    print_failures(result.tables, console)
    print_note(result.tables, console)
    if request.models and result.complete:
        console.print(f"Next: {command_named('predict', '--lut', out, '--model', request.models[0])}")
        console.print(f"      {command_named('certify', '--lut', out, '--device', device)}")


app = make_app(
    main,
    examples=(
        "syncnas profile --device local --quick --out luts/here",
        "syncnas profile --device local --model face_landmark.tflite --out luts/face",
        "syncnas profile --unit cpu:cluster=big --unit gpu \\\n    --model mobilenet_v2 --budget 10m --out luts/phone",
    ),
)

if __name__ == "__main__":
    run_app(app)
