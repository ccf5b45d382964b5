"""A small supernet of the tests, its models and images."""

from __future__ import annotations

import numpy as np
import torch

from collab.model import ModelConfig
from search.data.base import Data
from search.data.open import open_for
from search.supernet.family import ModelFamily, Widths
from search.supernet.network import Supernet, initial_supernet
from search.training.recipe import Recipe, SupernetRecipe
from tests.models import changed
from tests.search.models import EASY, micro

WIDEST: Widths = (((12,), (24, 32), (40,)), ((8,), (20, 32), (32,)))
QUICK = SupernetRecipe(training=Recipe(epochs=1, batch=64, learning_rate=0.1), samples=1)


def space() -> ModelFamily:
    return ModelFamily(micro(), 2, WIDEST)


def supernet(seed: int = 0) -> Supernet:
    return initial_supernet(space(), seed=seed)


def digits() -> Data:
    return open_for(micro(), EASY)


def image(seed: int = 0, batch: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((batch, 3, 16, 16), dtype=np.float32))


def with_widths(config: ModelConfig, widths: Widths) -> ModelConfig:
    document = {
        str(index): {
            str(branch): [[*row[:4], width, row[5]] for row, width in zip(rows, widths[branch][index], strict=True)]
            for branch, rows in enumerate(config.document[str(index)].values())
        }
        for index in range(len(config.stages))
    }
    return changed(config, document)


def same(one: Supernet, other: Supernet) -> bool:
    return all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())
