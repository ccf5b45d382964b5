"""Batches and epochs of images in memory."""

from __future__ import annotations

import numpy as np
import pytest

from search.data.base import ArrayData, Batch, epoch_order, steps_per_epoch
from search.data.glyphs import GlyphOptions, open_glyphs
from search.data.open import open_data
from tests.search.data.batches import joined

SMALL = GlyphOptions(classes=6, size=24, train_images=90, validation_images=30, seed=4)


@pytest.mark.parametrize("spec", ["glyphs:train=100,val=40", pytest.param("digits", marks=pytest.mark.slow)])
def test_batches_are_fixed_by_seed_and_epoch(spec: str) -> None:
    data = open_data(spec, size=16, classes=10)
    assert isinstance(data, ArrayData)

    def epoch(seed: int, number: int, skip: int = 0) -> list[Batch]:
        return list(data.train_batches(32, seed=seed, epoch=number, skip=skip))

    first = epoch(1, 0)
    assert len(first) == steps_per_epoch(data, 32)
    images, labels = joined(first)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert images.shape == (32 * len(first), 3, 16, 16)
    assert abs(float(images.mean())) < 1.2
    assert 0.2 < float(images.std()) < 2
    assert np.array_equal(images, joined(epoch(1, 0))[0])
    assert not np.array_equal(images, joined(epoch(1, 1))[0])
    assert not np.array_equal(images, joined(epoch(2, 0))[0])
    assert np.array_equal(images[64:], joined(epoch(1, 0, skip=2))[0])
    assert len(set(labels.tolist())) == 10


def test_epochs_hold_each_image_once_and_full_batches() -> None:
    orders = epoch_order(70, 32, seed=0, epoch=0)
    assert [len(order) for order in orders] == [32, 32]
    assert len({int(index) for order in orders for index in order}) == 64
    assert [len(order) for order in epoch_order(5, 32, seed=0, epoch=0)] == [5]
    assert [len(order) for order in epoch_order(64, 32, seed=0, epoch=0)] == [32, 32]


def test_validation_and_calibration_are_plain_and_in_order() -> None:
    data = open_glyphs(SMALL)
    images, labels = joined(list(data.validation_batches(8)))
    assert len(labels) == 30
    assert np.array_equal(labels, data.validation.labels)
    assert np.array_equal(np.rint((images + 2) * 255 / 4).astype(np.uint8), data.validation.pixels)
    limited = joined(list(data.validation_batches(8, limit=12)))[0]
    assert np.array_equal(limited, images[:12])
    calibration = joined(list(data.calibration_batches(8, 3)))[0]
    assert np.array_equal(np.rint((calibration + 2) * 255 / 4).astype(np.uint8), data.train.pixels[:24])
