"""The archive of all that was evaluated, with a mark on what nothing else beats in both accuracy and latency."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collab.files import write_whole
from collab.model import BranchWidths, ModelConfig
from collab.placement import Placement

ARCHIVE_FILE: Final = "archive.csv"
_COLUMNS: Final = ("pareto", "strategy", "placement", "accuracy", "objective", "latency_us", "macs", "params", "budget")


@dataclass(frozen=True)
class Found:
    """An evaluated candidate. `objective` is what the search maximises; without device tables only accuracy is known.

    `widths`: expansion channels of each branch's blocks, stage by stage.
    """

    strategy: str
    accuracy: float
    objective: float
    placement: Placement | None = None
    config: ModelConfig | None = None
    latency_us: float | None = None
    budget: str = ""
    widths: BranchWidths | None = None


def pareto(found: Sequence[Found]) -> tuple[Found, ...]:
    """Returns those that no other beats, by accuracy, the best first.

    One beats another that is at least as accurate and as fast, and better in one of the two.
    """
    front: list[Found] = []
    fastest = float("inf")
    for item in sorted(found, key=lambda item: (-item.accuracy, item.latency_us or 0.0)):
        latency = item.latency_us or 0.0
        if latency < fastest:
            front.append(item)
            fastest = latency
    return tuple(front)


def write_archive(path: Path, found: Sequence[Found]) -> None:
    """Writes all that was evaluated, the best first, as CSV; the file is replaced as a whole."""
    front = {id(item) for item in pareto(found)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in sorted(found, key=lambda item: -item.objective):
        macs, params = (item.config.macs, item.config.params) if item.config is not None else ("", "")
        latency = "" if item.latency_us is None else f"{item.latency_us:.1f}"
        placement = "" if item.placement is None else item.placement.text
        writer.writerow(
            [
                int(id(item) in front),
                item.strategy,
                placement,
                repr(item.accuracy),
                repr(item.objective),
                latency,
                macs,
                params,
                item.budget,
            ]
        )
    write_whole(path, text.getvalue())
