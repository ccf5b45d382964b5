"""The settings of trainings; without torch, so that whoever only passes them on need not load it."""

from __future__ import annotations

from dataclasses import dataclass, field

from collab.errors import SyncNasError


class RecipeError(SyncNasError):
    """A setting of a training that cannot be taken."""


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum; the learning rate rises linearly and then falls along a cosine to 0 (Loshchilov & Hutter, 2017).

    Args:
        epochs: passes over the training images; may be a fraction.
        batch: images per step.
        learning_rate: the highest.
        weight_decay: of convolution and classifier weights; BatchNorm and biases have none (He et al., "Bag of Tricks", 2019).
        warm_up: fraction of all steps during which the learning rate rises.
        label_smoothing: share of the target that goes to all classes alike.

    Raises:
        RecipeError: a number out of its range.
    """

    epochs: float = 10.0
    batch: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warm_up: float = 0.1
    label_smoothing: float = 0.05

    def __post_init__(self) -> None:
        for name, value, is_fine, range_ in (
            ("epochs", self.epochs, 0 < self.epochs < 1e6, "above 0"),
            ("batch", self.batch, 2 <= self.batch <= 65536, "2 or more, as BatchNorm needs"),
            ("learning_rate", self.learning_rate, 0 < self.learning_rate < 1e3, "above 0"),
            ("momentum", self.momentum, 0 < self.momentum < 1, "between 0 and 1"),
            ("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1, "from 0 to below 1"),
            ("warm_up", self.warm_up, 0 <= self.warm_up <= 1, "from 0 to 1"),
            ("label_smoothing", self.label_smoothing, 0 <= self.label_smoothing < 1, "from 0 to below 1"),
        ):
            if not is_fine:
                raise RecipeError(f"{name} of the training is {value}; it must be {range_}")


@dataclass(frozen=True)
class SupernetRecipe:
    """The settings of a supernet's training.

    Args:
        training: steps and rates; its batch goes through all models of a step.
        samples: random models per step, besides the widest and the narrowest.
        low: least width of a block, as a fraction of its widest.
        clip: largest norm of the gradient of a step, summed over its models.
        save_every_s: seconds between saves of a state that a training can go on from.

    Raises:
        RecipeError: a number out of its range.
    """

    training: Recipe = field(default_factory=lambda: Recipe(epochs=20.0, learning_rate=0.05))
    samples: int = 2
    low: float = 0.2
    clip: float = 5.0
    save_every_s: float = 60.0

    def __post_init__(self) -> None:
        for name, value, is_fine, range_ in (
            ("samples", self.samples, 0 <= self.samples <= 64, "from 0 to 64"),
            ("low", self.low, 0 < self.low <= 1, "above 0 and at most 1"),
            ("clip", self.clip, self.clip > 0, "above 0"),
            ("save_every_s", self.save_every_s, self.save_every_s >= 0, "0 or more"),
        ):
            if not is_fine:
                raise RecipeError(f"{name} of the supernet's training is {value}; it must be {range_}")
