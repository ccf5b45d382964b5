"""The digits of scikit-learn."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from search.data.base import ArrayData, DataError
from search.data.open import open_data


@pytest.mark.slow
def test_digits_are_split_by_class() -> None:
    data = open_data("digits", size=16, classes=12)
    assert isinstance(data, ArrayData)
    assert data.classes == 10
    assert data.train_images + data.validation_images == 1797
    counts = np.bincount(data.validation.labels)
    assert counts.min() >= 34
    assert counts.max() <= 37
    other = open_data("digits:seed=1", size=16, classes=10)
    assert isinstance(other, ArrayData)
    assert not np.array_equal(data.validation.labels, other.validation.labels)
    assert data.name != other.name


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"pip install '\.\[search\]'"):
        open_data("digits", size=17, classes=10)
