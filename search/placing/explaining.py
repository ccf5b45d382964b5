"""Why a plan takes what it takes: its critical path, and what units do besides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graph.planned.network import PlannedNetwork
from lut.prediction.costs import Costs
from lut.prediction.explaining import KINDS, Link
from lut.prediction.model_latency import Prediction


@dataclass(frozen=True)
class Idle:
    """A unit's time without work while an inference lasts: `waits_us` for others, and the rest before or behind all of its own steps.

    `longest_for` is the segment for which it waits longest, empty where it waits for none.
    """

    unit: str
    works_us: float
    waits_us: float
    longest_for: str


@dataclass(frozen=True)
class PlanExplanation:
    """The prediction of a plan, with the chain of links that makes its latency."""

    planned: PlannedNetwork
    prediction: Prediction
    path: tuple[Link, ...]

    @property
    def by_kind_us(self) -> dict[str, float]:
        """The time on the critical path by kind of link; kinds of which there is none are missing."""
        found = {kind: sum(link.duration_us for link in self.path if link.kind == kind) for kind in KINDS}
        return {kind: us for kind, us in found.items() if us > 0}

    @property
    def idle(self) -> tuple[Idle, ...]:
        """All units, with what they do not do."""
        return tuple(self._idle(unit) for unit in self.prediction.units)

    def _idle(self, unit: str) -> Idle:
        own = [step for step in self.prediction.steps if step.unit == unit]
        waits = [step for step in own if step.step == "wait"]
        longest = max(waits, key=lambda step: step.duration_us, default=None)
        works_us = sum(step.duration_us for step in own if step.step != "wait")
        return Idle(unit, works_us, sum(step.duration_us for step in waits), longest.peer if longest is not None else "")


def explain_plan(planned: PlannedNetwork, costs: Costs) -> PlanExplanation:
    """Explains the latency of a plan by tables.

    Raises:
        MissingEntryError: the tables lack a block or a hand-over.
    """
    return PlanExplanation(planned, planned.predict(costs), planned.critical_path(costs))


def merged(path: Sequence[Link]) -> list[tuple[Link, int]]:
    """Returns the links of a path with small ones in a row joined, each with the number that it stands for.

    Links of one segment that are no blocks are joined to one: the call, the fetching of buffers and of what peers have written.
    """
    found: list[tuple[Link, int]] = []
    for link in path:
        last, count = found[-1] if found else (None, 0)
        if last is not None and link.block is None and last.block is None and (last.segment, last.kind) == (link.segment, link.kind):
            whats = f"{last.what}, {link.what}"
            size = (last.size_bytes or 0) + (link.size_bytes or 0) or None
            joined = Link(link.unit, link.segment, link.kind, whats, last.peer or link.peer, last.begin_us, link.end_us, size)
            found[-1] = (joined, count + 1)
        else:
            found.append((link, 1))
    return found
