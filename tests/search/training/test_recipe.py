"""Settings of trainings that are refused."""

from __future__ import annotations

import math

import pytest

from search.training.recipe import Recipe, RecipeError, SupernetRecipe


@pytest.mark.parametrize(
    ("setting", "value"), [("epochs", 0), ("batch", 1), ("learning_rate", math.nan), ("momentum", 1), ("weight_decay", -1), ("warm_up", 2)]
)
def test_refusals_of_recipes(setting: str, value: float) -> None:
    with pytest.raises(RecipeError, match=f"{setting} of the training is {value}; it must be"):
        Recipe(**{setting: value})  # type: ignore[arg-type]


def test_refusals_of_supernet_recipes() -> None:
    with pytest.raises(RecipeError, match="low of the supernet's training is 2; it must be above 0"):
        SupernetRecipe(low=2)
