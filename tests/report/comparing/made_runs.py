"""Journals of runs and certificates whose times are drawn from a known distribution, written line by line as the runner does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_STEPS = (("cpu0", "cpu0.0", "run", "", 0.5), ("cpu0", "cpu0.1", "wait", "cpu1.0", 0.1), ("cpu0", "cpu0.1", "run", "", 0.4))
"""A run's steps with the share of its latency that each takes."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of logarithms of latencies: of a start of the runner as a whole, of a visit, of a run."""

    start: float = 0.0
    visit: float = 0.02
    run: float = 0.01


def phase_line(unix_ns: int, *, runner: str = "0.3.0") -> dict[str, Any]:
    return {
        "event": "phase",
        "format": 1,
        "phase": "deploy",
        "runner": runner,
        "abi": "x86_64",
        "pid": 1,
        "t_ns": 1,
        "unix_ns": unix_ns,
        "engines": {"litert": "libLiteRt.so, 1 byte"},
        "protocol": 2,
    }


def done_line(job: str, totals_ns: Sequence[int], *, output: str = "4f38", segments: str = "cpu0") -> dict[str, Any]:
    begins, ends, at = [], [], np.zeros(len(totals_ns))
    for *_, share in _STEPS:
        begins.append(at.astype(int).tolist())
        at = at + share * np.asarray(totals_ns)
        ends.append(at.astype(int).tolist())
    labels = [
        {"unit": unit, "segment": segment.replace("cpu0", segments), "step": step, "peer": peer} for unit, segment, step, peer, _ in _STEPS
    ]
    return {
        "event": "done",
        "job": job,
        "round": 0,
        "t_ns": 2,
        "kind": "collab",
        "create_ns": 5,
        "accelerated": True,
        "steps": labels,
        "begin_ns": begins,
        "end_ns": ends,
        "total_ns": [int(total) for total in totals_ns],
        "outputs": {"distinct": 1, "hash": output},
        "paths": {},
    }


def start_lines(
    generator: np.random.Generator, *, us: float, unix_ns: int, visits: int = 4, noise: Noise | None = None, **options: Any
) -> list[dict[str, Any]]:
    """The lines of one start of the runner, which runs a model that takes so many microseconds, all noise apart."""
    noise = noise or Noise()
    slowness = generator.lognormal(0, noise.start)
    lines = [phase_line(unix_ns)]
    for _ in range(visits):
        visit_us = us * slowness * generator.lognormal(0, noise.visit)
        lines.append(done_line("deployed", (1000 * visit_us * generator.lognormal(0, noise.run, 5)).astype(int).tolist(), **options))
    return lines


def write_lines(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def by_turns(folder: Path, seed: int, *, factor: float = 1.0, starts: int = 6, spell: float = 0.1) -> tuple[Path, Path]:
    """Two journals of starts made by turns, in spells of the device that slow down both of a turn alike; the second takes `factor`."""
    generator = np.random.default_rng(seed)
    sides: list[list[Any]] = [[], []]
    now_ns = 1_800_000_000_000_000_000
    for turn in range(starts):
        us = 5000 * generator.lognormal(0, spell)
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            now_ns += 1_000_000_000
            sides[side] += start_lines(generator, us=us * (factor if side else 1.0), unix_ns=now_ns, noise=Noise(start=0.01))
    return write_lines(folder / "a.jsonl", sides[0]), write_lines(folder / "b.jsonl", sides[1])


def write_certificate(
    folder: Path,
    seed: int,
    *,
    factor: float = 1.0,
    error: float = 0.05,
    strategies: Sequence[str] = tuple("abcdefghij"),
    journal: bool = True,
) -> Path:
    """A certificate.json of strategies, each visited eight times, with its journal; predictions are off by up to about `error`."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    lines, entries = [phase_line(1_800_000_000_000_000_000)], []
    for number, name in enumerate(strategies):
        us = factor * 1000 * (3 + number)
        visits = [(1000 * us * generator.lognormal(0, 0.02) * generator.lognormal(0, 0.01, 3)).astype(int).tolist() for _ in range(8)]
        lines += [done_line(f"collab/{number}/{'ab'[visit % 2]}", totals) for visit, totals in enumerate(visits)]
        median = float(np.median([np.median(visit) for visit in visits])) / 1000
        entries.append(
            {
                "model": f"mini_v2_{name}",
                "placement": "0=cpu0,1=cpu1",
                "measured_us": round(median, 3),
                "n": 24,
                "error_drift_corrected": round(error * generator.normal(), 5),
            }
        )
    if journal:
        write_lines(folder / "certify.jsonl", lines)
    path = folder / "certificate.json"
    path.write_text(json.dumps({"n": len(entries), "strategies": entries, "measured_at": "2026-01-01"}), encoding="utf-8")
    return path
