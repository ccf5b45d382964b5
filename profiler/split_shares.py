"""Shares of splits that a profile measures: they follow what units take for the blocks that were measured before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from collab.errors import ConfigError, MissingEntryError
from collab.tensors.opaque import Opaque
from collab.wording.options import option_named
from lut.meta import META_FILE
from lut.prediction.costs import Costs
from lut.tables import load_tables
from profiler.network_file import NetworkFile

if TYPE_CHECKING:
    from graph.splitting.cutting import Splittable
    from graph.splitting.split import Split


def with_splits(network: NetworkFile | None, folder: Path) -> NetworkFile:
    """Returns a network with the splits to measure, in shares by what the tables of a folder have of its blocks, if there are any.

    Raises:
        ConfigError: there is no network.
    """
    if network is None:
        raise ConfigError(f"{option_named('--splits')} is for a .tflite; name one with {option_named('--model', argument='models')}")
    costs = Costs(load_tables(folder), source=str(folder)) if (folder / META_FILE).exists() else None
    return network.with_splits(splits_for(network.splittable, costs))


def splits_for(of: Splittable, costs: Costs | None) -> tuple[Split, ...]:
    """Returns the splits to measure, in shares that follow what units take for the blocks of each stretch; without costs, halves.

    Raises:
        NetworkError: a block has more work or bytes than can be said.
    """
    from graph.splitting.choosing import wanted_splits

    times_us: dict[int, list[float]] = {}
    if costs is None:
        return wanted_splits(of, times_us)
    for opens, stretch in of.stretches.items():
        blocks = [
            opaque for opaque, block in zip(of.plain.opaque, of.plain.blocks, strict=True) if stretch.parts.keys() & set(block.operators)
        ]
        found = (_together_us(costs, unit, blocks) for unit in costs.meta.units)
        times_us[opens] = [us for us in found if us is not None]
    return wanted_splits(of, times_us)


def _together_us(costs: Costs, unit: str, blocks: Sequence[Opaque]) -> float | None:
    """Returns what a unit takes for blocks; None where it was not measured with one of them."""
    try:
        return sum(costs.block(unit, block).alone_us for block in blocks)
    except MissingEntryError:
        return None
