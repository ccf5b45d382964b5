"""Seeded networks and images for tests, and how far two outputs are apart."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from collab import config as configs
from collab.model import ModelConfig
from collab.networks import network, weights
from exporters.checking import reference_input

MINI = configs.load("mini_v2")


def image(config: ModelConfig, *, seed: int = 0, batch: int = 1) -> Tensor:
    images = [reference_input(config.stem.in_shapes[0], seed=seed + index) for index in range(batch)]
    return torch.from_numpy(np.concatenate(images).transpose(0, 3, 1, 2).copy())


def span(x: Tensor) -> float:
    value = float(x.max() - x.min())
    assert value > 0
    return value


def difference(actual: Tensor, expected: Tensor) -> float:
    """Largest difference as a fraction of the expected range."""
    assert actual.shape == expected.shape
    return float((actual - expected).abs().max()) / span(expected)


def seeded_network(config: ModelConfig, *, seed: int = 0) -> network.Network:
    return network.from_weights(config, weights.seeded(config, seed=seed))


def logits(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = module(x)
    return y
