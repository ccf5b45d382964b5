"""Candidates: models with a placement, which are exported, run and held against their predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from collab.model import ModelConfig
from collab.placement import Placement
from collab.schedule import Schedule, build_schedule
from exporters.bundle import write_bundle
from exporters.network_export import write_planned
from graph.plan_file import PlacementPlan
from graph.scheduling import CutNetwork


class Candidate(Protocol):
    """A model with a placement. `label` is its name in results, `placed` its placement as a text."""

    @property
    def label(self) -> str: ...

    @property
    def schedule(self) -> Schedule: ...

    @property
    def placed(self) -> str: ...

    def write(self, out: Path) -> None:
        """Writes its bundle.

        Raises:
            ExportError: it cannot be exported.
        """
        ...


@dataclass(frozen=True)
class ConfigCandidate:
    """A model of a config."""

    label: str
    config: ModelConfig
    placement: Placement

    @cached_property
    def schedule(self) -> Schedule:
        return build_schedule(self.config, self.placement)

    @property
    def placed(self) -> str:
        return self.placement.text

    def write(self, out: Path) -> None:
        write_bundle(self.config, self.placement, out)


@dataclass(frozen=True)
class NetworkCandidate:
    """A network of others whose blocks a plan puts on units."""

    label: str
    cut: CutNetwork
    plan: PlacementPlan

    @cached_property
    def schedule(self) -> Schedule:
        return self.cut.schedule(self.plan.block_units, order=tuple(self.plan.units))

    @property
    def placed(self) -> str:
        return self.plan.placement_text

    def write(self, out: Path) -> None:
        write_planned(self.cut, self.plan, out)
