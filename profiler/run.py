"""``python -m profiler.run``: measure the latency tables of a device."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import Clean, CoolLimitS, with_harness_options
from android_harness.protocol.phases import MAX_SEED
from android_harness.targets.options import HarnessOptions
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, tell
from collab.errors import ConfigError, StorageError, TableError
from collab.files import FolderLock, existing_folder_lock, holds_nothing
from profiler.options import AsJson, hot_sentence

if TYPE_CHECKING:
    from android_harness.targets.base import Target
    from collab.units import UnitSpec
    from profiler.measure import ProfileResult
    from profiler.plan import Plan
    from profiler.request import Request

_DEFAULT_MODEL = "mobilenet_v2"
_MAX_NAME = 4096


@with_harness_options
def main(
    context: typer.Context,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="A phone's serial number, HOST:PORT, or 'local' for this machine. Default: the only phone that is connected. Repeat it, or"
            " write 'all', to profile several phones side by side, each into a folder of its own below --out."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help=f"Whose search space to measure: of the zoo, or a config; may be repeated. Default: {_DEFAULT_MODEL}."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the tables, or of several devices' folders. Default: luts/DEVICE.")] = None,
    unit: Annotated[
        list[str] | None, typer.Option(help="A unit, e.g. cpu:threads=2,cores=0-1; repeat for each. Default: two CPU cores.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A coarse grid, in about a minute.")] = False,
    budget: Annotated[
        str, typer.Option(help="Spend this much time, e.g. 10m: a coarse grid first, then where interpolation is worst, then more rounds.")
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with, or add to, what is in the folder.")] = False,
    block: Annotated[list[str] | None, typer.Option(help="Also measure this block (a key); may be repeated.")] = None,
    transfer_bytes: Annotated[list[int] | None, typer.Option(help="Also measure transfers of this size; may be repeated.")] = None,
    wait: Annotated[
        str, typer.Option(help="How units wait for each other: spin, condvar or hybrid. Default: spin, or condvar if units share a core.")
    ] = "",
    path: Annotated[str | None, typer.Option(help="How units hand features over: shared or memcpy. Default: shared.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the order in which jobs are visited.")] = 0,
    *,
    harness: HarnessOptions,
    cool_limit_s: CoolLimitS = 300,
    clean: Clean = False,
    json: AsJson = False,
    progress_lines: Annotated[bool, typer.Option("--progress-lines", hidden=True)] = False,
) -> None:
    """Time all blocks and hand-overs that a model's search space needs, as tables.

    Every sample is kept, so that a profile that was stopped goes on with --resume.
    """
    from android_harness.device.units import warnings
    from android_harness.targets.execute import finish_leftover
    from android_harness.targets.find import closing, open_target
    from profiler.fleet import is_fleet, phones_of, profile_fleet
    from profiler.limits import check_new
    from profiler.request import JOURNAL_FILE

    if budget and quick:
        raise ConfigError("--budget begins with the coarse grid that --quick asks for; give one of them")
    names, cluster = device or [], harness.cluster
    if is_fleet(names):
        raise typer.Exit(profile_fleet(phones_of(names, cluster), out or Path("luts"), context, json=json))
    name, out = _place(names, out, cluster)
    with ExitStack() as held:
        if resume:
            held.enter_context(existing_folder_lock(out))
        earlier = _earlier(out, resume=resume)
        name = _device(name, earlier, out, cluster)
        if not (model or block or transfer_bytes or earlier):
            model = [_DEFAULT_MODEL]
        branches = max(2, len(unit or ()), len(earlier.units) if earlier is not None else 0)
        budget_s, specs = _budget_s(budget, earlier), _specs(unit or [])
        _check_handover(wait, path)
        coarse = quick or budget_s is not None
        plan = _plan(model or [], block or [], transfer_bytes or [], coarse=coarse, branches=branches, earlier=earlier)
        with closing(open_target(name, replace(harness, cool_limit_s=cool_limit_s))) as target:
            if earlier is not None:
                finish_leftover(target, out / JOURNAL_FILE)
            target.prepare(tell)
            request = _request(
                target, name, earlier, plan, model or [], specs, quick=quick, budget_s=budget_s, wait=wait, path=path, seed=seed
            )
            if earlier is not None:
                request.check_extends(earlier, out)
            check_new(request.plan, earlier.plan if earlier is not None else None, request.units, target.info)
            for sentence in warnings(request.units, target.info):
                tell(sentence)
            if not json:
                _announce(request)
            if earlier is None:
                held.enter_context(_new_folder_lock(out))
            result = _measure(target, request, out, json=json, in_lines=progress_lines)
            if clean:
                target.clean()
    _report(result, out, name, request, json=json)
    if not result.complete:
        raise typer.Exit(130)


def _place(names: Sequence[str], out: Path | None, cluster: str) -> tuple[str, Path]:
    """Returns the device that a user names, if any, and the folder of its tables."""
    from android_harness.targets.find import default_device
    from profiler.fleet import folder_name

    name = names[0] if names else ""
    if out is not None:
        return name, out
    name = default_device(name, cluster=cluster)
    return name, Path("luts") / folder_name(name)


def _device(name: str, earlier: Request | None, out: Path, cluster: str) -> str:
    """Returns the device to profile: the one that is named, that of an earlier profile, or the only one."""
    from android_harness.targets.find import default_device, device_of
    from profiler.request import PLAN_FILE

    if earlier is None:
        return default_device(name, cluster=cluster)
    return device_of(name, earlier.device, out / PLAN_FILE, cluster=cluster)


def _measure(target: Target, request: Request, out: Path, *, json: bool, in_lines: bool) -> ProfileResult:
    from profiler.measure import profile
    from profiler.progress import phase_bar, phase_lines

    with phase_lines() if in_lines else phase_bar(f"Profiling {request.device}", quiet=json) as bar:
        result = profile(target, request, out, bar)
        if result.complete:
            bar.finish()
    return result


def _earlier(out: Path, *, resume: bool) -> Request | None:
    from profiler.request import PLAN_FILE, load_request

    if resume:
        return load_request(out)
    if (out / PLAN_FILE).exists():
        raise TableError(f"{out} holds a profile already; go on with it by --resume, or name another folder with --out")
    if not holds_nothing(out):
        raise TableError(f"{out} is not an empty folder; name another with --out")
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise StorageError(f"{out} cannot be made: {there} is no folder that may be written; name another with --out")
    return None


def _new_folder_lock(out: Path) -> FolderLock:
    """Holds the folder of a new profile; another process may have begun one there in the meantime."""
    lock = FolderLock(out)
    try:
        _earlier(out, resume=False)
    except TableError:
        lock.close()
        raise
    return lock


def _budget_s(budget: str, earlier: Request | None) -> int | None:
    if not budget:
        return earlier.budget_s if earlier is not None else None
    from profiler.budgeted import parse_budget_s

    return parse_budget_s(budget)


def _plan(models: list[str], blocks: list[str], sizes: list[int], *, coarse: bool, branches: int, earlier: Request | None) -> Plan:
    from collab.blocks import parse_key
    from collab.config import load
    from profiler.plan import COARSE, FULL, plan_blocks, plan_handovers, plan_model

    if any(len(name) > _MAX_NAME or not name.isprintable() for name in models):
        raise ConfigError(f"--model: a name or path has up to {_MAX_NAME} characters that can be printed")
    if any(size < 4 or size % 4 for size in sizes):
        raise ConfigError("--transfer-bytes: features are float32, so sizes are positive multiples of 4")
    plan = earlier.plan if earlier is not None else plan_blocks([])
    for name in models:
        plan = plan.merged(plan_model(load(name), COARSE if coarse else FULL, branches=branches))
    return plan.merged(plan_blocks(parse_key(key) for key in blocks)).merged(plan_handovers(sizes))


def _request(
    target: Target,
    device: str,
    earlier: Request | None,
    plan: Plan,
    models: list[str],
    specs: Sequence[UnitSpec],
    *,
    quick: bool,
    budget_s: int | None,
    wait: str,
    path: str | None,
    seed: int,
) -> Request:
    from android_harness.device.units import resolve_units
    from profiler.effort import BUDGETED, FULL, QUICK
    from profiler.handover_setting import HandoverSetting
    from profiler.request import Request

    if earlier is not None:
        resolved = resolve_units(specs, target.info) if specs else earlier.units
        handover = HandoverSetting(wait or earlier.handover.wait, earlier.handover.path if path is None else path)
        effort, names = earlier.effort, (*earlier.models, *models)
    else:
        resolved, names = resolve_units(specs, target.info), tuple(models)
        handover = HandoverSetting(wait or ("condvar" if _shared_cores(resolved) else "spin"), _path(path))
        effort = BUDGETED if budget_s is not None else QUICK if quick else FULL
    request = Request(
        device=device,
        fingerprint=target.info.fingerprint,
        runtime=target.runtime,
        units=resolved,
        models=tuple(dict.fromkeys(names)),
        plan=plan,
        effort=effort,
        handover=handover,
        seed=seed,
        budget_s=budget_s,
        conditions=target.conditions,
    )
    if earlier is None:
        return request
    # What a profile began with is gone on with, whatever new ones begin with.
    return replace(request, sentinel_block=earlier.sentinel_block, between=earlier.between)


def _specs(units: Sequence[str]) -> list[UnitSpec]:
    from collab.units import parse_unit
    from profiler.limits import MAX_UNITS

    if len(units) > MAX_UNITS:
        raise ConfigError(f"--unit is given {len(units)} times; a profile has at most {MAX_UNITS} units")
    return [parse_unit(text) for text in units]


def _path(path: str | None) -> str:
    return "shared" if path is None else path


def _check_handover(wait: str, path: str | None) -> None:
    from profiler.handover_setting import HandoverSetting

    try:
        HandoverSetting(wait or "spin", _path(path))
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _shared_cores(units: Mapping[str, UnitSpec]) -> list[tuple[str, str, int]]:
    """Returns the pairs of units with a core that both may run on, and that core."""
    from collab.units import shared_cores

    pairs = [(one, other, shared_cores(units[one], units[other])) for one, other in combinations(units, 2)]
    return [(one, other, min(shared)) for one, other, shared in pairs if shared]


def _announce(request: Request) -> None:
    units = "  ".join(f"{name} = {unit}" for name, unit in request.units.items())
    tell(f"Device: {request.device} ({request.fingerprint.get('model') or request.fingerprint.get('cpu', 'unknown')})")
    tell(f"Units: {units}")
    for one, other, core in _shared_cores(request.units):
        waiting = "" if request.handover.wait == "condvar" else "; a unit that spins takes the other's turns: --wait condvar does not"
        tell(f"Note: {one} and {other} share core {core} and take turns on it, which is measured as contention{waiting}")
    if request.budget_s is not None:
        tell(f"Budget: {request.budget_s} s")
    tell(f"To measure: {len(request.plan.blocks)} blocks on each unit, {len(request.plan.transfers)} feature maps between them")


def _summary(result: ProfileResult, out: Path) -> dict[str, Any]:
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
        "out": str(out),
    }


def _report(result: ProfileResult, out: Path, device: str, request: Request, *, json: bool) -> None:
    from android_harness.targets.device_notes import sentences
    from profiler.quality import print_failures, print_note, print_quality

    summary = _summary(result, out)
    if json:
        print_json(summary)
        return
    console = result_console()
    if not result.complete:
        console.print(f"Stopped. What was measured is kept; go on with: python -m profiler.run --device {device} --out {out} --resume")
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
    print_quality(result.tables, console)
    print_failures(result.tables, console)
    print_note(result.tables, console)
    if request.models and result.complete:
        console.print(f"Next: python -m lut.predict --lut {out} --model {request.models[0]}")
        console.print(f"      python -m profiler.certify --lut {out} --device {device}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
