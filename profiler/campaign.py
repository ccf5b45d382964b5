"""Campaigns: a plan turned into models and phases, with how much effort is spent on each job.

A job's id says all that is needed to turn its samples into a row, so tables can be derived from the journal alone at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from android_harness.phases import Job, Phase, Repeat, Sentinel, TimeJob, TransferJob
from collab.blocks import Block, Shape, parse_key
from collab.errors import ConfigError
from collab.units import UnitSpec
from exporters.tflite_route import write_block, write_relu
from lut.tables import PATHS, WAITS, shape_text
from profiler.plan import Plan

SENTINEL_BLOCK: Final = "mbconv_14_k3s1_64-384-64_relu6"
FIXED_SHAPE: Final = (1, 1, 1, 4)
PACED_GAP_US: Final = 2000


@dataclass(frozen=True)
class Effort:
    """How often everything is measured. Blocks are visited in rounds spread over the whole time, `runs` samples a visit."""

    warmup: int
    runs: int
    min_rounds: int
    max_rounds: int
    target_ci: float
    transfer_runs: int
    transfer_rounds: int
    sentinel_every: int
    all_waits: bool


FULL: Final = Effort(
    warmup=2, runs=8, min_rounds=6, max_rounds=12, target_ci=0.01,
    transfer_runs=20, transfer_rounds=4, sentinel_every=24, all_waits=True,
)
QUICK: Final = Effort(
    warmup=2, runs=6, min_rounds=6, max_rounds=8, target_ci=0.02,
    transfer_runs=20, transfer_rounds=3, sentinel_every=24, all_waits=False,
)


@dataclass(frozen=True)
class Handover:
    """How units hand features over: what the tables' predictions take."""

    wait: str = "spin"
    path: str = "shared"

    def __post_init__(self) -> None:
        if self.wait not in WAITS or self.path not in ("shared", "memcpy"):
            raise ConfigError(f"hand-over by {self.path} and {self.wait}: --path is shared or memcpy, --wait one of {', '.join(WAITS)}")


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
    unit: str
    block: Block

    @property
    def text(self) -> str:
        return f"block/{self.unit}/{self.block.key}"


@dataclass(frozen=True)
class TransferId:
    sender: str
    receiver: str
    shape: Shape
    path: str
    wait: str
    gap_us: int

    @property
    def text(self) -> str:
        return f"transfer/{self.sender}/{self.receiver}/{shape_text(self.shape)}/{self.path}/{self.wait}/{self.gap_us}"


JobId: TypeAlias = FixedId | SentinelId | BlockId | TransferId


def parse_job_id(text: str) -> JobId | None:
    """What a job measures; None if the id is not one of a campaign."""
    kind, *parts = text.split("/")
    try:
        if kind == "fixed" and len(parts) == 1:
            return FixedId(parts[0])
        if kind == "sentinel" and len(parts) == 1:
            return SentinelId(parts[0])
        if kind == "block" and len(parts) == 2:
            return BlockId(parts[0], parse_key(parts[1]))
        if kind == "transfer" and len(parts) == 6 and parts[3] in PATHS and parts[4] in WAITS:
            return TransferId(parts[0], parts[1], tuple(map(int, parts[2].split("x"))), parts[3], parts[4], int(parts[5]))
    except (ValueError, ConfigError):
        return None
    return None


def sentinel_ids(units: Iterable[str]) -> list[JobId]:
    return [SentinelId(unit) for unit in units]


def block_ids(plan: Plan, units: Iterable[str]) -> list[JobId]:
    """The jobs of the first phase: the fixed cost of a call, and every block, on every unit."""
    jobs: list[JobId] = []
    for unit in units:
        jobs.append(FixedId(unit))
        jobs += [BlockId(unit, block) for block in plan.blocks]
    return jobs


def transfer_ids(plan: Plan, units: Sequence[str], handover: Handover, *, all_waits: bool) -> list[JobId]:
    """The jobs of the second phase: every feature map between every two units.

    Always by the hand-over that predictions take and by copying; with `all_waits` by every wait mode, hot and after an idle gap.
    """
    ways = [(handover.path, handover.wait, 0), ("memcpy", handover.wait, 0)]
    if all_waits:
        ways += [(path, wait, 0) for path in ("shared", "memcpy") for wait in WAITS]
        ways += [(handover.path, wait, PACED_GAP_US) for wait in WAITS]
    pairs = [(a, b) for a in units for b in units if a != b]
    return [
        TransferId(sender, receiver, shape, path, wait, gap_us)
        for sender, receiver in pairs for shape in plan.transfers for path, wait, gap_us in dict.fromkeys(ways)
    ]


class Models:
    """Model files of jobs, written as they are asked for and shared by all units."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, Path] = {}

    def of(self, job: JobId) -> Path:
        if isinstance(job, BlockId):
            return self._file(job.block.key, lambda: write_block(job.block))
        if isinstance(job, SentinelId):
            return self._file(SENTINEL_BLOCK, lambda: write_block(parse_key(SENTINEL_BLOCK)))
        shape = job.shape if isinstance(job, TransferId) else FIXED_SHAPE
        return self._file(f"relu_{shape_text(shape)}", lambda: write_relu(shape))

    def _file(self, name: str, write: Any) -> Path:
        if name not in self._written:
            path = self._folder / f"{name}.tflite"
            path.write_bytes(write())
            self._written[name] = path
        return self._written[name]


def make_jobs(ids: Iterable[JobId], effort: Effort, models: Models) -> tuple[Job, ...]:
    return tuple(_job(job, effort, models.of(job)) for job in ids)


def _job(job: JobId, effort: Effort, model: Path) -> Job:
    if isinstance(job, TransferId):
        return TransferJob(
            job.text, job.sender, job.receiver, model, job.path, job.wait,
            warmup=effort.warmup, runs=effort.transfer_runs, gap_us=job.gap_us,
        )
    return TimeJob(job.text, job.unit, model, warmup=effort.warmup, runs=effort.runs)


def make_phase(
    name: str, ids: Sequence[JobId], units: Mapping[str, UnitSpec], effort: Effort, models: Models, *, rounds: int, seed: int
) -> Phase:
    """A phase of these jobs, shuffled anew in every round, with the sentinels of all units."""
    sentinels = sentinel_ids(units)
    min_rounds = min(rounds, effort.min_rounds)
    return Phase(
        name=name, units=units, jobs=make_jobs([*ids, *sentinels], effort, models),
        repeat=Repeat(min_rounds, rounds, effort.target_ci), seed=seed, order="shuffled",
        sentinel=Sentinel(tuple(job.text for job in sentinels), effort.sentinel_every),
    )


def effort_document(effort: Effort) -> dict[str, Any]:
    return asdict(effort)
