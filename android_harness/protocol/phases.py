"""Phases: jobs that the runner carries out by itself (the file format is in docs/reference/formats.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from collab.units import UnitSpec

FORMAT: Final = 1
PROTOCOL: Final = 2
"""The measurement protocol: goes up whenever a sample changes its meaning, here and in the runner (measurement_protocol.h, which has the
history). The runner refuses a phase of another one."""
MOST_RUNS: Final = 100_000
MOST_MICROSECONDS: Final = 60_000_000
MOST_ROUNDS: Final = 10_000
"""The runner refuses more (kMostRuns and kMostMicroseconds in runner/src/protocol/job_reader.cc, kMostRounds in phase.cc)."""
MAX_SEED: Final = (1 << 62) - 1
"""Phases of one command count on from a seed, in what the runner reads as 64 bits with a sign."""


@dataclass(frozen=True)
class Load:
    """Load on another unit: a model that it runs over and over while samples are taken."""

    unit: str
    model: Path

    def to_document(self) -> dict[str, Any]:
        return {"unit": self.unit, "model": str(self.model)}


@dataclass(frozen=True)
class TimeJob:
    """Job that times one model on one unit: writing the input, running until complete, reading the output, and end to end.

    Before its samples it makes `warmup` runs at least, for `warmup_us` at least, and then goes on until its runs are steady, but no longer
    than `warmup_limit_us` in all (0: it does not go on).
    """

    id: str
    unit: str
    model: Path
    warmup: int
    runs: int
    gap_us: int = 0
    warmup_us: int = 0
    warmup_limit_us: int = 0
    load: tuple[Load, ...] = ()
    group: str = ""
    """Jobs of one group are visited directly one after another in every round, and settle together. Empty: none."""
    settles: bool = True
    """True: the job ends as soon as its median is known well enough. False: it makes all rounds."""

    def to_document(self) -> dict[str, Any]:
        return {
            **_turn_document(self.group, settles=self.settles),
            "id": self.id,
            "kind": "time",
            "unit": self.unit,
            "model": str(self.model),
            "warmup": self.warmup,
            "warmup_us": self.warmup_us,
            "warmup_limit_us": self.warmup_limit_us,
            "runs": self.runs,
            "gap_us": self.gap_us,
            "load": [load.to_document() for load in self.load],
        }


@dataclass(frozen=True)
class HandoverJob:
    """Job that times a hand-over between two units; `model`, whose one input and one output are alike, sets the shape."""

    id: str
    sender: str
    receiver: str
    model: Path
    path: str
    wait: str
    warmup: int
    runs: int
    gap_us: int = 0
    spin_us: int = 100
    between_handovers: Path | None = None
    """Model that either unit runs between two hand-overs. None: the sender runs `model` once more, the receiver nothing."""
    group: str = ""
    settles: bool = True

    def to_document(self) -> dict[str, Any]:
        between = {"between": str(self.between_handovers)} if self.between_handovers is not None else {}
        return {
            **between,
            **_turn_document(self.group, settles=self.settles),
            "id": self.id,
            "kind": "transfer",
            "from": self.sender,
            "to": self.receiver,
            "model": str(self.model),
            "path": self.path,
            "wait": self.wait,
            "spin_us": self.spin_us,
            "warmup": self.warmup,
            "runs": self.runs,
            "gap_us": self.gap_us,
        }


@dataclass(frozen=True)
class CollabJob:
    """Job that runs a bundle, with one driver thread per unit; it warms up as a `TimeJob` does, all units together."""

    id: str
    manifest: Path
    warmup: int
    runs: int
    mode: str = "concurrent"
    path: str = "shared"
    wait: str = "spin"
    spin_us: int = 100
    gap_us: int = 0
    warmup_us: int = 0
    warmup_limit_us: int = 0
    bind: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    """File for the last run's first output; the others are written beside it (`output_files`)."""
    outputs: int = 1
    """The number of outputs of the bundle's network."""
    load: tuple[Load, ...] = ()
    group: str = ""
    settles: bool = True

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            **_turn_document(self.group, settles=self.settles),
            "id": self.id,
            "kind": "collab",
            "manifest": str(self.manifest),
            "mode": self.mode,
            "path": self.path,
            "wait": self.wait,
            "spin_us": self.spin_us,
            "warmup": self.warmup,
            "warmup_us": self.warmup_us,
            "warmup_limit_us": self.warmup_limit_us,
            "runs": self.runs,
            "gap_us": self.gap_us,
        }
        if self.load:
            document["load"] = [load.to_document() for load in self.load]
        if self.bind:
            document["bind"] = dict(self.bind)
        if self.output is not None:
            document["output"] = str(self.output)
        return document

    @property
    def output_files(self) -> tuple[Path, ...]:
        return () if self.output is None else output_files(self.output, self.outputs)


def output_files(first: Path, count: int) -> tuple[Path, ...]:
    """Returns the files that the runner writes outputs to: ``out.f32``, ``out.f32.1`` and so on."""
    return tuple(first.with_name(f"{first.name}.{number}") if number else first for number in range(count))


Job: TypeAlias = TimeJob | HandoverJob | CollabJob


@dataclass(frozen=True)
class Repeat:
    """Rule for the rounds: a job is visited `min_rounds` to `max_rounds` times, until 1.96 standard errors of its median over visits
    (`lut.statistics`) are less than `target_ci`, a fraction of the median.
    """

    min_rounds: int
    max_rounds: int
    target_ci: float = 0.0


@dataclass(frozen=True)
class Sentinel:
    """Jobs (by id) that are visited again after every `every` visits; their times show how fast the device is at that moment."""

    jobs: tuple[str, ...]
    every: int


@dataclass(frozen=True)
class Gate:
    """Thermal gate: the runner checks the device for heat, undoes the visits since the last check, and makes them again once it is cool.

    `status` is a program that prints what Android's ``dumpsys thermalservice`` does. Checks are made every `every_s` seconds, between
    visits. The device is hot when the thermal status is `hot_at` or more (2: moderate; at 1, light, Android says that nobody notices
    anything, and phones that charge stay there for hours), a core's clock cap has fallen, or a sentinel takes longer than at first by more
    than the fraction `slowdown` (0: not checked). A cap that fell and stays for `settle_s` while the status is none is the device's own
    from then on (0: never). A group of visits is made again `retries` times, a cool-down lasts `cool_s` at most; then the phase ends.

    `held`, seen from the phase, is a file with the settings that were made for it: the checks tell which do not hold any more.
    """

    status: tuple[str, ...] = ()
    hot_at: int = 2
    settle_s: float = 15.0
    held: str = ""
    every_s: float = 5.0
    slowdown: float = 0.0
    cool_s: float = 300.0
    poll_s: float = 5.0
    retries: int = 3

    @property
    def condition(self) -> str:
        """Everything that counts as heat, in words. How long it is waited for changes nothing about the visits that count."""
        looked_at = ["clock caps", *([f"thermal status {self.hot_at} and more"] if self.status else [])]
        looked_at += [f"sentinels slower by {100 * self.slowdown:g} %"] if self.slowdown else []
        return f"undone by {', '.join(looked_at)}"

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "hot_at": self.hot_at,
            "settle_s": self.settle_s,
            "every_s": self.every_s,
            "slowdown": self.slowdown,
            "cool_s": self.cool_s,
            "poll_s": self.poll_s,
            "retries": self.retries,
        }
        if self.held:
            document["held"] = self.held
        return {"status": list(self.status), **document} if self.status else document


@dataclass(frozen=True)
class Phase:
    """Jobs for the runner with their units and rules. `resident` keeps all models in memory from their first visit to the end."""

    name: str
    units: Mapping[str, UnitSpec]
    jobs: tuple[Job, ...]
    repeat: Repeat
    seed: int = 0
    order: str = "shuffled"
    resident: bool = False
    sentinel: Sentinel | None = None
    gate: Gate | None = None
    program_cache: str = ""
    """Folder, seen from the phase, in which GPU units keep the programs that they compile; empty: none are kept."""
    log: tuple[str, ...] = ()
    """Program that prints the end of the system's log, which the reason of a failure then carries."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Conditions that the device is put into while the phase runs, as texts by name; printable, and repeated by the journal."""

    def to_json(self, *, runtime: Mapping[str, Path]) -> str:
        """Returns the text of the phase file; `runtime` maps an engine to its library on the device."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "protocol": PROTOCOL,
            "phase": self.name,
            "seed": self.seed,
            "runtime": {engine: str(path) for engine, path in runtime.items()},
            "units": {name: _unit_document(unit) for name, unit in self.units.items()},
            "order": self.order,
            "resident": self.resident,
            "repeat": {
                "min_rounds": self.repeat.min_rounds,
                "max_rounds": self.repeat.max_rounds,
                "target_ci": self.repeat.target_ci,
            },
            "jobs": [job.to_document() for job in self.jobs],
        }
        if self.sentinel is not None:
            document["sentinel"] = {"jobs": list(self.sentinel.jobs), "every": self.sentinel.every}
        if self.gate is not None:
            document["gate"] = self.gate.to_document()
        if self.program_cache:
            document["program_cache"] = self.program_cache
        if self.log:
            document["log"] = list(self.log)
        if self.conditions:
            document["conditions"] = dict(self.conditions)
        return json.dumps(document, indent=1)

    def with_jobs(self, name: str, jobs: tuple[Job, ...], *, max_rounds: int) -> Phase:
        """Returns a copy of this phase with another name, other jobs and at most `max_rounds` rounds."""
        repeat = replace(self.repeat, min_rounds=min(self.repeat.min_rounds, max_rounds), max_rounds=max_rounds)
        return replace(self, name=name, jobs=jobs, repeat=repeat)


def _turn_document(group: str, *, settles: bool) -> dict[str, Any]:
    return ({"group": group} if group else {}) | ({} if settles else {"settles": False})


def _unit_document(unit: UnitSpec) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": unit.kind, "engine": unit.engine, "precision": unit.precision}
    if unit.kind == "cpu":
        document["threads"] = unit.threads
        document["cores"] = list(unit.cores or ())
    if unit.backend is not None:
        document["backend"] = unit.backend
    if unit.accelerator is not None:
        document["accelerator"] = unit.accelerator
    return document
