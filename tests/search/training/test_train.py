"""Trainings learn, and follow from their seeds."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch

from collab.networks import network, weights
from collab.variants import collaborative
from search.data.open import open_for
from search.evaluators.base import EvaluationError
from search.training.judge import accuracy
from search.training.recipe import Recipe
from search.training.steps import total_steps
from search.training.train import derived_seed, initial_network, numpy_weights, train
from tests.models import changed
from tests.search.models import micro
from tests.search.trainings import QUICK, easy_data


def test_training_learns_and_is_fixed_by_its_seed() -> None:
    config = collaborative(micro(), "naa")
    data = easy_data(config)
    seen: list[tuple[int, float]] = []

    def trained(seed: int, recipe: Recipe = QUICK) -> tuple[float, network.Network]:
        net = initial_network(config, seed=seed)
        return train(net, data, recipe, seed=seed, on_step=lambda step, loss: seen.append((step, loss))), net

    result, net = trained(1)
    steps = [step for step, _ in seen]
    assert steps == [*range(10, total_steps(data, QUICK), 10), total_steps(data, QUICK)]
    assert seen[-1][1] < 0.7 * seen[0][1]
    assert result > 0.6, "chance is 0.1"
    assert result == accuracy(net, data)
    assert not net.training
    again, other = trained(1)
    assert again == result
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in net.state_dict().items())
    assert not torch.equal(trained(2, replace(QUICK, epochs=0.1))[1].classifier[1].weight, net.classifier[1].weight)


def test_glyphs_can_be_learnt() -> None:
    stages = {"0": [[12, 3, 1, 8, 8, 8]], "1": [[12, 3, 2, 8, 24, 12], [6, 3, 1, 12, 32, 12]], "2": [[6, 3, 1, 12, 32, 12]]}
    config = changed(micro(), {"num_classes": 2, **stages})
    data = open_for(config, "glyphs:train=1500,val=300")
    assert train(initial_network(config, seed=0), data, Recipe(epochs=8, batch=32), seed=0) > 0.75, "chance is 0.5"


def test_a_loss_that_is_no_number_is_an_error() -> None:
    config = micro()
    net = initial_network(config, seed=0)
    with torch.no_grad():
        net.classifier[1].bias.fill_(math.nan)
    with pytest.raises(EvaluationError, match=r"micro: the loss of training step \d+ is nan; choose a learning rate below"):
        train(net, easy_data(config), QUICK, seed=0)


def test_seeds_depend_on_all_but_the_name() -> None:
    config = micro()
    assert derived_seed(config, 1) == derived_seed(changed(config, {"name": "other"}), 1)
    assert derived_seed(config, 1) != derived_seed(config, 2)
    assert derived_seed(config, 1) != derived_seed(changed(config, {"eps": 0.01}), 1)


def test_numpy_weights_are_copies() -> None:
    net = initial_network(micro(), seed=0)
    before = copy.deepcopy(net.state_dict())
    arrays = numpy_weights(net)
    assert set(arrays) == set(weights.model_tensors(micro()))
    for array in arrays.values():
        array.fill(7)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
