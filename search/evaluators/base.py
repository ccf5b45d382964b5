"""The protocol of evaluators: small, so that anything that can tell an accuracy can be plugged in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias, runtime_checkable

from collab.errors import SyncNasError
from collab.model import ModelConfig
from collab.networks.weights import Array

MAX_ACCURACY: Final = 1e9
"""Accuracies lie between this and its negative: whatever the scale, objectives and their squares stay finite."""


Setting: TypeAlias = str | int | float | bool | None
"""A setting that alters what an evaluator or a search finds, as a journal holds it."""


class EvaluationError(SyncNasError):
    """An evaluation that failed: recorded with its reason, and the search goes on without that strategy."""


@dataclass(frozen=True)
class Query:
    """A question to an evaluator: a strategy and, where device tables gave it widths, its config.

    `seed` is the search's own: an evaluator that draws at random draws from it and from the config, never from the clock.
    """

    strategy: str
    config: ModelConfig | None
    seed: int


@runtime_checkable
class HasWeights(Protocol):
    """An evaluator that can also tell the weights with which a model was evaluated."""

    def trained_weights(self, config: ModelConfig) -> Mapping[str, Array]:
        """Returns the weights of a model that was evaluated, by the names of `collab.networks.weights`."""


class Evaluator(Protocol):
    """Tells how accurate a strategy's model is; larger is better, the scale is the evaluator's own.

    Evaluators travel to worker processes by pickle, before and after `prepare`. They hold paths and settings, and read what is large
    when `evaluate` is first called.
    """

    def known(self) -> frozenset[str] | None:
        """Returns the strategies that it can evaluate, all others being infeasible; None: any."""

    def prepare(self, folder: Path, say: Callable[[str], None]) -> None:
        """Prepares all evaluations. Called once before the first one, in the search's own process; again when a search is resumed.

        What takes long is done here and kept in `folder` (which is there), so that resuming finds it. `say` takes a line for the user.

        Raises:
            SyncNasError: nothing can be evaluated.
        """

    def evaluate(self, query: Query) -> float:
        """Returns the accuracy, a number within ± `MAX_ACCURACY`.

        Raises:
            EvaluationError: this strategy cannot be evaluated.
        """
