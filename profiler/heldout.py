"""Strategies to certify tables with: drawn at random, never used in fitting, and such that every unit matters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from collab.errors import ConfigError, MissingEntryError
from collab.model import ModelConfig
from collab.wording.options import option_named
from graph.plan_file import plan_for
from graph.random_placements import random_placements
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict, predict_schedule
from profiler.candidates import ConfigCandidate, NetworkCandidate
from profiler.network_file import NetworkFile
from profiler.strategies import draw_strategy

LEAST_CRITICAL: Final = 0.25
"""Each unit must carry this share of the critical path at least: else its costs would hardly be tested."""
_DRAWS_EACH: Final = 200


def network_candidates(
    network: NetworkFile, costs: Costs, count: int, *, seed: int, rehearsed: Collection[tuple[str, ...]] = ()
) -> list[NetworkCandidate]:
    """Draws random placements of a network's blocks on all units, each block on units that were measured with it.

    Args:
        rehearsed: placements, by the unit of each block, that the tables were fitted with: none of these is drawn.

    Raises:
        ConfigError: there is no placement on two units or more.
        NetworkError, TableError: the file cannot be read, or is another one by now.
    """
    cut, units = network.cut, tuple(costs.meta.units)
    possible = [[unit for unit in units if costs.has_block(unit, block)] for block in cut.opaque]
    more = random_placements(cut, units, count + len(rehearsed), seed=seed, possible=possible)
    drawn = [placed for placed in more if placed not in rehearsed][:count]
    if not drawn:
        raise ConfigError(
            f"the {len(cut.blocks)} blocks of {network.name} leave no choice of units to certify; profile with a smaller"
            f" {option_named('--grain')}, into another folder"
        )
    specs = {unit: costs.unit(unit).text for unit in units}
    found = []
    for number, block_units in enumerate(drawn):
        schedule = cut.schedule(block_units, order=units)
        us = predict_schedule(schedule, costs, placement="").total_us
        plan = plan_for(cut, block_units, specs, grain_us=network.grain_us, predicted_us=us)
        found.append(NetworkCandidate(f"{cut.name} {number}", cut, plan))
    return found


def draw_candidates(base: ModelConfig, costs: Costs, units: Sequence[str], count: int, *, seed: int) -> list[ConfigCandidate]:
    """Draws random strategies, widths and placements of a base on all units at once (`draw_strategy`).

    Draws that leave a unit with less than `LEAST_CRITICAL` of the predicted critical path are passed over.

    Raises:
        ConfigError: units so unequal, or tables so sparse, that hardly any strategy qualifies.
        MissingEntryError: the tables lack what every strategy drawn needs.
    """
    generator = np.random.default_rng(seed)
    found: list[ConfigCandidate] = []
    missing: MissingEntryError | None = None
    for drawn in range(count * _DRAWS_EACH):
        if drawn == _DRAWS_EACH and not found and missing is not None:
            raise missing
        config, placement = draw_strategy(base, units, generator)
        try:
            critical = predict(config, placement, costs).critical
        except MissingEntryError as error:
            missing = error
            continue
        if min(critical.values()) >= LEAST_CRITICAL:
            found.append(ConfigCandidate(config.name, config, placement))
            if len(found) == count:
                return found
    raise ConfigError(
        f"of {count * _DRAWS_EACH} strategies of {base.name} drawn at random, {len(found)} give each of {', '.join(units)} at least"
        f" {100 * LEAST_CRITICAL:.0f} % of the critical path; certify with another {option_named('--model')}, or fewer"
        f" ({option_named('-n', max(len(found), 1))})"
    )
