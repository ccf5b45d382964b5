"""Shared caches: how much of what one unit touches pushes another one's data farther away.

Two units that have a cache in common share what it holds. A network then takes longer beside another one as if its own reuse distance had
grown by a share of the other's. The share is found from networks that were run alone and beside a load, in pairs of visits (as
`profiler.contention` has them): a narrow one, which the cache holds as long as it is alone, and the base. The costs that were fitted to
networks alone say what each would take at the longer distance; the share is the one whose ratios come nearest to the measured ones, by
their errors.

A share is 0 unless the measured ratios are better explained with it than without, beyond what chance does in 1 of 20 cases (likelihood
ratio; Wilks, Annals of Mathematical Statistics 9, 1938). Its standard error is half the width of what fits within 1 of the best.

Where two units have rehearsals, these tell the share instead (`profiler.together`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.units import UnitSpec, shared_cores
from lut.entries import SharedCache
from lut.prediction.reuse import features_mb, weights_mb
from lut.statistics import standard_error
from profiler.contention import FEWEST_PAIRS, log_ratios, pairs_of
from profiler.network_costs import NetworkCosts, NetworkPiece
from profiler.plan import Network, loads_of
from profiler.samples import SampleStore

_Floats: TypeAlias = npt.NDArray[np.float64]
_SHARES: Final = np.linspace(0.0, 1.0, 65)
_CHANCE: Final = 3.84
"""Chi-squared of one degree of freedom exceeds it in 1 of 20 cases."""
_LEAST_ERROR: Final = 1e-3


@dataclass(frozen=True)
class _Ratio:
    """The logarithm of how much longer a network takes beside a load: measured over `n` pairs, with its error, and with each share."""

    log: float
    error: float
    n: int
    expected: _Floats


@dataclass(frozen=True)
class SharedCaches:
    """The shares between units, and what follows from them."""

    entries: tuple[SharedCache, ...]
    costs: Mapping[str, NetworkCosts]

    def explained(self, unit: str, other: str, network: Network, load: Network, pieces: Sequence[int]) -> float:
        """Returns the logarithm of how much longer these pieces take on a unit because another one runs a load (`contention.Explained`)."""
        share = next((entry.share for entry in self.entries if (entry.unit, entry.other) == (unit, other)), 0.0)
        if share == 0.0:
            return 0.0
        found = _pieces_of(self.costs[unit], network)
        chosen = [piece for piece in found if piece.position in pieces]
        return _log_ratio(self.costs[unit], chosen, share * _load_mb(self.costs[other], load)) if chosen else 0.0


def shared_caches(
    store: SampleStore, networks: Sequence[Network], units: Mapping[str, UnitSpec], costs: Mapping[str, NetworkCosts]
) -> SharedCaches:
    """Returns the share between every two units whose costs in networks are known and that were run beside each other.

    Units that share a core take turns on it, and their times tell nothing finer.

    Args:
        store: samples that are not corrected for drift.
    """
    entries = []
    for unit, other in permutations(costs, 2):
        if not shared_cores(units[unit], units[other]):
            ratios = list(_ratios(store, unit, other, networks, costs))
            if ratios:
                entries.append(_fitted(unit, other, ratios))
    return SharedCaches(tuple(entries), costs)


def _ratios(store: SampleStore, unit: str, other: str, networks: Sequence[Network], costs: Mapping[str, NetworkCosts]) -> Iterable[_Ratio]:
    for network, load in product(loads_of(networks), repeat=2):
        pairs, pieces = pairs_of(store, unit, other, network, load), _pieces_of(costs[unit], network)
        if pairs is None or len(pairs.alone) < FEWEST_PAIRS or not pieces:
            continue
        logs = log_ratios(pairs, [piece.position for piece in pieces], takes_turns=False)
        error = standard_error(logs.tolist())
        if error is not None and np.all(np.isfinite(logs)):
            load_mb = _load_mb(costs[other], load)
            expected = np.array([_log_ratio(costs[unit], pieces, share * load_mb) for share in _SHARES.tolist()])
            yield _Ratio(float(np.median(logs)), max(error, _LEAST_ERROR), len(logs), expected)


def _fitted(unit: str, other: str, ratios: Sequence[_Ratio]) -> SharedCache:
    misfit = np.sum([((ratio.log - ratio.expected) / ratio.error) ** 2 for ratio in ratios], axis=0)
    best = int(np.argmin(misfit))
    close = _SHARES[misfit <= misfit[best] + 1.0]
    share = float(_SHARES[best])
    is_proven = misfit[0] - misfit[best] > _CHANCE
    error = max(float(close.max() - close.min()) / 2, float(_SHARES[1]) / 2)
    return SharedCache(unit, other, share if is_proven else 0.0, share, error, sum(ratio.n for ratio in ratios))


def _pieces_of(costs: NetworkCosts, network: Network) -> list[NetworkPiece]:
    return [piece for piece in costs.pieces if piece.network == network]


def _load_mb(costs: NetworkCosts, load: Network) -> float:
    """Returns the reuse distance of a unit that runs a network over and over as one segment."""
    blocks = [block for piece in load for block in piece]
    return sum(map(weights_mb, blocks)) + costs.features_share * max(map(features_mb, blocks))


def _log_ratio(costs: NetworkCosts, pieces: Sequence[NetworkPiece], beside_mb: float) -> float:
    alone, beside = (costs.costs.predict_us(pieces, costs.call_alone_us, beside_mb=mb).sum() for mb in (0.0, beside_mb))
    return math.log(beside / alone)
