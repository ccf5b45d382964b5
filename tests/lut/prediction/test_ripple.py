from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.blocks import MBConv, parse_key
from lut.entries import Ripple
from lut.prediction.ripple import Ripples, expansion_macs, is_proven

SLOT = MBConv(14, 3, 1, 64, 384, 64, "relu6")
PROVEN = {4: 10.0, 8: 6.0, 16: 4.0}
RIPPLES = Ripples([Ripple("cpu0", 14, over, 1.2, extra_ps, 0.1, 2) for over, extra_ps in PROVEN.items()])


def extra_ps(ripples: Ripples, exp_c: int, unit: str = "cpu0") -> float:
    block = replace(SLOT, exp_c=exp_c)
    return ripples.extra_us(unit, block) * 1e6 / expansion_macs(block)


@pytest.mark.parametrize("period", [32, 96, 704])
def test_what_was_measured_counts_and_what_lies_between_is_interpolated(period: int) -> None:
    for over, expected in {0: 0.0, 4: 10.0, 6: 8.0, 8: 6.0, 12: 5.0, 16: 4.0, 24: 2.0, 28: 1.0}.items():
        assert extra_ps(RIPPLES, period + over) == pytest.approx(expected)


def test_below_the_first_multiple_on_other_units_and_of_other_blocks_there_is_none() -> None:
    assert [extra_ps(RIPPLES, exp_c) for exp_c in (4, 16, 28, 32)] == [0.0] * 4
    assert extra_ps(RIPPLES, 36, "cpu1") == 0.0
    for key in ("add_14_64x2", "mbconv_14_k3s1_68-68-64_relu6", "head_14_k1s1_64-68-10_relu6"):
        assert RIPPLES.extra_us("cpu0", parse_key(key)) == 0.0


def test_what_may_be_chance_counts_as_nothing() -> None:
    entries = [Ripple("cpu0", 14, 4, 1.1, 10.0, 5.2, 2), Ripple("cpu0", 14, 8, 0.9, -10.0, 5.0, 2)]
    assert [is_proven(entry) for entry in entries] == [False, True]
    assert [extra_ps(Ripples(entries), exp_c) for exp_c in (36, 40)] == pytest.approx([0.0, -10.0])


@given(st.integers(1, 4000), st.sampled_from([7, 14, 56, 65536]))
def test_the_extra_is_never_more_than_the_greatest_that_was_measured(exp_c: int, size: int) -> None:
    block = replace(SLOT, in_size=size, exp_c=exp_c)
    assert 0 <= RIPPLES.extra_us("cpu0", block) <= max(PROVEN.values()) * 1e-6 * expansion_macs(block) * (1 + 1e-9)
