"""Jitter: how far what a segment takes scatters from run to run, on each unit.

Two units that meet wait for the one that happens to be later, and the more either scatters, the later that is. What counts is all that
makes one unit later than the other: runs differ within a visit, and from visit to visit, as segments lie elsewhere in memory then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from lut.statistics import MAD_TO_SD
from profiler.job_ids import NetworkId
from profiler.networks import network_samples
from profiler.plan import Network
from profiler.samples import SampleStore

_FEWEST_VISITS: Final = 6
"""Fewer visits tell no spread."""


def segment_jitter(store: SampleStore, unit: str, networks: Iterable[Network]) -> float | None:
    """Returns the relative standard deviation of the runs of networks' pieces: the median over all pieces, weighted by what they take.

    Robust: of normally distributed values it is 1.4826 times the median absolute deviation (slow spells make outliers). None where no
    network was visited often enough.
    """
    spreads, weights = [], []
    for network in networks:
        samples = network_samples(store, NetworkId.of(unit, network), network)
        if samples is None or len(samples.runs) < _FEWEST_VISITS:
            continue
        runs = np.concatenate(samples.runs, axis=1)
        middle = np.median(runs, axis=1)
        spreads += (MAD_TO_SD * np.median(np.abs(runs - middle[:, None]), axis=1) / middle).tolist()
        weights += middle.tolist()
    if not spreads:
        return None
    order = np.argsort(spreads)
    below = np.cumsum(np.array(weights)[order])
    return float(np.array(spreads)[order][np.searchsorted(below, below[-1] / 2)])
