"""The batches of a training."""

from __future__ import annotations

import math

import numpy as np

from search.training.recipe import Recipe
from search.training.steps import total_steps, train_stream
from tests.search.models import micro
from tests.search.trainings import easy_data


def test_stream_goes_on_at_any_step() -> None:
    data, recipe = easy_data(micro()), Recipe(epochs=2.5, batch=100)
    whole = list(train_stream(data, recipe, seed=3))
    assert len(whole) == total_steps(data, recipe) == math.ceil(2.5 * (data.train_images // 100))
    for start in (1, data.train_images // 100, len(whole) - 1, len(whole)):
        rest = list(train_stream(data, recipe, seed=3, start=start))
        assert len(rest) == len(whole) - start
        assert all(np.array_equal(one[0], other[0]) for one, other in zip(rest, whole[start:], strict=True))
