"""Simpler predictions from the same measurements, to hold a certificate against.

Each is a pair of tables with other numbers in it, replayed like the real ones: branches still wait for each other at every sync.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from collab.blocks import parse_any_key
from lut.entries import Measured
from lut.tables import BlockRow, Tables

ISOLATED: Final = "isolated_sum"
MACS: Final = "macs"


def baselines(tables: Tables) -> dict[str, Tables]:
    """Returns the simpler tables by name; ``macs`` only where a network was run on every unit, which sets its scale."""
    found = {ISOLATED: _with_costs(tables, lambda row: row.median_us)}
    if _macs(tables) and set(tables.meta.network_runs) >= set(tables.meta.units):
        rates = _us_per_mac(tables)
        found[MACS] = _with_costs(tables, lambda row: rates[row.unit] * parse_any_key(row.block).macs)
    return found


def _with_costs(tables: Tables, cost_us: Callable[[BlockRow], float | None]) -> Tables:
    """Returns tables with other costs of blocks, with free calls and hand-overs, and without contention."""
    free = Measured(0.0, 0.0, 1)
    blocks = tuple(replace(row, marginal_us=cost_us(row)) for row in tables.blocks)
    transfers = tuple(replace(row, claim_us=0.0, read_us=0.0, wakeup_us=0.0, write_us=0.0) for row in tables.transfers)
    calls = dict.fromkeys(tables.meta.units, free)
    meta = replace(tables.meta, call_in_network=calls, block_in_network={}, reuse=(), shared_caches=(), contention=(), jitter={})
    return Tables(blocks, transfers, meta)


def _us_per_mac(tables: Tables) -> Mapping[str, float]:
    """Returns for each unit what its network took, divided by the multiplications and additions of that network."""
    return {unit: run.median_us / _macs(tables) for unit, run in tables.meta.network_runs.items()}


def _macs(tables: Tables) -> int:
    return sum(parse_any_key(key).macs for piece in tables.meta.network for key in piece)
