"""Profiles as users ask for them: which device, which folder, what is new, and what goes on with an earlier profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collab.errors import ConfigError, StorageError, TableError
from collab.files import FolderLock, existing_folder_lock, holds_nothing, in_the_way_of
from collab.wording.options import option_named

if TYPE_CHECKING:
    from android_harness.device.base import Notice
    from android_harness.targets.base import Target
    from collab.units import UnitSpec
    from profiler.measure import ProfileResult
    from profiler.network_file import NetworkFile
    from profiler.plan import Plan
    from profiler.progress import PhaseProgress
    from profiler.request import Request

DEFAULT_MODEL: Final = "mobilenet_v2"
_MAX_NAME: Final = 4096


@dataclass(frozen=True)
class ProfileOptions:
    """Options of a profile. Empty ones stand for those of an earlier profile that it goes on with, or the defaults.

    `models` name search spaces, and at most one network by its ``.tflite``, whose blocks are worth `grain_us` at least (None: as the
    earlier profile has it, or the usual); `blocks` are keys, `transfer_bytes` sizes of hand-overs; `units` are written as on command lines.
    `budget_s` is the time to spend; None: as long as it takes, or as the earlier profile was given. A `seed` of None is the earlier one's,
    or 0. With `splits`, the blocks that exact splits of the network make are measured after all others, which tell the shares.
    """

    models: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    transfer_bytes: tuple[int, ...] = ()
    units: tuple[str, ...] = ()
    quick: bool = False
    budget_s: int | None = None
    resume: bool = False
    wait: str = ""
    path: str | None = None
    seed: int | None = None
    grain_us: float | None = None
    splits: bool = False


@dataclass(frozen=True)
class Profiled:
    """A profile that came to an end or was stopped, with the request that it answers and the name of its device."""

    result: ProfileResult
    request: Request
    device: str
    out: Path


def place(name: str, out: Path | None, *, cluster: str = "") -> tuple[str, Path]:
    """Returns the device that a user names, if any, and the folder of its tables.

    Raises:
        DeviceError: neither is named, and several devices are connected.
    """
    from android_harness.targets.find import default_device
    from profiler.fleet import folder_name

    if out is not None:
        return name, out
    name = default_device(name, cluster=cluster)
    return name, Path("luts") / folder_name(name)


def profile_into(
    out: Path,
    options: ProfileOptions,
    name: str,
    opened: Callable[[str], AbstractContextManager[Target]],
    observed: Callable[[Request], AbstractContextManager[PhaseProgress]],
    *,
    notice: Notice,
    cluster: str = "",
) -> Profiled:
    """Measures what is asked for and is not in the folder yet, and writes the tables there.

    Args:
        name: the device; empty: that of the earlier profile, or the only one.
        opened: opens a device by its name.
        observed: gives what follows the measurement of a request, which is complete and about to be carried out.
        notice: receives notes and warnings, each a sentence.
        cluster: see `android_harness.targets.find.open_device`.

    Raises:
        TableError: the folder holds something else, or nothing to go on with, or was measured otherwise.
        SyncNasError: an option cannot be taken, or the device cannot be used; nothing was measured.
    """
    from android_harness.device.units import warnings
    from android_harness.targets.execute import finish_leftover
    from profiler.limits import check_new
    from profiler.measure import profile
    from profiler.request import JOURNAL_FILE
    from profiler.split_shares import with_splits

    if options.budget_s is not None and options.quick:
        raise ConfigError(
            f"{option_named('--budget', argument='budget_s')} begins with the coarse grid that {option_named('--quick')} asks for; give"
            " one of them"
        )
    _check_splits(options)
    if options.splits and not options.resume:
        first = profile_into(out, replace(options, splits=False), name, opened, observed, notice=notice, cluster=cluster)
        if not first.result.complete:
            return first
        options = replace(options, resume=True, quick=False)
    with ExitStack() as held:
        if options.resume:
            held.enter_context(existing_folder_lock(out))
        earlier = _earlier(out, resume=options.resume)
        name = _device(name, earlier, out, cluster)
        options = _completed(options, earlier, out)
        specs = _specs(options.units)
        _check_handover(options.wait, options.path)
        network = _network(options, earlier, out)
        if options.splits:
            network = with_splits(network, out)
        plan = _plan(options, earlier, network)
        with opened(name) as target:
            if earlier is not None:
                finish_leftover(target, out / JOURNAL_FILE)
            target.prepare(notice)
            request = replace(_request(target, name, earlier, plan, options, specs), network=network)
            if earlier is not None:
                request.check_extends(earlier, out)
            check_new(request.plan, earlier.plan if earlier is not None else None, request.units, target.info)
            for sentence in warnings(request.units, target.info):
                notice(sentence)
            if earlier is None:
                held.enter_context(_new_folder_lock(out))
            with observed(request) as progress:
                result = profile(target, request, out, progress, notice=notice)
                if result.complete:
                    progress.finish()
    return Profiled(result, request, name, out)


def check_options(options: ProfileOptions) -> None:
    """Refuses options that no profile can take, whatever the device.

    Raises:
        ConfigError: a model, block, unit, size or way of handing over is unknown, or cannot be.
    """
    _specs(options.units)
    _check_handover(options.wait, options.path)
    _check_splits(options)
    _plan(replace(options, splits=False), None, _network(options, None, Path()))


def _completed(options: ProfileOptions, earlier: Request | None, out: Path) -> ProfileOptions:
    """Returns options with the default model where nothing is named to measure, and with what an earlier profile has where none is given.

    Raises:
        TableError: an option differs from the earlier profile's, which has one throughout.
    """
    if earlier is None:
        named = options.models or options.blocks or options.transfer_bytes
        return options if named else replace(options, models=(DEFAULT_MODEL,))
    _check_same(options, earlier, out)
    budget_s = options.budget_s if options.budget_s is not None else earlier.budget_s
    return replace(options, quick=_is_coarse(earlier), budget_s=budget_s, seed=earlier.seed)


def _check_same(options: ProfileOptions, earlier: Request, out: Path) -> None:
    other = f"leave it out, or use another {option_named('--out')}"
    if options.quick and not _is_coarse(earlier):
        raise TableError(f"{out} was measured without {option_named('--quick')}; {other}")
    if options.seed is not None and options.seed != earlier.seed:
        raise TableError(f"{out} was measured with {option_named('--seed', earlier.seed)}, not {options.seed}; {other}")


def _is_coarse(earlier: Request) -> bool:
    """Tells whether a profile began with the coarse grid: all others have every way to wait timed."""
    return not earlier.effort.all_waits


def _device(name: str, earlier: Request | None, out: Path, cluster: str) -> str:
    """Returns the device to profile: the one that is named, that of an earlier profile, or the only one."""
    from android_harness.targets.find import default_device, device_of
    from profiler.request import PLAN_FILE

    if earlier is None:
        return default_device(name, cluster=cluster)
    return device_of(name, earlier.device, out / PLAN_FILE, cluster=cluster)


def _earlier(out: Path, *, resume: bool) -> Request | None:
    from profiler.request import PLAN_FILE, load_request

    if resume:
        return load_request(out)
    if (out / PLAN_FILE).exists():
        raise TableError(
            f"{out} holds a profile already; go on with it by {option_named('--resume')}, or name another folder with"
            f" {option_named('--out')}"
        )
    if not holds_nothing(out):
        raise TableError(f"{out} is not an empty folder; name another with {option_named('--out')}")
    there = in_the_way_of(out)
    if there is not None:
        raise StorageError(f"{out} cannot be made: {there} is no folder that may be written; name another with {option_named('--out')}")
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


def _network(options: ProfileOptions, earlier: Request | None, out: Path) -> NetworkFile | None:
    """Returns the network whose blocks are measured: the one that is named, that of an earlier profile, or none.

    Raises:
        ConfigError: several are named, or a grain without any.
        NetworkError: it cannot be read.
        TableError: the earlier profile has another one, or cut it otherwise.
    """
    from graph.cuts import DEFAULT_GRAIN_US
    from profiler.network_file import at, is_network_file, open_network

    names = list(dict.fromkeys(filter(is_network_file, options.models)))
    known = earlier.network if earlier is not None else None
    if len(names) > 1:
        raise ConfigError(f"{option_named('--model', argument='models')}: a profile is of one .tflite; give each a folder of its own")
    if options.grain_us is not None and not names and known is None:
        raise ConfigError(
            f"{option_named('--grain')} is how finely a .tflite is cut; name one with {option_named('--model', argument='models')}"
        )
    if known is not None and options.grain_us not in (None, known.grain_us):
        raise TableError(
            f"{out} was measured with blocks of {known.grain_us:g} us, not {options.grain_us:g}; leave"
            f" {option_named('--grain')} out, or use another {option_named('--out')}"
        )
    if not names:
        return known
    grain_us = known.grain_us if known is not None else options.grain_us if options.grain_us is not None else DEFAULT_GRAIN_US
    found = open_network(Path(names[0]), grain_us=grain_us)
    if known is not None and found != replace(known, name=found.name):
        raise TableError(f"{out} was measured with another network, {known.name}; use another {option_named('--out')}")
    return at(known, found.path) if known is not None else found


def _check_splits(options: ProfileOptions) -> None:
    """Refuses splits of what is no network, or where the time to measure them would be spent before."""
    from profiler.network_file import is_network_file

    if not options.splits:
        return
    if options.budget_s is not None:
        raise ConfigError(
            f"{option_named('--splits')} is measured when all else is; give no {option_named('--budget', argument='budget_s')} with it"
        )
    if not options.resume and not any(map(is_network_file, options.models)):
        raise ConfigError(f"{option_named('--splits')} is for a .tflite; name one with {option_named('--model', argument='models')}")


def _plan(options: ProfileOptions, earlier: Request | None, network: NetworkFile | None) -> Plan:
    from collab.blocks import parse_any_key
    from collab.config import load
    from collab.tensors.opaque import Opaque
    from profiler.network_file import is_network_file, no_block_of
    from profiler.plan import COARSE, COARSE_NETWORK, FULL, FULL_NETWORK, plan_blocks, plan_handovers, plan_model

    if any(len(name) > _MAX_NAME or not name.isprintable() for name in options.models):
        raise ConfigError(
            f"{option_named('--model', argument='models')}: a name or path has up to {_MAX_NAME} characters that can be printed"
        )
    if any(size < 4 or size % 4 for size in options.transfer_bytes):
        raise ConfigError(f"{option_named('--transfer-bytes')}: features are float32, so sizes are positive multiples of 4")
    branches = max(2, len(options.units), len(earlier.units) if earlier is not None else 0)
    is_coarse = options.quick or options.budget_s is not None
    grid = COARSE if is_coarse else FULL
    plan = earlier.plan if earlier is not None else plan_blocks([])
    for name in options.models:
        if not is_network_file(name):
            plan = plan.merged(plan_model(load(name), grid, branches=branches))
        elif network is not None:
            plan = plan.merged(network.plan(COARSE_NETWORK if is_coarse else FULL_NETWORK))
    if options.splits and network is not None:
        plan = plan.merged(network.plan(COARSE_NETWORK if is_coarse else FULL_NETWORK))
    blocks = [parse_any_key(key) for key in options.blocks]
    known = {entry.block for entry in plan.described}
    for block in blocks:
        if isinstance(block, Opaque) and block not in known:
            raise no_block_of(block.key, network.name if network is not None else "")
    return plan.merged(plan_blocks(blocks)).merged(plan_handovers(options.transfer_bytes))


def _request(
    target: Target, device: str, earlier: Request | None, plan: Plan, options: ProfileOptions, specs: Sequence[UnitSpec]
) -> Request:
    from android_harness.device.units import resolve_units
    from profiler.effort import BUDGETED, FULL, QUICK
    from profiler.handover_setting import HandoverSetting
    from profiler.network_file import is_network_file
    from profiler.request import Request

    wait, path = options.wait, options.path
    spaces = tuple(name for name in options.models if not is_network_file(name))
    if earlier is not None:
        resolved = resolve_units(specs, target.info) if specs else earlier.units
        handover = HandoverSetting(wait or earlier.handover.wait, earlier.handover.path if path is None else path)
        effort, names = earlier.effort, (*earlier.models, *spaces)
    else:
        resolved, names = resolve_units(specs, target.info), spaces
        shares = next(shared_units(resolved), None) is not None
        handover = HandoverSetting(wait or ("condvar" if shares else "spin"), _path(path))
        effort = BUDGETED if options.budget_s is not None else QUICK if options.quick else FULL
    request = Request(
        device=device,
        fingerprint=target.info.fingerprint,
        runtime=target.runtime,
        units=resolved,
        models=tuple(dict.fromkeys(names)),
        plan=plan,
        effort=effort,
        handover=handover,
        seed=options.seed or 0,
        budget_s=options.budget_s,
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
        raise ConfigError(f"{option_named('--unit')} is given {len(units)} times; a profile has at most {MAX_UNITS} units")
    return [parse_unit(text) for text in units]


def _path(path: str | None) -> str:
    return "shared" if path is None else path


def _check_handover(wait: str, path: str | None) -> None:
    from profiler.handover_setting import HandoverSetting

    try:
        HandoverSetting(wait or "spin", _path(path))
    except ValueError as error:
        raise ConfigError(str(error)) from None


def shared_units(units: Mapping[str, UnitSpec]) -> Iterator[tuple[str, str, int]]:
    """Yields the pairs of units with a core that both may run on, and that core."""
    from collab.units import shared_cores

    for one, other in combinations(units, 2):
        shared = shared_cores(units[one], units[other])
        if shared:
            yield one, other, min(shared)


def sharing_sentences(request: Request) -> Iterator[str]:
    """Yields a note on each two units that take turns on a core."""
    for one, other, core in shared_units(request.units):
        waiting = (
            ""
            if request.handover.wait == "condvar"
            else f"; a unit that spins takes the other's turns: {option_named('--wait', 'condvar')} does not"
        )
        yield f"Note: {one} and {other} share core {core} and take turns on it, which is measured as contention{waiting}"
