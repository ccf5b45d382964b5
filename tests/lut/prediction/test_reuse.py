"""Reuse distances and what they cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.blocks import parse_key
from collab.placement import Placement
from lut.entries import ReuseCost
from lut.prediction.model_latency import predict
from lut.prediction.reuse import DISTANCES_MB, FEATURES, WEIGHTS, ReuseCurve, curve_of, features_mb, rises, weights_mb
from tests.search.made import BASE, REUSE, costs

RISES = st.lists(st.sampled_from([0.0, 0.0, 1.0, 25.0]), min_size=len(DISTANCES_MB) - 1, max_size=len(DISTANCES_MB) - 1)


def test_a_block_has_the_features_of_its_largest_operator_at_hand() -> None:
    value = 4 / 1e6
    assert features_mb(parse_key("mbconv_14_k3s1_64-384-64_relu6")) == 14 * 14 * (64 + 2 * 384) * value, "the input is kept to be added"
    assert features_mb(parse_key("mbconv_14_k3s2_64-384-96_relu6")) == (14 * 14 * 384 + 7 * 7 * 384) * value
    assert features_mb(parse_key("mbconv_112_k3s1_32-32-16_relu6")) == 112 * 112 * 64 * value, "nothing is expanded"
    assert features_mb(parse_key("head_7_k1s1_320-1280-1000_relu6")) == 7 * 7 * (320 + 1280) * value
    assert features_mb(parse_key("add_14_64x3")) == 14 * 14 * 64 * 4 * value
    assert weights_mb(parse_key("add_14_64x3")) == 0.0
    assert weights_mb(parse_key("mbconv_14_k3s1_64-384-64_relu6")) > 64 * 384 * 2 * value


@given(RISES, st.floats(0.01, 1000.0))
def test_a_curve_is_the_sum_of_its_rises(rise: list[float], distance: float) -> None:
    distances, us = curve_of(rise)
    curve = ReuseCurve.of(ReuseCost("cpu0", "weights", distances, us, n=1))
    assert curve.at_one(distance) == pytest.approx(float(rises(distance) @ np.array(rise)), abs=1e-9)
    assert curve.at(np.array([distance]))[0] == curve.at_one(distance)
    assert curve.at_one(2 * distance) >= curve.at_one(distance)


@pytest.mark.parametrize("bad", [((1.0, 1.0), (0.0, 1.0)), ((2.0, 1.0), (0.0, 1.0)), ((1.0, 2.0), (1.0, 0.5)), ((1.0, 2.0), (0.0,))])
def test_a_curve_that_cannot_be_is_refused(bad: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match=r"distance_mb|us_per_mb"):
        ReuseCost("cpu0", "weights", *bad, n=1)


def test_data_from_afar_makes_a_network_slower_than_its_blocks() -> None:
    near, far = (costs(reuse=reuse) for reuse in ((), REUSE))
    placement = Placement(("cpu0",))
    took = predict(BASE, placement, far)
    assert took.total_us > predict(BASE, placement, near).total_us
    buffers = [part for step in took.steps for part in step.parts if part.what == "buffers"]
    assert len(buffers) == 1, "one segment, one arena"
    assert buffers[0].end_us > buffers[0].begin_us
    slower = predict(BASE, placement, far.slowed({"cpu0": 2.0}))
    assert slower.total_us == pytest.approx(2 * took.total_us), "at half the speed the memory is half as fast, too"


def test_a_wider_network_pays_more_for_the_same_block() -> None:
    table = costs(configs.load("mobilenet_v2"), reuse=REUSE)
    block = table.block("cpu0", parse_key("mbconv_14_k3s1_64-384-64_relu6"))
    curve = table.reuse("cpu0", WEIGHTS)
    assert block.run_us(curve.at_one(0.1)) < block.run_us(curve.at_one(0.4)) < block.run_us(curve.at_one(0.9))
    assert table.reuse("cpu1", WEIGHTS).at_one(5.0) == 0.0, "nothing was measured of it"
    assert table.reuse("cpu1", FEATURES).at_one(5.0) == 300.0
