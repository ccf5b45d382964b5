"""Campaigns: a plan turned into models and phases, with how much effort is spent on each job.

A job's id says all that is needed to turn its samples into a row, so tables can be derived from the journal alone at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Final, TypeAlias

from android_harness.phases import CollabJob, Job, Load, Phase, Repeat, Sentinel, TimeJob, TransferJob
from collab.blocks import Block, Shape, parse_key
from collab.errors import ConfigError
from collab.units import UnitSpec
from exporters.bundle import write_pieces
from exporters.manifest import MANIFEST
from exporters.tflite_route import write_block, write_chain, write_relu
from lut.paths import WISHES
from lut.tables import WAITS, shape_text
from profiler.deviation import output_of
from profiler.plan import Plan, pieces_of

SENTINEL_BLOCK: Final = "mbconv_14_k3s1_64-384-64_relu6"
PIECES_UNIT: Final = "cpu0"
"""What the only unit of a chain's bundle is called in its manifest, whatever unit it is bound to."""
FIXED_SHAPE: Final = (1, 1, 1, 4)
PACED_GAP_US: Final = 2000


@dataclass(frozen=True)
class Effort:
    """How often everything is measured. Blocks are visited in rounds spread over the whole time, `runs` samples a visit."""

    warmup: int
    warmup_us: int
    runs: int
    min_rounds: int
    max_rounds: int
    target_ci: float
    transfer_runs: int
    transfer_rounds: int
    sentinel_every: int
    all_waits: bool


FULL: Final = Effort(
    warmup=2,
    warmup_us=300,
    runs=8,
    min_rounds=10,
    max_rounds=30,
    target_ci=0.01,
    transfer_runs=20,
    transfer_rounds=4,
    sentinel_every=24,
    all_waits=True,
)
QUICK: Final = Effort(
    warmup=2,
    warmup_us=300,
    runs=8,
    min_rounds=10,
    max_rounds=20,
    target_ci=0.02,
    transfer_runs=20,
    transfer_rounds=3,
    sentinel_every=24,
    all_waits=False,
)


@dataclass(frozen=True)
class Handover:
    """How units hand features over: what the tables' predictions take."""

    wait: str = "spin"
    path: str = "shared"

    def __post_init__(self) -> None:
        if self.wait not in WAITS or self.path not in WISHES:
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
class ContendedId:
    """A block on a unit while another unit works."""

    unit: str
    other: str
    block: Block

    @property
    def text(self) -> str:
        return f"contended/{self.unit}/{self.other}/{self.block.key}"


@dataclass(frozen=True)
class ChainId:
    """Several blocks as a network on a unit, cut into pieces."""

    unit: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        return f"chain/{self.unit}/{chain_name(self.blocks)}"


JobId: TypeAlias = FixedId | SentinelId | BlockId | TransferId | ContendedId | ChainId


def chain_name(blocks: Sequence[Block]) -> str:
    """A short name that no two chains share."""
    return hashlib.sha256(" ".join(block.key for block in blocks).encode()).hexdigest()[:12]


def parse_job_id(text: str) -> JobId | None:
    """What a job measures; None if the id is not one of a campaign. Of a chain only its plan knows the blocks."""
    kind, *parts = text.split("/")
    try:
        return _PARSERS[kind](*parts)
    except (KeyError, TypeError, ValueError, ConfigError):
        return None


def _parse_transfer(sender: str, receiver: str, shape: str, path: str, wait: str, gap_us: str) -> TransferId:
    if path not in WISHES or wait not in WAITS:
        raise ValueError(f"{path}, {wait}")
    return TransferId(sender, receiver, tuple(map(int, shape.split("x"))), path, wait, int(gap_us))


_PARSERS: Final[Mapping[str, Callable[..., JobId]]] = {
    "fixed": FixedId,
    "sentinel": SentinelId,
    "block": lambda unit, key: BlockId(unit, parse_key(key)),
    "contended": lambda unit, other, key: ContendedId(unit, other, parse_key(key)),
    "transfer": _parse_transfer,
}


def sentinel_ids(units: Iterable[str]) -> list[JobId]:
    """One sentinel for each unit."""
    return [SentinelId(unit) for unit in units]


def block_ids(plan: Plan, units: Sequence[str]) -> list[JobId]:
    """The jobs of the first phase, on every unit: the fixed cost of a call, every block, and what tells how blocks behave in company."""
    jobs: list[JobId] = []
    for unit in units:
        jobs.append(FixedId(unit))
        jobs += [BlockId(unit, block) for block in plan.blocks]
        jobs += [ChainId(unit, chain) for chain in plan.chains]
        if plan.chains:
            jobs += [ContendedId(unit, other, block) for other in units if other != unit for block in plan.contended]
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
        ways += [(path, wait, 0) for path in WISHES for wait in WAITS]
        ways += [(handover.path, wait, PACED_GAP_US) for wait in WAITS]
    return list(dict.fromkeys(ways))


class Models:
    """Model files of jobs, written as they are asked for and shared by all units."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, Path] = {}

    def of(self, job: JobId) -> Path:
        if isinstance(job, (BlockId, ContendedId)):
            return self._file(job.block.key, lambda: write_block(job.block))
        if isinstance(job, ChainId):
            return self.pieces(job.blocks)
        if isinstance(job, SentinelId):
            return self._file(SENTINEL_BLOCK, lambda: write_block(parse_key(SENTINEL_BLOCK)))
        shape = job.shape if isinstance(job, TransferId) else FIXED_SHAPE
        return self._file(f"relu_{shape_text(shape)}", lambda: write_relu(shape))

    def chain(self, blocks: Sequence[Block]) -> Path:
        """The model of several blocks as one segment."""
        return self._file(f"chain_{chain_name(blocks)}", lambda: write_chain(blocks))

    def pieces(self, chain: Sequence[Block]) -> Path:
        """The manifest of several blocks as a network cut into pieces, on a unit called `PIECES_UNIT`."""
        name = f"pieces_{chain_name(chain)}"
        if name not in self._written:
            write_pieces(pieces_of(chain), self._folder / name, unit=PIECES_UNIT)
            self._written[name] = self._folder / name / MANIFEST
        return self._written[name]

    def _file(self, name: str, write: Callable[[], bytes]) -> Path:
        if name not in self._written:
            path = self._folder / f"{name}.tflite"
            path.write_bytes(write())
            self._written[name] = path
        return self._written[name]


def make_jobs(ids: Iterable[JobId], effort: Effort, models: Models, *, load: Path | None = None) -> tuple[Job, ...]:
    """The runner's jobs, their model files written; `load` is the model that the other unit of a contended job runs."""
    return tuple(_job(job, effort, models.of(job), load) for job in ids)


def _job(job: JobId, effort: Effort, model: Path, load: Path | None) -> Job:
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
        )
    if isinstance(job, ChainId):
        output = output_of(model, job.unit)
        return CollabJob(job.text, model, warmup=effort.warmup, runs=2 * effort.runs, bind={PIECES_UNIT: job.unit}, output=output)
    loads = (Load(job.other, load),) if isinstance(job, ContendedId) and load is not None else ()
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
    load: Path | None = None,
) -> Phase:
    """A phase of these jobs, shuffled anew in every round, with the sentinels of all units."""
    sentinels = sentinel_ids(units)
    min_rounds = min(rounds, effort.min_rounds)
    return Phase(
        name=name,
        units=units,
        jobs=make_jobs([*ids, *sentinels], effort, models, load=load),
        repeat=Repeat(min_rounds, rounds, effort.target_ci),
        seed=seed,
        order="shuffled",
        sentinel=Sentinel(tuple(job.text for job in sentinels), effort.sentinel_every),
    )
