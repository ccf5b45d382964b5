"""Phases of a profile: which jobs a plan asks for, and what the runner is given to carry them out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import Final

from android_harness.protocol.phases import CollabJob, HandoverJob, Job, Load, Phase, Repeat, Sentinel, TimeJob
from collab.units import UnitSpec
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS
from profiler.deviation import output_of
from profiler.effort import Effort
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import BlockId, CallId, HandoverId, JobId, LoadedId, NetworkId, NetworkSentinelId, RehearsalId, SentinelId, TrialId
from profiler.models import PIECES_UNIT, Models
from profiler.plan import Plan, loads_of, network_name

PACED_GAP_US: Final = 2000


def sentinel_ids(units: Iterable[str]) -> list[SentinelId]:
    """Returns one sentinel for each unit."""
    return [SentinelId(unit) for unit in units]


def block_ids(plan: Plan, units: Mapping[str, UnitSpec]) -> list[JobId]:
    """Returns the jobs on single units: on each a call of next to nothing, every block, and the networks, those of `loads_of` also loaded.

    Units that are timed under a background load are loaded all the time already.
    """
    jobs: list[JobId] = []
    background = background_units(units)
    for unit in units:
        jobs.append(CallId(unit))
        jobs += [BlockId(unit, block) for block in plan.blocks]
        jobs += [NetworkId.of(unit, network) for network in plan.networks]
        others = [other for other in units if other != unit] if unit not in background else []
        both = loads_of(plan.networks)
        jobs += [LoadedId.of(unit, other, network, load) for other in others for network in both for load in both]
    return jobs


def rehearsal_ids(plan: Plan, units: Mapping[str, UnitSpec], setting: HandoverSetting) -> list[JobId]:
    """Returns the rehearsals on every two units."""
    return [
        RehearsalId(one, other, rehearsal.name, setting.path, setting.wait)
        for one, other in combinations(units, 2)
        for rehearsal in plan.rehearsals
    ]


def handover_ids(plan: Plan, units: Mapping[str, UnitSpec], setting: HandoverSetting, *, all_waits: bool) -> list[HandoverId]:
    """Returns the jobs of hand-overs: every feature map between every two units.

    Always by the hand-over that predictions take and by copying through memory between the two; with `all_waits` by every wait mode, hot
    and after an idle gap. Units that cannot share memory take what they can where they are asked to.
    """
    return [
        HandoverId(sender, receiver, shape, path, wait, gap_us)
        for sender, receiver in permutations(units, 2)
        for path, wait, gap_us in _ways(setting, all_waits=all_waits)
        for shape in plan.transfers
    ]


def _ways(setting: HandoverSetting, *, all_waits: bool) -> list[tuple[str, str, int]]:
    """Returns each path, wait mode and idle gap by which a pair of units is timed."""
    ways = [(setting.path, setting.wait, 0), ("memcpy", setting.wait, 0)]
    if all_waits:
        ways += [(path, wait, 0) for path in REQUESTABLE_PATHS for wait in WAITS]
        ways += [(setting.path, wait, PACED_GAP_US) for wait in WAITS]
    return list(dict.fromkeys(ways))


def background_units(units: Mapping[str, UnitSpec]) -> dict[str, str]:
    """Returns for each unit that is timed under a background load the CPU unit that carries the load.

    A unit behind a driver is fed by threads of the host. Where all cores are idle, these have to be woken for every kernel, which in a
    collaborative run, where another unit works or spins, they have not: narrow blocks took 1.5 times as long alone (lavapipe, two cores).
    """
    cpu = next((name for name, unit in units.items() if unit.kind == "cpu"), None)
    return {name: cpu for name, unit in units.items() if unit.kind != "cpu" and cpu is not None}


def background_loads(unit: str, background: Mapping[str, str], models: Models) -> tuple[Load, ...]:
    """Returns the loads beside a job of this unit: the sentinel block, which stays in its core's cache, or none.

    Args:
        background: as `background_units` gives it.
    """
    return (Load(background[unit], models.of(SentinelId(unit))),) if unit in background else ()


def groups_of(ids: Iterable[JobId]) -> dict[JobId, str]:
    """Returns the group of each of these jobs that has one: a network alone on a unit and beside other units' loads.

    What a load slows a network down by is a ratio of the two, and a unit's speed changes from one second to the next. So they are visited
    side by side.
    """
    ids = list(ids)
    loaded = {(job.unit, job.network) for job in ids if isinstance(job, LoadedId)}
    return {
        job: f"beside/{job.unit}/{job.network}"
        for job in ids
        if isinstance(job, (NetworkId, LoadedId)) and (job.unit, job.network) in loaded
    }


def make_jobs(ids: Iterable[JobId], effort: Effort, models: Models, *, background: Mapping[str, str]) -> tuple[Job, ...]:
    """Returns the runner's jobs, and writes their model files."""
    ids = list(ids)
    groups = groups_of(ids)
    return tuple(replace(_job(job, effort, models, background), group=groups.get(job, "")) for job in ids)


def _job(job: JobId, effort: Effort, models: Models, background: Mapping[str, str]) -> Job:
    match job:
        case HandoverId():
            return HandoverJob(
                job.text,
                job.sender,
                job.receiver,
                models.of(job),
                job.path,
                job.wait,
                warmup=effort.warmup,
                runs=effort.transfer_runs,
                gap_us=job.gap_us,
                between_handovers=models.between_handovers(),
            )
        case LoadedId():
            return _network_job(job, effort, models, (Load(job.other, models.whole(job.load)),))
        case NetworkId():
            return _network_job(job, effort, models, background_loads(job.unit, background, models))
        case RehearsalId():
            return CollabJob(
                job.text,
                models.of(job),
                warmup=effort.network_warmup,
                warmup_limit_us=effort.network_warmup_limit_us,
                runs=effort.network_runs,
                path=job.path,
                wait=job.wait,
            )
        case CallId() | SentinelId() | BlockId():
            loads = background_loads(job.unit, background, models)
            return TimeJob(
                job.text,
                job.unit,
                models.of(job),
                warmup=effort.warmup,
                warmup_us=effort.warmup_us,
                warmup_limit_us=effort.warmup_limit_us,
                runs=effort.runs,
                load=loads,
            )
        case NetworkSentinelId() | TrialId():
            raise ValueError(f"{job.text} is no job of a profile")


def _network_job(job: NetworkId | LoadedId, effort: Effort, models: Models, load: tuple[Load, ...]) -> CollabJob:
    manifest = models.of(job)
    # Under load the output is the same, and one copy of it is enough.
    output = output_of(manifest, job.unit) if isinstance(job, NetworkId) else None
    return CollabJob(
        job.text,
        manifest,
        warmup=effort.network_warmup,
        warmup_limit_us=effort.network_warmup_limit_us,
        runs=effort.network_runs,
        bind={PIECES_UNIT: job.unit},
        output=output,
        load=load,
    )


def is_common(job: JobId, plan: Plan) -> bool:
    """Tells whether every prediction rests on a job: drift and contention, or what two units cost each other, follow from it."""
    if isinstance(job, NetworkId):
        return job.network in map(network_name, loads_of(plan.networks))
    return isinstance(job, (LoadedId, RehearsalId))


def make_phase(
    name: str,
    ids: Sequence[JobId],
    units: Mapping[str, UnitSpec],
    effort: Effort,
    models: Models,
    *,
    rounds: int,
    seed: int,
    common: Collection[JobId] = (),
) -> Phase:
    """Returns a phase of these jobs, shuffled anew in every round, with the sentinels of all units.

    Args:
        common: jobs that make all rounds, however well their medians are known. Errors of single blocks average out over a model; an error
            of theirs is in every prediction alike.
    """
    sentinels = sentinel_ids(units)
    min_rounds = min(rounds, effort.min_rounds)
    through = {job.text for job in common}
    jobs = make_jobs([*ids, *sentinels], effort, models, background=background_units(units))
    return Phase(
        name=name,
        units=units,
        jobs=tuple(replace(job, settles=job.id not in through) for job in jobs),
        repeat=Repeat(min_rounds, rounds, effort.target_ci),
        seed=seed,
        order="shuffled",
        sentinel=Sentinel(tuple(job.text for job in sentinels), effort.sentinel_every),
    )
