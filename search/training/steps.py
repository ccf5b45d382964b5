"""The steps of a training by its recipe: their number, batches, optimizer and learning rate, and a watch on the loss."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

import torch
from torch import Tensor

from search.data.base import Batch, Data, steps_per_epoch
from search.evaluators.base import EvaluationError
from search.training.recipe import Recipe

_CHECK_EVERY_STEPS: Final = 10
"""Losses are looked at this often: each look waits for the GPU."""


def total_steps(data: Data, recipe: Recipe) -> int:
    """Returns the number of steps of a whole training."""
    return max(1, math.ceil(recipe.epochs * steps_per_epoch(data, recipe.batch)))


def train_stream(data: Data, recipe: Recipe, *, seed: int, start: int = 0) -> Iterator[Batch]:
    """Yields the batches of a whole training, from step `start` on."""
    per_epoch, total = steps_per_epoch(data, recipe.batch), total_steps(data, recipe)
    while start < total:
        epoch, skip = divmod(start, per_epoch)
        for batch in data.train_batches(recipe.batch, seed=seed, epoch=epoch, skip=skip):
            yield batch
            start += 1
            if start == total:
                return


def sgd(parameters: Iterable[tuple[str, Tensor]], recipe: Recipe) -> torch.optim.SGD:
    """Returns the optimizer of named parameters; only tensors of more than one dimension decay."""
    named = list(parameters)
    decaying_and_not = [
        {"params": [tensor for _, tensor in named if tensor.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [tensor for _, tensor in named if tensor.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(decaying_and_not, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int, total: int) -> None:
    """Sets the rate of a step, counted from 0."""
    warm = recipe.warm_up * total
    factor = (step + 1) / (warm + 1) if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * factor


def looks_at_loss(step: int, total: int) -> bool:
    """Whether the loss of a step, counted from 0, is read."""
    return (step + 1) % _CHECK_EVERY_STEPS == 0 or step + 1 == total


def checked_loss(loss: Tensor, step: int, name: str, recipe: Recipe) -> float:
    """Returns the loss of a step as a number.

    Raises:
        EvaluationError: it is NaN or infinite.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise EvaluationError(
            f"{name}: the loss of training step {step + 1} is {value}; choose a learning rate below {recipe.learning_rate:g}"
        )
    return value
