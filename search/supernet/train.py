"""Trains a supernet, going on where an earlier training was cut off.

Training follows the sandwich rule with in-place distillation (Yu & Huang, "Universally Slimmable Networks and Improved Training
Techniques", ICCV 2019): in each step the widest model learns from the labels, and the narrowest and a few random ones from the widest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from collab.model import ModelConfig
from search.data.base import Data
from search.supernet.family import ModelFamily, SupernetError
from search.supernet.files import (
    SUPERNET_FILE,
    UNFINISHED_FILE,
    checked_tensors,
    read_content,
    stored_tensors,
    training_settings,
    write_content,
)
from search.supernet.network import Supernet, initial_supernet
from search.training.progress import Progress, Say
from search.training.recipe import SupernetRecipe
from search.training.steps import checked_loss, looks_at_loss, set_learning_rate, sgd, total_steps, train_stream
from search.training.torch_device import grad_scaler, labels_to, mixed_precision, pick_device, seeded, to_device


def train_supernet(
    family: ModelFamily,
    data: Data,
    recipe: SupernetRecipe,
    folder: Path,
    *,
    seed: int,
    device: torch.device | None = None,
    say: Say | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Supernet:
    """Reads the trained supernet of `folder`; trains it if it is not there, going on where an earlier call was cut off.

    Args:
        on_step: called with the number of steps done and the widest model's loss, as often as that is looked at.

    Raises:
        SupernetError: the folder holds a supernet of another base, data, recipe or seed.
        EvaluationError: the loss is no longer a number.
    """
    device = device or pick_device()
    settings = training_settings(family, data.name, recipe, seed)
    if (folder / SUPERNET_FILE).is_file():
        path = folder / SUPERNET_FILE
        tensors = checked_tensors(path, read_content(path, settings)["tensors"], family)
        return Supernet(family, {name: tensor.to(device) for name, tensor in tensors.items()})
    supernet = initial_supernet(family, seed=seed)
    supernet.tensors = {name: tensor.detach().to(device).requires_grad_() for name, tensor in supernet.tensors.items()}
    training = _Training(supernet, recipe, seed, device, total_steps(data, recipe.training))
    start = _restored(training, folder / UNFINISHED_FILE, settings, say)
    saved = time.monotonic()
    progress = Progress("supernet", training.total, say, start)
    for step, (images, labels) in enumerate(train_stream(data, recipe.training, seed=seed, start=start), start=start):
        loss = training.step(step, to_device(images, device), labels_to(labels, device))
        if looks_at_loss(step, training.total):
            value = checked_loss(loss, step, "supernet", recipe.training)
            progress(step + 1, value)
            if on_step is not None:
                on_step(step + 1, value)
            # Only after a look at the loss: what is saved is known to be sound.
            if time.monotonic() - saved >= recipe.save_every_s:
                write_content(folder / UNFINISHED_FILE, {"about": settings, **training.state(step + 1)})
                saved = time.monotonic()
    write_content(folder / SUPERNET_FILE, {"about": settings, "tensors": stored_tensors(supernet.tensors)})
    (folder / UNFINISHED_FILE).unlink(missing_ok=True)
    return Supernet(family, {name: tensor.detach() for name, tensor in supernet.tensors.items()})


def _restored(training: _Training, path: Path, settings: str, say: Say | None) -> int:
    """Sets a training to the state that an earlier one has saved, and returns the number of steps done; 0 if none has."""
    if not path.is_file():
        return 0
    content = read_content(path, settings)
    checked_tensors(path, content["tensors"], training.supernet.family)
    try:
        start = training.restore(content)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise SupernetError(f"{path}: is no state of this training; delete it to train anew") from error
    if say is not None:
        say(f"supernet: going on from step {start} of {training.total}")
    return start


@dataclass
class _Training:
    """The state of a training. All random numbers follow from the seed and the step: a resumed training goes on bit by bit."""

    supernet: Supernet
    recipe: SupernetRecipe
    seed: int
    device: torch.device
    total: int
    _optimizer: torch.optim.SGD = field(init=False)
    _scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        self._optimizer = sgd(self.supernet.tensors.items(), self.recipe.training)
        self._scaler = grad_scaler(self.device)
        self._widest = self.supernet.family.widest_model()

    def step(self, step: int, images: Tensor, labels: Tensor) -> Tensor:
        """Takes step number `step` on a batch, images NCHW, and returns the widest model's loss."""
        training = self.recipe.training
        set_learning_rate(self._optimizer, training, step, self.total)
        self._optimizer.zero_grad()
        with seeded(_step_seed(self.seed, step)):
            with mixed_precision(self.device):
                logits = self.supernet.forward(self._widest, images)
                loss = functional.cross_entropy(logits, labels, label_smoothing=training.label_smoothing)
            self._backward(loss)
            taught = logits.detach().float().softmax(1)
            for config in self._students(step):
                with mixed_precision(self.device):
                    student_loss = functional.cross_entropy(self.supernet.forward(config, images), taught)
                self._backward(student_loss)
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self.supernet.tensors.values(), self.recipe.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return loss

    def _backward(self, loss: Tensor) -> None:
        # Each model's graph is freed before the next one's is built.
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def _students(self, step: int) -> Iterator[ModelConfig]:
        """Yields the models that learn from the widest one in a step: the narrowest and some random ones."""
        generator = np.random.default_rng([self.seed, step])
        family, low = self.supernet.family, self.recipe.low
        yield family.narrowest_model(generator, low=low)
        for _ in range(self.recipe.samples):
            yield family.random_model(generator, low=low)

    def state(self, step: int) -> dict[str, Any]:
        """Returns the tensors and plain values from which `restore` goes on, after `step` steps."""
        momenta = {
            name: self._optimizer.state[tensor]["momentum_buffer"]
            for name, tensor in self.supernet.tensors.items()
            if self._optimizer.state[tensor].get("momentum_buffer") is not None
        }
        return {
            "step": step,
            "tensors": stored_tensors(self.supernet.tensors),
            "momenta": stored_tensors(momenta),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, content: Mapping[str, Any]) -> int:
        """Takes over a state and returns the number of steps done."""
        with torch.no_grad():
            for name, tensor in self.supernet.tensors.items():
                tensor.copy_(content["tensors"][name])
        for name, momentum in content["momenta"].items():
            self._optimizer.state[self.supernet.tensors[name]]["momentum_buffer"] = momentum.to(self.device)
        self._scaler.load_state_dict(content["scaler"])
        step = int(content["step"])
        if not 0 <= step <= self.total:
            raise ValueError(f"step {step} of {self.total}")
        return step


def _step_seed(seed: int, step: int) -> int:
    """Returns a seed for one step of a training."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])
