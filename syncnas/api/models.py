"""Models: the zoo, configs, and collaborative variants of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.showing import html
from syncnas.api.showing.frames import frame

if TYPE_CHECKING:
    import pandas as pd

    from collab.model import ModelConfig


@dataclass(frozen=True, repr=False)
class Model:
    """A model: stem, stages of blocks, head. `load_model` makes one.

    Attributes:
        source: the name in the zoo, or the path, that it was loaded from; empty for a model that was made here.
    """

    source: str
    _config: ModelConfig = field(repr=False)

    @property
    def name(self) -> str:
        """The name that the config gives it."""
        return self._config.name

    @property
    def is_collaborative(self) -> bool:
        """True if the model has several branches, which run on several units at once; a base model has one."""
        return self._config.is_collaborative

    @property
    def strategy(self) -> str:
        """A letter per stage: ``n``, ``a`` or ``c`` for no sync, add or concat of the branches; empty of a base model."""
        return self._config.strategy

    @property
    def stages(self) -> int:
        """Number of stages, so of letters in a strategy."""
        return len(self._config.stages)

    @property
    def branches(self) -> int:
        """Number of branches, each of which runs on a unit of its own."""
        return self._config.branches

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, of all branches together."""
        return self._config.macs

    @property
    def params(self) -> int:
        """Number of trained values, of all branches together."""
        return self._config.params

    def with_strategy(self, strategy: str, *, branches: int = 2) -> Model:
        """Returns the collaborative model that this base model becomes by a strategy; each branch has about the base's widths.

        Args:
            strategy: a letter per stage, such as ``annnana``; the last one is ``a`` or ``c``.
            branches: how many units work on it.

        Raises:
            ConfigError: this is no base model, or the strategy does not fit it.
        """
        from collab.variants import collaborative

        return Model("", collaborative(self._config, strategy, branches=branches))

    def save(self, path: Path | str) -> Model:
        """Writes the config as JSON, and returns the model as it is loaded from there; a file that is there is replaced.

        Raises:
            StorageError: the file cannot be written.
        """
        from collab.files import write_whole

        write_whole(Path(path), self._config.to_json())
        return Model(str(path), self._config)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per block: ``stage``, ``branch``, ``block`` (its key), ``macs``, ``params``, ``sync``.

        ``sync`` is the letter of its stage. Stem and head are not in it.
        """
        rows = [
            (number, index, block.key, block.macs, block.params, stage.sync or "")
            for number, stage in enumerate(self._config.stages)
            for index, branch in enumerate(stage.branches)
            for block in branch
        ]
        return frame(rows, ["stage", "branch", "block", "macs", "params", "sync"])

    def __repr__(self) -> str:
        return f"Model({self.name!r}, strategy={self.strategy!r}, branches={self.branches}, macs={self.macs:,}, params={self.params:,})"

    def _repr_html_(self) -> str:
        facts = {
            "from": self.source or "made here",
            "strategy": self.strategy or "none: a base model",
            "stages": self.stages,
            "branches": self.branches,
            "multiply-accumulates": f"{self.macs:,}",
            "parameters": f"{self.params:,}",
        }
        return html.card(f"Model {self.name}", facts)


def config_of(model: Model) -> ModelConfig:
    """Returns the config that a model stands for."""
    return model._config


def model_names() -> tuple[str, ...]:
    """Returns the names of the models that come with the toolkit, which `load_model` takes.

    Examples:
        >>> "micro_v2" in syncnas.model_names()
        True
    """
    from collab.config import zoo_names

    return zoo_names()


def load_model(model: Model | str | Path) -> Model:
    """Loads a model of the zoo by its name, or a config by its path.

    Args:
        model: a name, a path, or either with ``:blocks`` behind it, which makes every block a stage of its own; a model is returned as
            it is.

    Raises:
        ConfigError: there is no such model, or the config is refused.

    Examples:
        >>> base = syncnas.load_model("micro_v2")
        >>> base.is_collaborative
        False
    """
    if isinstance(model, Model):
        return model
    from collab.config import load

    return Model(str(model), load(model))
