"""A quick recipe of the tests, and data that is easy to learn."""

from __future__ import annotations

from collab.model import ModelConfig
from search.data.base import Data
from search.data.open import open_for
from search.training.recipe import Recipe
from tests.search.models import EASY

QUICK = Recipe(epochs=2, batch=32, learning_rate=0.1)


def easy_data(config: ModelConfig) -> Data:
    return open_for(config, EASY)
