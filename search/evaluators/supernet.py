"""Accuracy by a supernet: trained once before the search, after which each found model takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.data.open import open_for
from search.evaluators.base import EvaluationError, Query
from search.training.recipe import SupernetRecipe

if TYPE_CHECKING:
    from collab.model import ModelConfig
    from collab.networks.weights import Array
    from search.data.base import Data
    from search.supernet.family import Widths
    from search.supernet.network import Supernet

_loaded: dict[tuple[Path, int, str | None], Supernet] = {}
"""The last supernet that this process has read, by its file, the file's time and the device."""


@dataclass
class SupernetEvaluator:
    """Slices a query's model out of a supernet and gives its validation accuracy, from 0 to 1; implements the `Evaluator` protocol.

    Args:
        base: the base model of the search.
        branches: of the models searched for.
        widest: the most expansion channels that a block may get, by branch, stage and block.
        data: a specification as of `search.data.open.open_data`.
        validation: images to validate on, the same ones for all; None for all.
        calibration_batches: of training images, for the BatchNorm statistics of each model.
        seed: of the supernet's training.
        data_seed: of generated data or of a split.
        device: torch's name of a device; None for the GPU if there is one.
        threads: torch's threads in each process; None for torch's own choice, which is all cores.
    """

    base: ModelConfig
    branches: int
    widest: Widths
    data: str
    recipe: SupernetRecipe = field(default_factory=SupernetRecipe)
    validation: int | None = 2000
    calibration_batches: int = 8
    seed: int = 0
    data_seed: int = 0
    device: str | None = None
    threads: int | None = None
    _folder: Path | None = field(default=None, init=False)
    """The folder in which `prepare` left the supernet; travels to other processes with the rest."""

    def known(self) -> None:
        """Any strategy can be evaluated."""

    @property
    def folder(self) -> Path | None:
        """The folder of the supernet, once it was prepared."""
        return self._folder

    def in_folder(self, folder: Path) -> SupernetEvaluator:
        """Returns the same evaluator, with the supernet's file in another folder: on another machine, for example."""
        moved = replace(self)
        moved._folder = folder
        return moved

    def prepare(self, folder: Path, say: Callable[[str], None]) -> None:
        """Trains ``supernet.pth`` in the folder, goes on with a training that was cut off, or finds a finished one.

        Raises:
            DataError: the data cannot be opened or does not fit the base model.
            SupernetError: the folder holds a supernet of another base, data, recipe or seed.
            EvaluationError: torch has no such device, or the training fails.
        """
        from search.supernet.family import ModelFamily
        from search.supernet.train import train_supernet
        from search.training.torch_device import pick_device, set_threads

        set_threads(self.threads)
        space = ModelFamily(self.base, self.branches, self.widest)
        train_supernet(space, self._data(), self.recipe, folder, seed=self.seed, device=pick_device(self.device), say=say)
        self._folder = folder.resolve()

    def evaluate(self, query: Query) -> float:
        """Returns the accuracy of the query's model with the supernet's weights; draws nothing at random.

        Raises:
            EvaluationError: the query has no config, or one that the supernet is not for.
        """
        from search.training.judge import accuracy, recalibrate
        from search.training.torch_device import set_threads

        if query.config is None:
            raise EvaluationError(f"{query.strategy}: a supernet can only be sliced by widths; give the search device tables")
        set_threads(self.threads)
        data, network = self._data(), self._supernet().subnet(query.config)
        recalibrate(network, data, batches=self.calibration_batches)
        return accuracy(network, data, limit=self.validation)

    def trained_weights(self, config: ModelConfig) -> dict[str, Array]:
        """Returns a found model's weights, with BatchNorm statistics of its own, by the names that an export takes.

        Raises:
            EvaluationError: the supernet is not for this model.
        """
        from search.supernet.network import inherited_weights

        return inherited_weights(self._supernet(), config, self._data(), batches=self.calibration_batches)

    def _data(self) -> Data:
        return open_for(self.base, self.data, seed=self.data_seed)

    def _supernet(self) -> Supernet:
        from search.supernet.family import SupernetError
        from search.supernet.files import SUPERNET_FILE, load
        from search.training.torch_device import pick_device

        if self._folder is None:
            raise EvaluationError("the supernet is not trained yet: prepare the evaluator first")
        path = self._folder / SUPERNET_FILE
        try:
            key = path, path.stat().st_mtime_ns, self.device
        except OSError as error:
            raise SupernetError(f"{path}: cannot be found ({error.strerror}); resume the search to train it anew") from error
        if key not in _loaded:
            _loaded.clear()
            _loaded[key] = load(self._folder, device=pick_device(self.device))
        return _loaded[key]
