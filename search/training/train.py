"""Trains a network by a recipe. Seeded: on a CPU, equal seeds and threads give equal networks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import torch
from torch.nn import functional

from collab.model import ModelConfig
from collab.networks import network as networks
from collab.networks.network import Network
from collab.networks.weights import Array
from search.data.base import Data
from search.training.judge import accuracy
from search.training.progress import Progress, Say
from search.training.recipe import Recipe
from search.training.steps import checked_loss, looks_at_loss, set_learning_rate, sgd, total_steps, train_stream
from search.training.torch_device import grad_scaler, labels_to, mixed_precision, pick_device, seeded, to_device


def derived_seed(config: ModelConfig, seed: int) -> int:
    """Returns a seed of a model and a seed: equal for models that differ in nothing but their name."""
    content = json.dumps({key: value for key, value in config.document.items() if key != "name"}, sort_keys=True)
    return int.from_bytes(hashlib.sha256(f"{seed}/{content}".encode()).digest()[:6], "little")


def initial_network(config: ModelConfig, *, seed: int) -> Network:
    """Returns a network with torch's initial weights, drawn from the seed."""
    with seeded(seed):
        return networks.build(config)


def numpy_weights(network: Network) -> dict[str, Array]:
    """Returns a network's tensors by the names of `collab.networks.weights`, copied."""
    state = network.state_dict().items()
    return {name: tensor.detach().float().cpu().numpy().copy() for name, tensor in state if not name.endswith("num_batches_tracked")}


def train(
    network: Network,
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | None = None,
    limit: int | None = None,
    say: Say | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> float:
    """Trains a network in place and returns its validation accuracy, from 0 to 1.

    Args:
        limit: validate on this many images; None for all.
        say: takes a line about the progress every few seconds.
        on_step: called with the number of steps done and the loss, as often as the loss is looked at.

    Raises:
        EvaluationError: the loss is no longer a number.
        DataError: an image that cannot be read.
    """
    device = device or pick_device()
    network.to(device=device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer, scaler = sgd(network.named_parameters(), recipe), grad_scaler(device)
    total = total_steps(data, recipe)
    progress = Progress("training", total, say)
    with seeded(seed):
        for step, (images, labels) in enumerate(train_stream(data, recipe, seed=seed)):
            set_learning_rate(optimizer, recipe, step, total)
            optimizer.zero_grad()
            with mixed_precision(device):
                logits = network(to_device(images, device))
                loss = functional.cross_entropy(logits, labels_to(labels, device), label_smoothing=recipe.label_smoothing)
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            scaler.step(optimizer)
            scaler.update()
            if looks_at_loss(step, total):
                value = checked_loss(loss, step, network.config.name, recipe)
                progress(step + 1, value)
                if on_step is not None:
                    on_step(step + 1, value)
    return accuracy(network, data, device, limit=limit)
