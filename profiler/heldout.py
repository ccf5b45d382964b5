"""Strategies to certify tables with: drawn at random, never used in fitting, and such that every unit matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from collab.errors import ConfigError, MissingEntryError
from collab.model import ModelConfig
from collab.placement import Placement
from collab.variants import random_collaborative
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from profiler.compare import Candidate

LEAST_CRITICAL: Final = 0.25
"""Each unit must carry this share of the critical path at least: else its costs would hardly be tested."""
_NARROWEST: Final = 0.003
_USUAL: Final = (0.4, 1.1)
_DRAWS_EACH: Final = 200


def draw_candidates(base: ModelConfig, costs: Costs, units: Sequence[str], count: int, *, seed: int) -> list[Candidate]:
    """Draws random strategies, widths and placements of a base on all units at once.

    One unit may be many times as fast as another: in every other draw all branches but one are narrower than that one, down to almost
    nothing. Draws that leave a unit with less than `LEAST_CRITICAL` of the predicted critical path are passed over.

    Raises:
        ConfigError: units so unequal, or tables so sparse, that hardly any strategy qualifies.
        MissingEntryError: the tables lack what every strategy drawn needs.
    """
    generator = np.random.default_rng(seed)
    found: list[Candidate] = []
    missing: MissingEntryError | None = None
    for drawn in range(count * _DRAWS_EACH):
        if drawn == _DRAWS_EACH and not found and missing is not None:
            raise missing
        candidate = _draw(base, units, generator)
        try:
            critical = predict(candidate.config, candidate.placement, costs).critical
        except MissingEntryError as error:
            missing = error
            continue
        if min(critical.values()) >= LEAST_CRITICAL:
            found.append(candidate)
            if len(found) == count:
                return found
    raise ConfigError(
        f"of {count * _DRAWS_EACH} strategies of {base.name} drawn at random, {len(found)} give each of {', '.join(units)} at least"
        f" {100 * LEAST_CRITICAL:.0f} % of the critical path; certify with another --model, or fewer (-n {max(len(found), 1)})"
    )


def _draw(base: ModelConfig, units: Sequence[str], generator: np.random.Generator) -> Candidate:
    order = [units[index] for index in generator.permutation(len(units))]
    scales = np.full(len(units), generator.uniform(*_USUAL))
    if generator.random() < 0.5:
        narrower = np.arange(len(units)) != generator.integers(len(units))
        scales[narrower] *= np.exp(generator.uniform(np.log(_NARROWEST), 0.0, size=len(units) - 1))
    config = random_collaborative(base, generator, branches=len(units), low=0.6, scales=scales.tolist())
    stem = generator.choice([-1, *range(len(units))])
    placement = Placement(tuple(order), stem=None if stem < 0 else int(stem), head=int(generator.integers(len(units))))
    return Candidate(config.name, config, placement)
