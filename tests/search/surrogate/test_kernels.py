"""Kernels and the agreements that they are tables of."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.surrogate.kernels import KERNELS, Kernel, agreements, correlation_tables

LEAVES = np.array(list(product(range(3), repeat=4)))


@given(decisions=st.integers(1, 20), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_agreements_count_equal_decisions_and_equal_neighbouring_pairs(decisions: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    leaves, others = generator.integers(3, size=(5, decisions)), generator.integers(3, size=(7, decisions))
    found = agreements(leaves, others)
    for row, column in product(range(5), range(7)):
        equal = (leaves[row] == others[column]).tolist()
        near = sum(first and second for first, second in pairwise(equal))
        assert found[row, column] == decisions * sum(equal) + near


def test_without_decisions_there_is_one_agreement() -> None:
    none = np.zeros((2, 0), np.int64)
    assert agreements(none, none).tolist() == [[0, 0], [0, 0]]
    assert correlation_tables(0).shape == (len(KERNELS), 1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_correlations_are_positive_definite_and_1_of_a_leaf_with_itself(kernel: Kernel) -> None:
    matrix = kernel.table(4).ravel()[agreements(LEAVES, LEAVES)]
    assert np.allclose(np.diag(matrix), 1.0)
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9
