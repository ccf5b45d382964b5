"""Costs in a running network: what a call and a block's code cost, and what data costs by how long ago it was used.

A block alone, over and over, finds its weights, its buffers and the runtime's own code in the nearest cache; in a network, others have been
there in between. So networks of many widths, cut in many ways, are run as well, and every piece of them gives an equation in the costs that
`lut.prediction.reuse` describes:

    time of the piece  =  call  +  blocks x code  +  sum of times alone  +  what its data costs more than alone

Its unknowns are the unit's cost of a call, what each block's code costs, and how much each of two curves, of weights and of features, rises
with the reuse distance. All are at least 0: data that was used longer ago is never nearer. They are fitted by non-negative least squares
(Lawson and Hanson) in which residuals larger than usual count by their size instead of its square (Huber: pieces that met a slow spell do
not drag the others along). Wide and narrow networks, in few pieces and in many, tell the distances apart, and so how much features count in
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import AnyBlock
from lut.entries import Fit, Measured, ReuseCost, Timed
from lut.prediction.reuse import DISTANCES_MB, FEATURES, WEIGHTS, curve_of, features_mb, rises, weights_mb
from profiler.alone import measured_alone_us
from profiler.job_ids import NetworkId
from profiler.networks import network_samples
from profiler.plan import Network
from profiler.samples import SampleStore

_Floats: TypeAlias = npt.NDArray[np.float64]
_RISES: Final = len(DISTANCES_MB) - 1
FEATURES_SHARES: Final = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
"""Shares of features in the distance that are tried."""
_RIDGE: Final = 1e-3
"""Weight of a cost of 0 for what no piece tells, where a piece of 1 us that is off by its whole time weighs 1."""
_REWEIGHTINGS: Final = 12
_CLOSE: Final = 0.01
"""Residuals of at most this fraction count in full, however small most others are."""


@dataclass(frozen=True)
class NetworkPiece:
    """A piece of a network that a unit ran: what it took (the median of its visits' medians), and what its blocks take alone, calls apart.

    `weights_mb` and `arenas_mb` are those of the whole network, an arena for each piece.
    """

    network: Network
    position: int
    measured_us: float
    alone_us: float
    weights_mb: float
    arenas_mb: float

    @property
    def blocks(self) -> tuple[AnyBlock, ...]:
        return self.network[self.position]

    def distance_mb(self, features_share: float) -> float:
        """Returns the reuse distance in its network."""
        return self.weights_mb + features_share * self.arenas_mb


@dataclass(frozen=True)
class FittedCosts:
    """Costs on top of times alone: of a call, of a block's code, and by how much the two curves rise in each step of the distance.

    `loss` is what is left, in the terms of the fit.
    """

    features_share: float
    call_us: float
    block_us: float
    weights_rise_us: _Floats
    features_rise_us: _Floats
    loss: float

    def predict_us(self, pieces: Sequence[NetworkPiece], call_us: float, *, beside_mb: float = 0.0) -> _Floats:
        """Returns what pieces take in their networks; `call_us` is what a call takes alone.

        Args:
            beside_mb: what another unit adds to their reuse distance.
        """
        costs = np.array([self.call_us, self.block_us, *self.weights_rise_us, *self.features_rise_us])
        found: _Floats = _fixed_us(pieces, call_us) + _unknown(pieces, self.features_share, beside_mb) @ costs
        return found


@dataclass(frozen=True)
class NetworkCosts:
    """The fit of one unit. `call`: the cost of a call in a running network, with n pieces and the median of their absolute residuals.

    `fitted_us` is what the fit gives for each of `pieces`.
    """

    call: Measured
    block_us: float
    features_share: float
    reuse: tuple[ReuseCost, ...]
    fit: Fit
    pieces: tuple[NetworkPiece, ...]
    fitted_us: tuple[float, ...]
    costs: FittedCosts
    call_alone_us: float


def fit_network_costs(store: SampleStore, unit: str, networks: Iterable[Network], call_alone: Timed) -> NetworkCosts | None:
    """Returns the costs of a unit in running networks; None where no network was run, or none whose blocks were timed alone."""
    pieces = network_pieces(store, unit, networks, call_alone.median_us)
    if not pieces:
        return None
    costs = fitted_costs(pieces, call_alone.median_us)
    fitted = costs.predict_us(pieces, call_alone.median_us)
    measured = np.array([piece.measured_us for piece in pieces])
    off = np.abs(fitted - measured)
    shares = off / measured
    curves = {WEIGHTS: costs.weights_rise_us, FEATURES: costs.features_rise_us}
    return NetworkCosts(
        call=Measured(call_alone.median_us + costs.call_us, float(np.median(off)), len(pieces)),
        block_us=costs.block_us,
        features_share=costs.features_share,
        reuse=tuple(ReuseCost(unit, what, *curve_of(rise), n=len(pieces)) for what, rise in curves.items()),  # type: ignore[arg-type]
        fit=Fit(unit, len(pieces), float(np.median(shares)), float(np.percentile(shares, 95))),
        pieces=tuple(pieces),
        fitted_us=tuple(fitted.tolist()),
        costs=costs,
        call_alone_us=call_alone.median_us,
    )


def fitted_costs(pieces: Sequence[NetworkPiece], call_us: float, *, features_shares: Sequence[float] = FEATURES_SHARES) -> FittedCosts:
    """Fits costs to at least one piece, with the one of several shares that leaves least; `call_us` is what a call takes alone."""
    return min((_fitted(pieces, call_us, share) for share in features_shares), key=lambda costs: costs.loss)


def _fitted(pieces: Sequence[NetworkPiece], call_us: float, features_share: float) -> FittedCosts:
    measured = np.array([piece.measured_us for piece in pieces])
    found, loss = _solve(_unknown(pieces, features_share), measured - _fixed_us(pieces, call_us), np.sqrt(measured))
    return FittedCosts(features_share, float(found[0]), float(found[1]), found[2 : 2 + _RISES], found[2 + _RISES :], loss)


def _fixed_us(pieces: Sequence[NetworkPiece], call_us: float) -> _Floats:
    return np.array([call_us + piece.alone_us for piece in pieces])


def network_pieces(store: SampleStore, unit: str, networks: Iterable[Network], call_us: float) -> list[NetworkPiece]:
    """Returns the pieces of all networks that a unit ran, as far as their blocks were timed alone."""
    pieces: list[NetworkPiece] = []
    for network in networks:
        samples = network_samples(store, NetworkId.of(unit, network), network)
        if samples is None:
            continue
        weights = sum(weights_mb(block) for blocks in network for block in blocks)
        arenas = sum(max(map(features_mb, blocks)) for blocks in network)
        for position, (blocks, measured_us) in enumerate(zip(network, samples.pieces_us, strict=True)):
            alone = [measured_alone_us(store, unit, block, call_us) for block in blocks]
            known = [us for us in alone if us is not None]
            if len(known) == len(blocks) and measured_us > 0:
                pieces.append(NetworkPiece(network, position, measured_us, sum(known), weights, arenas))
    return pieces


def _unknown(pieces: Sequence[NetworkPiece], features_share: float, beside_mb: float = 0.0) -> _Floats:
    """Returns the equations' terms, (pieces, unknown costs): calls, blocks, and the megabytes that come from farther away than alone in
    each step of the distance, those of weights, then those of features.
    """
    own = {block: (weights_mb(block), features_mb(block)) for piece in pieces for block in piece.blocks}
    blocks = list(own)
    near = rises(np.array([weights + features_share * features for weights, features in own.values()]))
    number = {block: index for index, block in enumerate(blocks)}
    there = rises(np.array([piece.distance_mb(features_share) + beside_mb for piece in pieces]))
    terms = np.zeros((len(pieces), 2 + 2 * _RISES))
    for row, (piece, farther) in enumerate(zip(pieces, there, strict=True)):
        terms[row, :2] = 1.0, len(piece.blocks)
        for block in piece.blocks:
            terms[row, 2 : 2 + _RISES] += own[block][0] * (farther - near[number[block]])
        largest = max(piece.blocks, key=lambda block: own[block][1])
        terms[row, 2 + _RISES :] = own[largest][1] * (farther - near[number[largest]])
    return terms


def _solve(terms: _Floats, wanted: _Floats, scale: _Floats) -> tuple[_Floats, float]:
    """Returns the factors, at least 0, of the (pieces, terms) that come nearest to what is wanted (us), residuals divided by `scale`.

    Iteratively reweighted non-negative least squares with Huber weights. Also returns the mean absolute residual.
    """
    from scipy.optimize import nnls

    rows, targets = terms / scale[:, None], wanted / scale
    ridge = _RIDGE * np.eye(terms.shape[1])
    nothing = np.zeros(terms.shape[1])
    weights = np.ones(len(rows))
    close = _CLOSE * float(np.median(scale))
    found = nothing
    for _ in range(_REWEIGHTINGS):
        found = nnls(np.concatenate([rows * weights[:, None], ridge]), np.concatenate([targets * weights, nothing]))[0]
        off = np.abs(rows @ found - targets)
        usual = max(float(np.median(off)), close)
        weights = 1 / np.sqrt(np.maximum(off, usual) / usual)
    return np.asarray(found, dtype=np.float64), float(np.mean(np.abs(rows @ found - targets)))
