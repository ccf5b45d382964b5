"""Multiply-accumulates and bytes, counted by hand."""

from __future__ import annotations

from graph.work import work_of
from tests.graph.sample import Sample
from tests.graph.samples import CONV


def test_convolutions() -> None:
    sample = Sample()
    x = sample.conv(sample.input((1, 8, 8, 4)), 6)
    y = sample.op(
        "DEPTHWISE_CONV_2D", [x, sample.weights(1, 3, 3, 6), sample.weights(6)], (1, 8, 8, 6), table="DepthwiseConv2DOptions", options=CONV
    )
    z = sample.op(
        "TRANSPOSE_CONV",
        [sample.ints(1, 16, 16, 2), sample.weights(2, 3, 3, 6), y],
        (1, 16, 16, 2),
        table="TransposeConvOptions",
        options={"strideW": 2, "strideH": 2},
    )
    network = sample.network(z)
    works = [work_of(network, operator) for operator in network.operators]
    assert [work.macs for work in works] == [64 * 6 * 9 * 4, 64 * 6 * 9, 64 * 6 * 9 * 2]
    assert works[0].size_bytes == 4 * (64 * 4 + 6 * 9 * 4 + 6 + 64 * 6)


def test_matrix_products() -> None:
    sample = Sample()
    x = sample.input((2, 12))
    y = sample.op("FULLY_CONNECTED", [x, sample.weights(5, 12), -1], (2, 5), table="FullyConnectedOptions")
    z = sample.op("BATCH_MATMUL", [y, y], (5, 5), table="BatchMatMulOptions", options={"adjX": True})
    network = sample.network(sample.op("RELU", [z], (5, 5)))
    assert [work_of(network, operator).macs for operator in network.operators] == [2 * 5 * 12, 5 * 5 * 2, 0]
