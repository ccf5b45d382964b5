"""Certificates: accuracy by hand, and documents that are read back."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut.certificate import Accuracy, CertificateFile
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


def test_a_document_is_read_back_to_an_equal_certificate() -> None:
    document = json.dumps(CERTIFICATE.to_document())
    assert msgspec.json.decode(document, type=CertificateFile).certificate == CERTIFICATE


def test_its_sentence_has_its_numbers() -> None:
    sentence = CERTIFICATE.sentence
    assert sentence.startswith("60 random strategies")
    for number in ("2.0 % (median)", "98 % of them within 10 %", "raw 3.0 %", "repeatability 1.5 %"):
        assert number in sentence
