"""Contention: how much slower a unit works while another one does, by class of block.

Measured on the base as a network, which one unit runs in its pieces while the other runs one over and over: a block alone lives in the
nearest cache and does not feel what the other unit does to the memory behind it. The load is the base or, on a unit to which that is far
more work than to the first, its narrowest form: units that share a model get shares that take them about as long. What counts is the mean,
not the median: where two units share a core they take turns of milliseconds, and most blocks are through within a turn, or take a whole
one longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from collab.blocks import Block, Stem
from lut.meta import Contention
from lut.prediction.costs import BLOCK_CLASSES, block_class
from profiler.job_ids import LoadedId, NetworkId
from profiler.networks import NetworkSamples, network_runs, network_samples
from profiler.plan import LOADS, Network
from profiler.samples import SampleStore


def contention_factors(store: SampleStore, networks: Sequence[Network], units: Iterable[str]) -> tuple[Contention, ...]:
    """Returns a factor per unit, block class and other unit; pairs that were not measured are left out.

    The stem is in one piece with the blocks after it, and gets that piece's factor. The openings of segments (class ``sync``) are in no
    network on one unit, and get the factor of all pieces together.
    """
    units = list(units)
    found: list[Contention] = []
    for unit in units if networks else []:
        alone = network_samples(store, NetworkId.of(unit, networks[0]), networks[0])
        for other in units:
            loaded = _loaded(store, unit, other, networks)
            if alone is not None and loaded is not None:
                found += _of_pair(unit, other, networks[0], alone, loaded)
    return tuple(sorted(found, key=lambda entry: (entry.unit, entry.other, entry.block_class)))


def _loaded(store: SampleStore, unit: str, other: str, networks: Sequence[Network]) -> NetworkSamples | None:
    """Returns the samples of the base beside the load that takes the other unit about as long as the base takes this one."""
    samples = {load: network_samples(store, LoadedId.of(unit, other, networks[0], load), networks[0]) for load in networks[:LOADS]}
    known = [load for load, found in samples.items() if found is not None]
    if not known:
        return None
    took_us = network_runs(store, networks[0], [unit]).get(unit)

    def unlike(load: Network) -> float:
        load_us = network_runs(store, load, [other]).get(other)
        if took_us is None or load_us is None:
            return math.inf
        return abs(math.log(load_us.median_us / took_us.median_us))

    return samples[min(known, key=unlike)]


def _of_pair(unit: str, other: str, network: Network, alone: NetworkSamples, loaded: NetworkSamples) -> list[Contention]:
    """Returns the factors of one unit beside another: what the pieces of each class took loaded, over what they took alone."""
    n = sum(len(visit.total_ns) for visit in loaded.visits)
    pieces_of_class = {name: [number for number, piece in enumerate(network) if _class_of(piece) == name] for name in BLOCK_CLASSES}
    pieces_of_class["stem"] = [number for number, piece in enumerate(network) if isinstance(piece[0], Stem)]
    pieces_of_class["sync"] = list(range(len(network)))
    return [
        Contention(unit, name, other, _interquartile_mean_ns(loaded, pieces) / alone_ns, n)
        for name, pieces in pieces_of_class.items()
        if pieces and (alone_ns := _interquartile_mean_ns(alone, pieces)) > 0
    ]


def _class_of(piece: Sequence[Block]) -> str:
    """Returns the class of the last block: blocks after a stem have more work than it."""
    return BLOCK_CLASSES[block_class(piece[-1])]


def _interquartile_mean_ns(samples: NetworkSamples, pieces: Sequence[int]) -> float:
    """Returns what the pieces took together: the interquartile mean over visits of each visit's mean (slow spells make outliers)."""
    means = np.sort([float(runs[list(pieces)].sum(axis=0).mean()) for runs in samples.runs])
    quarter = len(means) // 4
    return float(means[quarter : len(means) - quarter].mean())
