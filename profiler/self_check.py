"""Self-check: whether the costs of a unit hold for networks that they were not fitted to, whatever these are like.

Each network is left out of the fit in turn, and predicted by the others. The errors that remain must not go with anything: not with the
megabytes that it touches, the width of the blocks or the number of pieces, nor along a network with the position. What does go with one of
them is a *trend*: a cost that the model does not have, and that will show in every prediction of such a network. A straight line is laid
through the errors. Its standard error is that of leaving out each network in turn (jackknife; Tukey, Bias and confidence in not quite large
samples, Annals of Mathematical Statistics 29, 1958), since pieces of one network are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import AnyBlock, MBConv
from lut.entries import CrossCheck, Trend
from profiler.network_costs import NetworkPiece, fitted_costs
from profiler.plan import Network

_Floats: TypeAlias = npt.NDArray[np.float64]
_FEWEST: Final = 6
"""Fewer networks tell no trend from chance."""
_FAR_OFF: Final = 0.2
"""An error beyond it is a slow spell rather than a cost, and counts as this."""
_RANGE: Final = (10.0, 90.0)
"""Percentiles of a quantity between which the effect of its trend is given."""


@dataclass(frozen=True)
class _Errors:
    """Errors of networks that were left out: of each piece, predicted over measured, and the number of its network."""

    pieces: tuple[NetworkPiece, ...]
    network: npt.NDArray[np.int64]
    predicted_us: _Floats

    @property
    def measured_us(self) -> _Floats:
        return np.array([piece.measured_us for piece in self.pieces])

    def of_networks(self) -> _Floats:
        """Returns the error of each network as a whole, as a fraction."""
        predicted, measured = (np.bincount(self.network, weights=us) for us in (self.predicted_us, self.measured_us))
        errors: _Floats = predicted / measured - 1
        return errors

    def along(self) -> _Floats:
        """Returns the error of each piece, apart from that of its network."""
        errors: _Floats = self.predicted_us / self.measured_us / (1 + self.of_networks()[self.network]) - 1
        return errors


def cross_check(unit: str, pieces: Sequence[NetworkPiece], call_us: float) -> CrossCheck | None:
    """Returns how far networks that were left out of the fit are predicted, and what their errors go with; None of too few networks."""
    errors = _errors(pieces, call_us)
    if errors is None:
        return None
    of_networks = errors.of_networks()
    return CrossCheck(
        unit=unit,
        n=len(of_networks),
        median_error=float(np.median(np.abs(of_networks))),
        bias=float(np.median(of_networks)),
        trends=tuple(_trend(against, *found) for against, found in _quantities(errors).items()),
    )


def _errors(pieces: Sequence[NetworkPiece], call_us: float) -> _Errors | None:
    networks: dict[Network, int] = {}
    for piece in pieces:
        networks.setdefault(piece.network, len(networks))
    if len(networks) < _FEWEST:
        return None
    number = np.array([networks[piece.network] for piece in pieces])
    predicted = np.zeros(len(pieces))
    shares = (fitted_costs(pieces, call_us).features_share,)
    for left in range(len(networks)):
        out = number == left
        others = [piece for piece, is_out in zip(pieces, out, strict=True) if not is_out]
        costs = fitted_costs(others, call_us, features_shares=shares)
        predicted[out] = costs.predict_us([piece for piece, is_out in zip(pieces, out, strict=True) if is_out], call_us)
    return _Errors(tuple(pieces), number, predicted)


def _quantities(errors: _Errors) -> Mapping[str, tuple[_Floats, _Floats, npt.NDArray[np.int64]]]:
    """Returns by name a quantity, the errors that may go with it, and the number of the network of each."""
    whole, numbers = errors.of_networks(), np.arange(max(errors.network) + 1)
    some = [errors.pieces[int(np.argmax(errors.network == number))] for number in numbers]
    position = np.array([piece.position / max(len(piece.network) - 1, 1) for piece in errors.pieces])
    return {
        "footprint_mb": (np.array([piece.distance_mb(1.0) for piece in some]), whole, numbers),
        "width": (np.array([_width(piece.network) for piece in some]), whole, numbers),
        "pieces": (np.array([float(len(piece.network)) for piece in some]), whole, numbers),
        "position": (position, errors.along(), errors.network),
    }


def _width(network: Network) -> float:
    """Returns the mean expansion channels of a network's MBConvs; 0 of a network that has none."""
    blocks: list[AnyBlock] = [block for piece in network for block in piece]
    widths = [block.exp_c for block in blocks if isinstance(block, MBConv)]
    return float(np.mean(widths)) if widths else 0.0


def _trend(against: str, quantity: _Floats, errors: _Floats, networks: npt.NDArray[np.int64]) -> Trend:
    """Returns the trend of errors against a quantity; each has the number of its network."""
    low, high = (float(value) for value in np.percentile(quantity, _RANGE))
    clipped = np.clip(errors, -_FAR_OFF, _FAR_OFF)
    effect = _slope(quantity, clipped) * (high - low)
    each = np.unique(networks)
    without = np.array([_slope(quantity[networks != one], clipped[networks != one]) for one in each]) * (high - low)
    variance = (len(each) - 1) / len(each) * float(np.sum((without - without.mean()) ** 2))
    return Trend(against, low, high, effect, float(np.sqrt(variance)))


def _slope(quantity: _Floats, errors: _Floats) -> float:
    """Returns the slope of the least-squares line; 0 where the quantity does not vary."""
    apart = quantity - quantity.mean()
    spread = float(apart @ apart)
    return float(apart @ errors) / spread if spread > 0 else 0.0
