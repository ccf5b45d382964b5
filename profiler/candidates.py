"""Candidates: models with a placement, which are exported, run and held against their predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from collab.config import load as load_config
from collab.errors import ConfigError, TableError
from collab.model import ModelConfig
from collab.names import shown
from collab.placement import Placement, parse_placement
from collab.schedule import Schedule, build_schedule
from collab.wording.commands import command_named
from exporters.bundle import write_bundle
from exporters.network_export import planned_network, write_planned
from graph.plan_file import PLAN_SUFFIX, PlacementPlan, read_plan
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from profiler.network_file import is_network_file


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


def named_candidate(model: str, costs: Costs, *, placement: str, plan: Path | None) -> Candidate:
    """Returns the candidate that a user names: a model of the zoo or a config with a placement, or a ``.tflite`` with a plan.

    Raises:
        ConfigError: the placement is none of the model, or a plan is missing or out of place.
        NetworkError: the network or the plan cannot be read, or do not belong together.
        TableError: the plan is of other units than the tables.
    """
    if not is_network_file(model):
        if plan is not None:
            raise ConfigError(f"--plan goes with a network's .tflite, and {shown(model)} is none")
        config = load_config(model)
        return ConfigCandidate(model, config, parse_placement(placement, branches=config.branches))
    if placement:
        raise ConfigError(f"{shown(model)} is placed by --plan; leave out --placement, which is for configs")
    if plan is None:
        command = command_named("place", "--lut", costs.source, "--model", model, "--out", f"{Path(model).stem}{PLAN_SUFFIX}")
        raise ConfigError(f"{shown(model)} needs --plan, which says which unit runs what; to make one: {command}")
    found = read_plan(plan)
    for name, text in found.units.items():
        if costs.unit(name).text != text:
            raise TableError(
                f"{plan}: its unit {name} is {text}, and that of {costs.source} is {costs.unit(name).text}; make the plan from these tables"
            )
    return NetworkCandidate(Path(model).name, planned_network(Path(model), found), found)


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
