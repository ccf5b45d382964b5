"""Marginal costs: what a block adds inside a segment, and what a call of a segment costs, in a running network.

A block alone, over and over, finds its weights, its input and the runtime's own code in the nearest cache; in a network, others have been
there in between. So networks of many widths, cut in many ways, are run as well, and every piece of them gives an equation:

    time of the piece  =  cost of a call  +  sum over its blocks of  factor(class, size) * (time alone - call alone)

Its unknowns are the unit's cost of a call and one factor per class and size of block. They are fitted by least squares in which residuals
larger than usual count by their size instead of its square (Huber: pieces that met a slow spell do not drag the others along), and drawn
to the times alone where no piece says anything. Pieces of one block and of many are in it, so what a boundary between segments costs and
what a block costs can be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import Block
from lut.meta import Fit, Measured, NetworkFactor, Timed
from lut.prediction.costs import BLOCK_CLASSES, block_class
from profiler.alone import measured_alone_us
from profiler.job_ids import NetworkId
from profiler.networks import network_samples
from profiler.plan import Network
from profiler.samples import SampleStore

_Floats: TypeAlias = npt.NDArray[np.float64]
_BlockKind: TypeAlias = tuple[str, int]
"""Class of a block and size of its input features: blocks of one kind have a factor in common."""
_FACTORS: Final = (0.5, 4.0)
_PRIOR: Final = 0.1
"""Weight of a factor of 1 in the fit, where a piece of 1 us that is off by its whole time weighs 1."""
_PRIOR_CALL: Final = 0.01
_REWEIGHTINGS: Final = 12
_CLOSE: Final = 0.01
"""Residuals of at most this fraction count in full, however small most others are."""


@dataclass(frozen=True)
class Marginals:
    """The fit of one unit. `call`: the cost of a call in a running network, with n pieces and the median of their absolute residuals."""

    call: Measured
    in_network: tuple[NetworkFactor, ...]
    fit: Fit


@dataclass(frozen=True)
class _Piece:
    alone_us: Mapping[_BlockKind, float]
    """The sum of what its blocks take alone, for each kind of block in it."""
    measured_us: float


def fit_marginals(store: SampleStore, unit: str, networks: Iterable[Network], call_alone: Timed) -> Marginals | None:
    """Returns the costs of a unit in running networks; None where no network was run, or none whose blocks were timed alone."""
    pieces = _pieces(store, unit, networks, call_alone.median_us)
    if not pieces:
        return None
    kinds = sorted({kind for piece in pieces for kind in piece.alone_us})
    alone = np.array([[piece.alone_us.get(kind, 0.0) for kind in kinds] for piece in pieces])
    measured = np.array([piece.measured_us for piece in pieces])
    call_us, factors = _solve(alone, measured, call_alone.median_us)
    residuals = call_us + alone @ factors - measured
    shares = np.abs(residuals) / measured
    counts = [int(np.count_nonzero(column)) for column in alone.T]
    return Marginals(
        Measured(call_us, float(np.median(np.abs(residuals))), len(pieces)),
        tuple(NetworkFactor(unit, *kind, float(f), n) for kind, f, n in zip(kinds, factors, counts, strict=True)),
        Fit(unit, len(pieces), float(np.median(shares)), float(np.percentile(shares, 95))),
    )


def in_network_factor(contexts: Iterable[NetworkFactor], unit: str, block: Block) -> float:
    """Returns how many times as long a block takes in a running network as alone; 1 where its class is in no network.

    The factor of the kind of its class and of the nearest size (as a ratio). What opens a segment is like the MBConvs around it.
    """
    name, size = _kind(block)
    name = "mbconv" if name == "sync" else name
    candidates = [entry for entry in contexts if entry.unit == unit and entry.block_class == name]
    return min(candidates, key=lambda entry: abs(np.log(entry.size / size))).factor if candidates else 1.0


def _kind(block: Block) -> _BlockKind:
    return BLOCK_CLASSES[block_class(block)], block.in_shapes[0][1]


def _pieces(store: SampleStore, unit: str, networks: Iterable[Network], call_us: float) -> list[_Piece]:
    """Returns the pieces of all networks that were run, each with its median time."""
    pieces: list[_Piece] = []
    for network in networks:
        samples = network_samples(store, NetworkId.of(unit, network), network)
        if samples is None:
            continue
        for piece, measured_us in zip(network, samples.pieces_us, strict=True):
            alone_us = _alone_us(store, unit, piece, call_us)
            if alone_us is not None and measured_us > 0:
                pieces.append(_Piece(alone_us, measured_us))
    return pieces


def _alone_us(store: SampleStore, unit: str, piece: Sequence[Block], call_us: float) -> dict[_BlockKind, float] | None:
    """Returns the times alone of the blocks of a piece, summed by kind; None where one of them was not measured."""
    found: dict[_BlockKind, float] = {}
    for block in piece:
        alone_us = measured_alone_us(store, unit, block, call_us)
        if alone_us is None:
            return None
        found[_kind(block)] = found.get(_kind(block), 0.0) + alone_us
    return found


def _solve(alone: _Floats, measured: _Floats, call_alone_us: float) -> tuple[float, _Floats]:
    """Returns the cost of a call (microseconds) and the factor of each kind of block; `alone` is (pieces, kinds).

    Iteratively reweighted least squares with Huber weights, residuals divided by the root of the measured time,
    within bounds, and with a ridge towards the cost of a call alone and factors of 1.
    """
    from scipy.optimize import lsq_linear

    count = alone.shape[1]
    terms = np.concatenate([np.ones((len(alone), 1)), alone], axis=1) / np.sqrt(measured)[:, None]
    wanted = np.sqrt(measured)
    prior = np.diag([_PRIOR_CALL, *[_PRIOR] * count])
    towards = prior @ np.array([call_alone_us, *[1.0] * count])
    # In a network a call is never cheaper than over and over.
    bounds = ([call_alone_us] + [_FACTORS[0]] * count, [np.inf] + [_FACTORS[1]] * count)
    weights = np.ones(len(alone))
    close = _CLOSE * float(np.median(wanted))
    for _ in range(_REWEIGHTINGS):
        matrix = np.concatenate([terms * weights[:, None], prior])
        solution = lsq_linear(matrix, np.concatenate([wanted * weights, towards]), bounds=bounds).x
        off = np.abs(terms @ solution - wanted)
        usual = max(float(np.median(off)), close)
        weights = 1 / np.sqrt(np.maximum(off, usual) / usual)
    return float(solution[0]), np.asarray(solution[1:], dtype=np.float64)
