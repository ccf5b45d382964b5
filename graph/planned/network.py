"""A network with its plan: schedule, names of blocks, and the prediction by tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from collab.errors import NetworkError
from collab.schedule import Schedule
from collab.wording.options import option_named
from graph.plan_file import PlacementPlan, planned_network
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from lut.prediction.explaining import Link, critical_path
from lut.prediction.model_latency import Part, Prediction, Step, predict_schedule
from lut.tables import NETWORK_FILE


@dataclass(frozen=True)
class PlannedNetwork:
    """A network, cut as its plan says, with that plan."""

    cut: CutNetwork
    plan: PlacementPlan

    @cached_property
    def schedule(self) -> Schedule:
        return self.cut.schedule(self.plan.block_units, order=tuple(self.plan.units))

    @cached_property
    def members(self) -> dict[str, list[int]]:
        """The numbers of the blocks of each segment, in the order in which they run."""
        runs = self.cut.runs(self.plan.block_units)
        return {segment.name: run for segment, run in zip(self.schedule.segments, runs, strict=True)}

    def block_name(self, number: int) -> str:
        """Returns a block's name for people: its number and its label, as the names of equal blocks differ in their numbers alone."""
        return f"{number} {self.plan.blocks[number].label}"

    def predict(self, costs: Costs) -> Prediction:
        """Predicts its latency; parts of runs that are blocks have their names for people.

        Raises:
            MissingEntryError: the tables lack a block or a hand-over.
        """
        found = predict_schedule(self.schedule, costs, placement=self.plan.placement_text)
        return replace(found, steps=tuple(self._named(step) for step in found.steps))

    def critical_path(self, costs: Costs) -> tuple[Link, ...]:
        """Returns the chain that decides when an inference ends, blocks with their names for people.

        Raises:
            MissingEntryError: the tables lack a block or a hand-over.
        """
        links = critical_path(self.schedule, costs)
        return tuple(link if link.block is None else replace(link, what=self._name_of(link.segment, link.block)) for link in links)

    def _name_of(self, segment: str, place: int) -> str:
        return self.block_name(self.members[segment][place])

    def _named(self, step: Step) -> Step:
        return step if step.step != "run" else replace(step, parts=tuple(self._named_parts(step)))

    def _named_parts(self, step: Step) -> Iterator[Part]:
        keys = {block.key for block in self.schedule.segment(step.segment).blocks}
        members = iter(self.members[step.segment])
        for part in step.parts:
            yield replace(part, what=self.block_name(next(members))) if part.what in keys else part


def read_planned(plan: PlacementPlan, *, model: Path | None, tables: Path | None) -> PlannedNetwork:
    """Reads the network of a plan.

    Args:
        model: its file; None: the one that a profile has left among its tables.
        tables: their folder.

    Raises:
        NetworkError: there is none, or it is another network than the plan's.
    """
    beside = None if tables is None else tables / NETWORK_FILE
    if model is None and (beside is None or not beside.is_file()):
        where = "there are no tables" if tables is None else f"{tables} has no {NETWORK_FILE}"
        raise NetworkError(f"{where} to take the plan's network from; name its .tflite with {option_named('--model')}")
    found = model or beside
    assert found is not None, "one of the two is there"
    return PlannedNetwork(planned_network(found, plan), plan)
