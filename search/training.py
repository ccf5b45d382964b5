"""Trains and judges networks in torch. Seeded: on a CPU, equal seeds and threads give equal networks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from collab.model import ModelConfig
from collab.networks import network as networks
from collab.networks.network import Network
from collab.networks.weights import Array
from search.data.base import VALIDATION_BATCH, Batch, Data, steps_per_epoch
from search.evaluators.base import EvaluationError
from search.recipe import Recipe

Say = Callable[[str], None]

CALIBRATION_BATCHES: Final = 8
CALIBRATION_BATCH: Final = 128
_SAY_EVERY_S: Final = 10.0
_CHECK_EVERY_STEPS: Final = 10
"""Losses are looked at this often: each look waits for the GPU."""


def pick_device(name: str | None = None) -> torch.device:
    """The device of a name such as ``cuda:1``; without one the GPU if there is one, else the CPU.

    Raises:
        EvaluationError: torch has no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise EvaluationError(f"torch cannot use the device '{name}' here ({reason}); choose cpu, or leave the device out") from error
    return device


def set_threads(count: int | None) -> None:
    """Lets torch compute in `count` threads; None leaves its choice."""
    if count is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it torch draws from `seed`; after it, the random numbers go on as if nothing had been."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def derived_seed(config: ModelConfig, seed: int) -> int:
    """A seed of a model and a seed: equal for models that differ in nothing but their name."""
    content = json.dumps({key: value for key, value in config.document.items() if key != "name"}, sort_keys=True)
    return int.from_bytes(hashlib.sha256(f"{seed}/{content}".encode()).digest()[:6], "little")


def initial_network(config: ModelConfig, *, seed: int) -> Network:
    """A network with torch's initial weights, drawn from the seed."""
    with seeded(seed):
        return networks.build(config)


def numpy_weights(network: Network) -> dict[str, Array]:
    """A network's tensors by the names of `collab.networks.weights`, copied."""
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


def accuracy(network: Network, data: Data, device: torch.device | None = None, *, limit: int | None = None) -> float:
    """The share of the validation images, or of the first `limit`, whose highest logit is their label's; leaves inference mode on."""
    device = device or next(network.parameters()).device
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    hits = torch.zeros((), dtype=torch.long, device=device)
    count = 0
    with torch.inference_mode(), mixed_precision(device):
        for images, labels in data.validation_batches(VALIDATION_BATCH, limit=limit):
            hits += (network(to_device(images, device)).argmax(1) == labels_to(labels, device)).sum()
            count += len(labels)
    return int(hits) / count


def recalibrate(
    network: Network, data: Data, device: torch.device | None = None, *, batches: int = CALIBRATION_BATCHES, batch: int = CALIBRATION_BATCH
) -> None:
    """Replaces all BatchNorm statistics by their mean over training images, without which weights sliced out of others are worthless.

    Source: Yu & Huang, "Universally Slimmable Networks", ICCV 2019; Cai et al., "Once-for-All", ICLR 2020. Leaves inference mode on.
    """
    device = device or next(network.parameters()).device
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's way to ask for the plain mean over all batches
        norm.train()
    with torch.no_grad(), mixed_precision(device):
        for images, _ in data.calibration_batches(batch, batches):
            network(to_device(images, device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def total_steps(data: Data, recipe: Recipe) -> int:
    """Steps of a whole training."""
    return max(1, math.ceil(recipe.epochs * steps_per_epoch(data, recipe.batch)))


def train_stream(data: Data, recipe: Recipe, *, seed: int, start: int = 0) -> Iterator[Batch]:
    """The batches of a whole training, from step `start` on."""
    per_epoch, total = steps_per_epoch(data, recipe.batch), total_steps(data, recipe)
    while start < total:
        epoch, skip = divmod(start, per_epoch)
        for batch in data.train_batches(recipe.batch, seed=seed, epoch=epoch, skip=skip):
            yield batch
            start += 1
            if start == total:
                return


def sgd(parameters: Iterable[tuple[str, Tensor]], recipe: Recipe) -> torch.optim.SGD:
    """The optimizer of named parameters; only tensors of more than one dimension decay."""
    named = list(parameters)
    groups = [
        {"params": [tensor for _, tensor in named if tensor.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [tensor for _, tensor in named if tensor.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True)


def grad_scaler(device: torch.device) -> torch.amp.GradScaler:
    """Keeps float16 gradients from vanishing on a GPU; elsewhere it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=device.type == "cuda")


def mixed_precision(device: torch.device) -> torch.autocast:
    """float16 where it is safe, on a GPU only: on CPUs it is slower than float32, and on some of them not there."""
    return torch.autocast(device.type, dtype=torch.float16 if device.type == "cuda" else torch.bfloat16, enabled=device.type == "cuda")


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
    """The loss as a number.

    Raises:
        EvaluationError: it is none.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise EvaluationError(
            f"{name}: the loss of training step {step + 1} is {value}; choose a learning rate below {recipe.learning_rate:g}"
        )
    return value


def to_device(images: object, device: torch.device) -> Tensor:
    """numpy images as a tensor on a device, with channels last in memory, which convolutions are fastest with."""
    return torch.as_tensor(images).to(device=device, memory_format=torch.channels_last, non_blocking=True)


def labels_to(labels: object, device: torch.device) -> Tensor:
    """numpy labels as a tensor on a device."""
    return torch.as_tensor(labels).to(device)


@dataclass
class Progress:
    """Says every few seconds how far a training is and how long it will take."""

    what: str
    total: int
    say: Say | None
    start: int = 0

    def __post_init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, step: int, loss: float) -> None:
        now = time.monotonic()
        if self.say is None or (now - self._said < _SAY_EVERY_S and step < self.total):
            return
        self._said = now
        left_s = (now - self._began) / max(1, step - self.start) * (self.total - step)
        self.say(f"{self.what}: step {step} of {self.total}, loss {loss:.3f}, {_duration(left_s)} left")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
