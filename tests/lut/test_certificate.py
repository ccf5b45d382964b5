"""Certificates: accuracy by hand, and documents that are read back."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import NormalDist

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut.certificate import FEWEST_ERRORS, Accuracy, Bias, CertificateFile
from tests.lut.made_tables import CERTIFICATE


def test_accuracy_by_hand() -> None:
    found = Accuracy.of([0.01, -0.02, 0.05, -0.10, 0.30])
    assert found.median_error == pytest.approx(0.05)
    assert found.p95_error == pytest.approx(0.26), "four fifths of the way from 0.10 to 0.30"
    assert (found.within_5, found.within_10) == (0.6, 0.8)


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=40))
def test_the_sign_of_an_error_does_not_matter_and_shares_are_nested(errors: list[float]) -> None:
    found = Accuracy.of(errors)
    assert found == Accuracy.of([-error for error in errors])
    assert 0 <= found.within_5 <= found.within_10 <= 1
    assert found.median_error <= found.p95_error


def test_bias_by_hand() -> None:
    found = Bias.of([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    assert found.median == pytest.approx(0.035)
    # The rank is (6 + 1) / 2 - sqrt(6), rounded: 1; fewer than one of six lie below the median with a probability of 1 / 64.
    error = (0.06 - 0.01) / (2 * NormalDist().inv_cdf(63 / 64))
    assert found.interval == pytest.approx((0.035 - 1.96 * error, 0.035 + 1.96 * error))
    assert found.is_proven
    assert found.text.startswith("+3.5 % [+1.")


def test_of_few_strategies_the_bias_is_not_known() -> None:
    found = Bias.of([0.5] * (FEWEST_ERRORS - 1))
    assert found == Bias(0.5, None)
    assert not found.is_proven
    assert found.text == "+50.0 %"


def test_the_interval_of_a_bias_covers_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    for draw in (generator.standard_normal, generator.standard_exponential, lambda n: generator.standard_t(2, n)):
        usual = float(np.median(draw(200_001)))
        found = [Bias.of(draw(60).tolist()).interval for _ in range(500)]
        missed = sum(interval is None or not interval[0] <= usual <= interval[1] for interval in found)
        assert missed <= 40, "5 % of 500, and three standard deviations"


@pytest.mark.parametrize("bias", [CERTIFICATE.bias, Bias(0.03, None)])
def test_a_document_is_read_back_to_an_equal_certificate(bias: Bias) -> None:
    certificate = replace(CERTIFICATE, bias=bias)
    document = json.dumps(certificate.to_document())
    assert msgspec.json.decode(document, type=CertificateFile).certificate == certificate


def test_its_sentence_has_its_numbers() -> None:
    sentence = CERTIFICATE.sentence
    assert sentence.startswith("60 random strategies")
    for number in ("2.0 % (median)", "98 % of them within 10 %", "raw 3.0 %", "bias -1.0 % [-2.0, +0.1]", "repeatability 1.5 %"):
        assert number in sentence
