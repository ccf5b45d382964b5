"""Contention: how much slower a unit works while another one does, by class of block; 1 unless it is proven.

This is what is used of units that have no rehearsals; where there are some, they tell it (`profiler.together`).

Measured on the base as a network, which one unit runs in its pieces while the other runs one over and over: a block alone lives in the
nearest cache and does not feel what the other unit does to the memory behind it. The load is the base or, on a unit to which that is far
more work than to the first, its narrowest form: units that share a model get shares that take them about as long.

What a cache that both units use has to do with it is known already (`profiler.shared_caches`), and taken out first.

* **Pairs.** A visit alone is held against the loaded one of its own round, as it was sampled: the device's speed may change by half from
  one minute to the next, and what a sentinel says of it is of other moments than either visit. What is left of a change between the two is
  noise, the same in either direction.
* **Medians** tell what a pair is like: of the inferences of a visit, then of the ratios of all pairs. Medians are what is predicted, and
  means are carried by tails: of two cores of a shared machine (Intel Xeon), medians told 1.030, means 1.041.
* **Means** are right for two units that share a core: these take turns of milliseconds, in which most blocks meet nobody and the others
  wait for longer than they work, so that a median sees one turn more or one less. Over all inferences, the turns' mean is the factor.
* **Proof.** A factor is used if its logarithm is above 0 by 1.96 standard errors over pairs; by chance that happens once in 40 times. If
  it does not, or a unit seems to be *faster* beside another one (its clock rises, or the pairs were unlucky), the factor is 1, and what
  was measured stays in the tables beside its error. Six pairs are the fewest: five would all be slower by chance once in 32 times.
* **Classes.** Single classes are known less well than all pieces together, and what is noise in one is noise in all. So the pieces of a
  class are held against all pieces *within* each pair, where the noise of the pair cancels. A class that differs by 3 standard errors has
  a factor of its own; others share that of all pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import AnyBlock, Stem
from collab.units import UnitSpec, shared_cores
from lut.entries import Contention
from lut.prediction.costs import BLOCK_CLASSES, block_class
from lut.statistics import Z95, standard_error
from profiler.job_ids import JobId, LoadedId, NetworkId
from profiler.networks import PieceRuns, network_runs, network_samples
from profiler.plan import Network, loads_of
from profiler.samples import SampleStore

FEWEST_PAIRS: Final = 6
"""Fewer prove nothing."""
_DIFFERS: Final = 3.0
"""A class differs if its logarithm is more than so many standard errors from 0, in either direction.

Three classes are tested, and of a few dozen pairs the error itself is known but roughly: among 24 to 50 pairs with the noise of a shared
machine, chance made a class differ in 3 to 5 % of all cases.
"""


Explained: TypeAlias = Callable[[str, str, Network, Network, Sequence[int]], float]
"""The logarithm of how much longer these pieces of a network take on a unit, beside another one that runs a load, for known reasons."""


def nothing_explained(_unit: str, _other: str, _network: Network, _load: Network, _pieces: Sequence[int]) -> float:
    """Explains nothing."""
    return 0.0


@dataclass(frozen=True)
class Pairs:
    """Visits alone and loaded, each of the former with the one of the latter that was made in the same round of the same phase."""

    load: Network
    alone: tuple[PieceRuns, ...]
    loaded: tuple[PieceRuns, ...]


@dataclass(frozen=True)
class _Estimate:
    """A logarithm that is estimated over `n` pairs, and its standard error; None of a single pair."""

    log: float
    error: float | None
    n: int

    def is_beyond(self, errors: float) -> bool:
        """Whether the logarithm is more than so many standard errors from 0, and there are pairs enough to tell."""
        return self.n >= FEWEST_PAIRS and self.error is not None and abs(self.log) > errors * self.error

    @property
    def proven_factor(self) -> float:
        return math.exp(self.log) if self.log > 0 and self.is_beyond(Z95) else 1.0


def contention_factors(
    store: SampleStore, networks: Sequence[Network], units: Mapping[str, UnitSpec], explained: Explained = nothing_explained
) -> tuple[Contention, ...]:
    """Returns a factor per unit, block class and other unit; pairs of units that were not measured are left out.

    The stem is in one piece with the blocks after it, and gets that piece's factor. The openings of segments (class ``sync``) are in no
    network on one unit, and share the factor of all pieces together.

    Args:
        store: samples that are not corrected for drift.
        explained: tells what is known of it already.
    """
    found: list[Contention] = []
    for unit in units if networks else ():
        for other in units:
            pairs = _pairs(store, unit, other, networks)
            if pairs is not None:
                takes_turns = bool(shared_cores(units[unit], units[other]))
                found += _of_pairs(unit, other, networks[0], pairs, explained, takes_turns=takes_turns)
    return tuple(sorted(found, key=lambda entry: (entry.unit, entry.other, entry.block_class)))


def in_words(entry: Contention) -> str:
    """Says how much slower a unit is beside another one, with its 95 % interval, or how much may have been missed."""
    beside = f"while {entry.other} works"
    if entry.se is None or entry.n < FEWEST_PAIRS:
        return f"{entry.unit} not known {beside} (too few visits: {entry.n})"
    low, high = (entry.measured * math.exp(sign * Z95 * entry.se) for sign in (-1, 1))
    if entry.factor > 1:
        return f"{entry.unit} {entry.factor:.3f}x [{low:.3f}, {high:.3f}] {beside}"
    return f"{entry.unit} none proven {beside} (within +-{100 * max(1 - low, high - 1):.1f} %)"


def _pairs(store: SampleStore, unit: str, other: str, networks: Sequence[Network]) -> Pairs | None:
    """Returns the base alone and beside the load that takes the other unit about as long as the base takes this one; None of no pairs."""
    base = networks[0]
    known = {load: found for load in loads_of(networks) if (found := pairs_of(store, unit, other, base, load)) is not None}
    took_us = network_runs(store, base, [unit]).get(unit)

    def unlike(load: Network) -> float:
        load_us = network_runs(store, load, [other]).get(other)
        if took_us is None or load_us is None:
            return math.inf
        return abs(math.log(load_us.median_us / took_us.median_us))

    return known[min(known, key=unlike)] if known else None


def pairs_of(store: SampleStore, unit: str, other: str, network: Network, load: Network) -> Pairs | None:
    """Returns the visits of a network alone and beside a load, by rounds; None of none."""
    alone = _by_round(store, NetworkId.of(unit, network), network)
    loaded = _by_round(store, LoadedId.of(unit, other, network, load), network)
    rounds = sorted(alone.keys() & loaded.keys())
    return Pairs(load, tuple(alone[at] for at in rounds), tuple(loaded[at] for at in rounds)) if rounds else None


def _by_round(store: SampleStore, job: JobId, network: Network) -> dict[tuple[int, int], PieceRuns]:
    """Returns the visits of a network's job by phase and round; none where it was not measured."""
    samples = network_samples(store, job, network)
    if samples is None:
        return {}
    visits = zip(samples.phases, samples.visits, samples.runs, strict=True)
    return {(phase, visit.round): runs for phase, visit, runs in visits}


def _of_pairs(unit: str, other: str, network: Network, pairs: Pairs, explained: Explained, *, takes_turns: bool) -> list[Contention]:
    """Returns the factors of one unit beside another."""

    def unexplained(pieces: Sequence[int]) -> npt.NDArray[np.float64]:
        return log_ratios(pairs, pieces, takes_turns=takes_turns) - explained(unit, other, network, pairs.load, pieces)

    together = unexplained(range(len(network)))
    common = _estimate(together, takes_turns=takes_turns)
    found = []
    for name in BLOCK_CLASSES:
        pieces = _pieces_of(name, network)
        if pieces or name == "sync":
            own = unexplained(pieces) if pieces else together
            is_own = bool(np.all(np.isfinite(own))) and _estimate(own - together, takes_turns=takes_turns).is_beyond(_DIFFERS)
            used = _estimate(own, takes_turns=takes_turns) if is_own else common
            found.append(
                Contention(unit, name, other, used.proven_factor, math.exp(used.log), used.error, used.n, pooled=not is_own),
            )
    return found


def _pieces_of(name: str, network: Network) -> list[int]:
    """Returns the numbers of the pieces that tell of a class; blocks after a stem have more work than it."""
    if name == "stem":
        return [number for number, piece in enumerate(network) if isinstance(piece[0], Stem)]
    return [number for number, piece in enumerate(network) if _class_of(piece) == name]


def _class_of(piece: Sequence[AnyBlock]) -> str:
    return BLOCK_CLASSES[block_class(piece[-1])]


def log_ratios(pairs: Pairs, pieces: Sequence[int], *, takes_turns: bool) -> npt.NDArray[np.float64]:
    """Returns for each pair the logarithm of what pieces took loaded, over what they took alone; not finite where that was nothing.

    For units that take turns, whose factor is the ratio of two means over pairs: its logarithm plus how far it changes with the pair
    (the influence function), so that the values' mean is that logarithm and their spread tells its error.
    """
    alone, loaded = (_took(visits, pieces, takes_turns=takes_turns) for visits in (pairs.alone, pairs.loaded))
    with np.errstate(divide="ignore", invalid="ignore"):
        if not takes_turns:
            ratios: npt.NDArray[np.float64] = np.log(loaded) - np.log(alone)
        else:
            ratios = np.log(loaded.mean()) - np.log(alone.mean()) + loaded / loaded.mean() - alone / alone.mean()
    return ratios


def _took(visits: Sequence[PieceRuns], pieces: Sequence[int], *, takes_turns: bool) -> npt.NDArray[np.float64]:
    """Returns what pieces took together in each visit, in nanoseconds: in the median inference, or in the mean one."""
    sums = [runs[list(pieces)].sum(axis=0) for runs in visits]
    return np.array([runs.mean() if takes_turns else np.median(runs) for runs in sums], dtype=np.float64)


def _estimate(values: npt.NDArray[np.float64], *, takes_turns: bool) -> _Estimate:
    """Estimates what is common to the values of all pairs: their mean for units that take turns, else their median."""
    n = len(values)
    if takes_turns:
        return _Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else None, n)
    return _Estimate(float(np.median(values)), standard_error(values.tolist()), n)
