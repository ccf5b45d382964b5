"""Campaigns: a plan turned into models and phases, with how much effort is spent on each job.

A job's id says all that is needed to turn its samples into a row, so tables can be derived from the journal alone at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec

from android_harness.protocol.phases import CollabJob, Job, Load, Phase, Repeat, Sentinel, TimeJob, TransferJob
from collab.blocks import Block, Shape, parse_key
from collab.documents import Count
from collab.errors import ConfigError
from collab.files import writing
from collab.units import UnitSpec
from exporters.bundle import write_pieces
from exporters.manifest import MANIFEST
from exporters.tflite_route import write_block, write_chain, write_relu
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS
from lut.tables import shape_text
from profiler.deviation import output_of
from profiler.plan import LOADS, Network, Plan

SENTINEL_BLOCK: Final = "mbconv_14_k3s1_64-384-64_relu6"
BETWEEN_BLOCK: Final = "mbconv_14_k3s1_32-128-32_relu6"
"""What either unit runs between two hand-overs. Where nothing else ran in between, a GPU's output was read in 0.6 of the time that it took
in a running model, and its input written in half of it (lavapipe). Larger blocks leave writes too long, smaller ones reads too short."""
PIECES_UNIT: Final = "cpu0"
"""What the only unit of a network's bundle is called in its manifest, whatever unit it is bound to."""
FIXED_SHAPE: Final = (1, 1, 1, 4)
PACED_GAP_US: Final = 2000


_Runs: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
_Rounds: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
"""As the runner bounds them."""


class Effort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often everything is measured: in rounds spread over the whole time, `runs` samples a visit (networks: `network_runs`).

    Few samples a visit and many visits: a machine that others use, or that is about to throttle, has slow and fast spells, and samples
    of one spell say the same thing again and again.
    """

    warmup: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    warmup_us: Annotated[int, msgspec.Meta(ge=0, le=60_000_000)]
    runs: _Runs
    network_runs: _Runs
    min_rounds: _Rounds
    max_rounds: _Rounds
    target_ci: Annotated[float, msgspec.Meta(ge=0, le=1)]
    transfer_runs: _Runs
    transfer_rounds: _Rounds
    sentinel_every: Count
    all_waits: bool

    def __post_init__(self) -> None:
        if self.max_rounds < self.min_rounds:
            raise ValueError(f"max_rounds {self.max_rounds} is below min_rounds {self.min_rounds}")


FULL: Final = Effort(
    warmup=1,
    warmup_us=300,
    runs=4,
    network_runs=4,
    min_rounds=20,
    max_rounds=50,
    target_ci=0.01,
    transfer_runs=20,
    transfer_rounds=4,
    sentinel_every=16,
    all_waits=True,
)
QUICK: Final = Effort(
    warmup=1,
    warmup_us=300,
    runs=4,
    network_runs=4,
    min_rounds=14,
    max_rounds=24,
    target_ci=0.02,
    transfer_runs=20,
    transfer_rounds=3,
    sentinel_every=16,
    all_waits=False,
)


BUDGETED: Final = msgspec.structs.replace(QUICK, min_rounds=8, max_rounds=8)
"""For a start: what is left of the time is spent where it helps most."""


class Handover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How units hand features over: what the tables' predictions take."""

    wait: str = "spin"
    path: str = "shared"

    def __post_init__(self) -> None:
        if self.wait not in WAITS or self.path not in REQUESTABLE_PATHS:
            raise ValueError(f"hand-over by {self.path} and {self.wait}: --path is shared or memcpy, --wait one of {', '.join(WAITS)}")


@dataclass(frozen=True)
class FixedId:
    """The fixed cost of a call on a unit."""

    unit: str

    @property
    def text(self) -> str:
        return f"fixed/{self.unit}"


@dataclass(frozen=True)
class SentinelId:
    """The block that tells how fast a unit is just now."""

    unit: str

    @property
    def text(self) -> str:
        return f"sentinel/{self.unit}"


@dataclass(frozen=True)
class BlockId:
    """A block alone on a unit."""

    unit: str
    block: Block

    @property
    def text(self) -> str:
        return f"block/{self.unit}/{self.block.key}"


@dataclass(frozen=True)
class TransferId:
    """A hand-over of a feature map; `gap_us` is the idle time before each. `path` is what is asked for, the samples say what was taken."""

    sender: str
    receiver: str
    shape: Shape
    path: str
    wait: str
    gap_us: int

    @property
    def text(self) -> str:
        return f"transfer/{self.sender}/{self.receiver}/{shape_text(self.shape)}/{self.path}/{self.wait}/{self.gap_us}"


@dataclass(frozen=True)
class NetworkId:
    """A network in its pieces on a unit."""

    unit: str
    network: Network

    @property
    def text(self) -> str:
        return f"network/{self.unit}/{network_name(self.network)}"


@dataclass(frozen=True)
class LoadedId:
    """The same while another unit runs a network over and over."""

    unit: str
    other: str
    network: Network
    load: Network

    @property
    def text(self) -> str:
        return f"loaded/{self.unit}/{self.other}/{network_name(self.network)}/{network_name(self.load)}"


JobId: TypeAlias = FixedId | SentinelId | BlockId | TransferId | NetworkId | LoadedId


def network_name(network: Network) -> str:
    """A short name that no two networks share."""
    return hashlib.sha256(" | ".join(" ".join(block.key for block in piece) for piece in network).encode()).hexdigest()[:12]


def parse_job_id(text: str) -> JobId | None:
    """What a job measures; None if the id is not one of a campaign. Of a network only its plan knows the blocks."""
    kind, *parts = text.split("/")
    try:
        return _PARSERS[kind](*parts)
    except (KeyError, TypeError, ValueError, ConfigError):
        return None


def _parse_transfer(sender: str, receiver: str, shape: str, path: str, wait: str, gap_us: str) -> TransferId:
    if path not in REQUESTABLE_PATHS or wait not in WAITS:
        raise ValueError(f"{path}, {wait}")
    return TransferId(sender, receiver, tuple(map(int, shape.split("x"))), path, wait, int(gap_us))


_PARSERS: Final[Mapping[str, Callable[..., JobId]]] = {
    "fixed": FixedId,
    "sentinel": SentinelId,
    "block": lambda unit, key: BlockId(unit, parse_key(key)),
    "transfer": _parse_transfer,
}


def sentinel_ids(units: Iterable[str]) -> list[JobId]:
    """One sentinel for each unit."""
    return [SentinelId(unit) for unit in units]


def block_ids(plan: Plan, units: Mapping[str, UnitSpec]) -> list[JobId]:
    """The jobs of the first phase, on every unit: a call of next to nothing, every block, and the networks, the first one also loaded.

    Units that are timed in company are loaded all the time already.
    """
    jobs: list[JobId] = []
    company = company_of(units)
    for unit in units:
        jobs.append(FixedId(unit))
        jobs += [BlockId(unit, block) for block in plan.blocks]
        jobs += [NetworkId(unit, network) for network in plan.networks]
        others = [other for other in units if other != unit] if unit not in company else []
        jobs += [LoadedId(unit, other, plan.networks[0], load) for other in others for load in plan.networks[:LOADS]]
    return jobs


def transfer_ids(plan: Plan, units: Mapping[str, UnitSpec], handover: Handover, *, all_waits: bool) -> list[JobId]:
    """The jobs of the second phase: every feature map between every two units.

    Always by the hand-over that predictions take and by copying through memory between the two; with `all_waits` by every wait mode, hot
    and after an idle gap. Units that cannot share memory take what they can where they are asked to.
    """
    return [
        TransferId(sender, receiver, shape, path, wait, gap_us)
        for sender, receiver in permutations(units, 2)
        for path, wait, gap_us in _ways(handover, all_waits=all_waits)
        for shape in plan.transfers
    ]


def _ways(handover: Handover, *, all_waits: bool) -> list[tuple[str, str, int]]:
    """Each path, wait mode and idle gap by which a pair of units is timed."""
    ways = [(handover.path, handover.wait, 0), ("memcpy", handover.wait, 0)]
    if all_waits:
        ways += [(path, wait, 0) for path in REQUESTABLE_PATHS for wait in WAITS]
        ways += [(handover.path, wait, PACED_GAP_US) for wait in WAITS]
    return list(dict.fromkeys(ways))


class Models:
    """Model files of jobs, written as they are asked for and shared by all units."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, Path] = {}

    def of(self, job: JobId) -> Path:
        if isinstance(job, BlockId):
            return self.block(job.block.key)
        if isinstance(job, (NetworkId, LoadedId)):
            return self.pieces(job.network)
        if isinstance(job, SentinelId):
            return self.block(SENTINEL_BLOCK)
        shape = job.shape if isinstance(job, TransferId) else FIXED_SHAPE
        return self._file(f"relu_{shape_text(shape)}", lambda: write_relu(shape))

    def block(self, key: str) -> Path:
        """The model of a single block."""
        return self._file(key, lambda: write_block(parse_key(key)))

    def whole(self, network: Network) -> Path:
        """The model of all blocks of a network as one segment."""
        return self._file(f"whole_{network_name(network)}", lambda: write_chain([block for piece in network for block in piece]))

    def pieces(self, network: Network) -> Path:
        """The manifest of a network in its pieces, on a unit called `PIECES_UNIT`."""
        name = f"pieces_{network_name(network)}"
        if name not in self._written:
            write_pieces(network, self._folder / name, unit=PIECES_UNIT)
            self._written[name] = self._folder / name / MANIFEST
        return self._written[name]

    def _file(self, name: str, write: Callable[[], bytes]) -> Path:
        if name not in self._written:
            path = self._folder / f"{name}.tflite"
            content = write()
            # Not put on the disk one by one: there are hundreds, and none is read again once this process has ended.
            with writing(path):
                path.write_bytes(content)
            self._written[name] = path
        return self._written[name]


def company_of(units: Mapping[str, UnitSpec]) -> dict[str, str]:
    """Units that are timed in company, each with the CPU unit that works meanwhile.

    A unit behind a driver is fed by threads of the host. Where all cores are idle, these have to be woken for every kernel, which in a
    collaborative run, where another unit works or spins, they have not: narrow blocks took 1.5 times as long alone (lavapipe, two cores).
    """
    cpu = next((name for name, unit in units.items() if unit.kind == "cpu"), None)
    return {name: cpu for name, unit in units.items() if unit.kind != "cpu" and cpu is not None}


def company_loads(unit: str, company: Mapping[str, str], models: Models) -> tuple[Load, ...]:
    """What runs beside a job of this unit: the sentinel block, which stays in its core's cache."""
    return (Load(company[unit], models.of(SentinelId(unit))),) if unit in company else ()


def make_jobs(ids: Iterable[JobId], effort: Effort, models: Models, *, company: Mapping[str, str]) -> tuple[Job, ...]:
    """The runner's jobs, their model files written."""
    return tuple(_job(job, effort, models, company) for job in ids)


def _job(job: JobId, effort: Effort, models: Models, company: Mapping[str, str]) -> Job:
    model = models.of(job)
    if isinstance(job, TransferId):
        return TransferJob(
            job.text,
            job.sender,
            job.receiver,
            model,
            job.path,
            job.wait,
            warmup=effort.warmup,
            runs=effort.transfer_runs,
            gap_us=job.gap_us,
            between=models.block(BETWEEN_BLOCK),
        )
    if isinstance(job, LoadedId):
        loads: tuple[Load, ...] = (Load(job.other, models.whole(job.load)),)
    else:
        loads = company_loads(job.unit, company, models)
    if isinstance(job, (NetworkId, LoadedId)):
        output = output_of(model, job.unit) if isinstance(job, NetworkId) else None
        return CollabJob(job.text, model, warmup=1, runs=effort.network_runs, bind={PIECES_UNIT: job.unit}, output=output, load=loads)
    return TimeJob(job.text, job.unit, model, warmup=effort.warmup, warmup_us=effort.warmup_us, runs=effort.runs, load=loads)


def make_phase(
    name: str,
    ids: Sequence[JobId],
    units: Mapping[str, UnitSpec],
    effort: Effort,
    models: Models,
    *,
    rounds: int,
    seed: int,
) -> Phase:
    """A phase of these jobs, shuffled anew in every round, with the sentinels of all units."""
    sentinels = sentinel_ids(units)
    min_rounds = min(rounds, effort.min_rounds)
    return Phase(
        name=name,
        units=units,
        jobs=make_jobs([*ids, *sentinels], effort, models, company=company_of(units)),
        repeat=Repeat(min_rounds, rounds, effort.target_ci),
        seed=seed,
        order="shuffled",
        sentinel=Sentinel(tuple(job.text for job in sentinels), effort.sentinel_every),
    )
