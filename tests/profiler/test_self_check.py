"""What a profile finds out about itself, of times that were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lut.entries import CrossCheck
from profiler.network_costs import NetworkPiece, network_pieces
from profiler.self_check import cross_check
from tests.profiler.test_network_costs import NETWORKS, events, store_of

CALL_US = 2.0
PIECES = network_pieces(store_of(events(NETWORKS)), "cpu0", NETWORKS, CALL_US)


def checked(slowness: Callable[[NetworkPiece], float], *, seed: int = 0) -> CrossCheck:
    """The check of a unit whose pieces take so many times as long, with noise of 1.5 %."""
    noise = np.random.default_rng(seed).normal(0, 0.015, len(PIECES))
    pieces = [replace(piece, measured_us=piece.measured_us * slowness(piece) * np.exp(n)) for piece, n in zip(PIECES, noise, strict=True)]
    found = cross_check("cpu0", pieces, CALL_US)
    assert found is not None
    return found


def proven(found: CrossCheck) -> set[str]:
    return {trend.against for trend in found.trends if trend.is_proven}


def test_networks_that_were_left_out_are_predicted_and_nothing_is_proven_of_noise() -> None:
    found = [checked(lambda _: 1.0, seed=seed) for seed in range(6)]
    assert all(check.n == len(NETWORKS) for check in found)
    assert max(check.median_error for check in found) < 0.02
    assert max(abs(check.bias) for check in found) < 0.01
    assert sum(len(proven(check)) for check in found) <= 1


def test_a_cost_that_falls_along_the_network_is_found() -> None:
    """Data explains some of it, as early blocks have the most features; the rest shows in networks that are cut where those are."""
    found = checked(lambda piece: 1.3 - 0.3 * piece.position / max(len(piece.network) - 1, 1))
    assert "pieces" in proven(found)
    [trend] = [trend for trend in found.trends if trend.against == "position"]
    assert trend.effect > 0.02, "late pieces are predicted too high"


def test_a_cost_of_networks_in_few_pieces_is_found() -> None:
    found = checked(lambda piece: 1.3 if len(piece.network) < 8 else 1.0)
    assert proven(found) == {"pieces"}
    [trend] = [trend for trend in found.trends if trend.against == "pieces"]
    assert trend.effect > 0.1, "the fewer the pieces, the more is predicted too low"


def test_few_networks_are_not_checked() -> None:
    few = [piece for piece in PIECES if piece.network in NETWORKS[:5]]
    assert cross_check("cpu0", few, CALL_US) is None
