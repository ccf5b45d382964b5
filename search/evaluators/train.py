"""Accuracy by training: each found model is trained briefly, from scratch or from inherited weights. Slow, and the least biased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from collab.networks.checkpoint import read_checkpoint
from search.data.open import open_for
from search.evaluators.base import EvaluationError, Query
from search.training.recipe import Recipe

if TYPE_CHECKING:
    from collab.model import ModelConfig
    from collab.networks.network import Network
    from search.data.base import Data


@dataclass(frozen=True)
class TrainEvaluator:
    """Trains a query's model and gives its validation accuracy, from 0 to 1; implements `search.evaluators.base.Evaluator`.

    Args:
        base: the base model of the search: its input size and classes open the data, and weights are checked against it.
        data: a specification as of `search.data.open.open_data`.
        weights: a checkpoint of the base model, or of a collaborative one, that initial weights are sliced out of.
        validation: images to validate on; None for all.
        data_seed: of generated data or of a split.
        device: torch's name of a device; None for the GPU if there is one.
        threads: torch's threads in each process; None for torch's own choice, which is all cores.
    """

    base: ModelConfig
    data: str
    recipe: Recipe = field(default_factory=Recipe)
    weights: Path | None = None
    validation: int | None = None
    data_seed: int = 0
    device: str | None = None
    threads: int | None = None

    def known(self) -> None:
        """Any strategy can be evaluated."""

    def prepare(self, folder: Path, say: Callable[[str], None]) -> None:
        """Opens the data and, if there are any, the weights, so that what is wrong with them shows before the search.

        Raises:
            DataError: the data cannot be opened or does not fit the base model.
            WeightsError: the weights cannot be read or belong to another model.
            EvaluationError: torch has no such device.
        """
        from search.training.steps import total_steps
        from search.training.torch_device import pick_device

        del folder
        data = self._data()
        device = pick_device(self.device)
        if self.weights is not None:
            self._initial(self.base, seed=0)
        start = "from initial weights" if self.weights is None else f"from the weights of {self.weights}"
        say(f"each strategy is trained {start} for {total_steps(data, self.recipe)} steps on {data.name}, on {device.type}")

    def evaluate(self, query: Query) -> float:
        """Trains the query's model, seeded by the query's seed and the model.

        Raises:
            EvaluationError: the query has no config, or the loss is no longer a number.
        """
        from search.training.torch_device import pick_device, set_threads
        from search.training.train import derived_seed, train

        if query.config is None:
            raise EvaluationError(f"{query.strategy}: a model can only be trained with widths; give the search device tables")
        set_threads(self.threads)
        data, device = self._data(), pick_device(self.device)
        seed = derived_seed(query.config, query.seed)
        network = self._initial(query.config, seed=seed)
        return train(network, data, self.recipe, seed=seed, device=device, limit=self.validation)

    def _data(self) -> Data:
        return open_for(self.base, self.data, seed=self.data_seed)

    def _initial(self, config: ModelConfig, *, seed: int) -> Network:
        from collab.networks.network import from_weights
        from search.training.inherit import inherited
        from search.training.train import initial_network, numpy_weights

        network = initial_network(config, seed=seed)
        if self.weights is None:
            return network
        origin = str(self.weights)
        return from_weights(config, inherited(config, numpy_weights(network), read_checkpoint(self.weights), origin=origin), origin=origin)
