"""Makes the evaluator that a command line names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collab.errors import ConfigError
from collab.system.portable import is_windows
from collab.wording.options import option_named
from search.evaluators.base import Evaluator, Setting

if TYPE_CHECKING:
    from collab.model import ModelConfig
    from search.evaluators.function import FunctionEvaluator

NAMES: Final = ("table", "command", "train", "supernet")
_SUPERNET_EPOCHS: Final = 8.0
_TRAIN_EPOCHS: Final = 5.0
_SUPERNET_VALIDATION: Final = 2000
_LONGEST_COMMAND: Final = 1000


@dataclass(frozen=True)
class EvaluatorOptions:
    """The options that concern the evaluator. Training settings that are None take the evaluator's own.

    `function` is given from Python only, with the name ``function``.
    """

    name: str
    table: Path | None = None
    command: str = ""
    timeout_s: float = 3600.0
    retries: int = 1
    data: str = "glyphs"
    epochs: float | None = None
    batch: int = 64
    learning_rate: float | None = None
    validation: int | None = None
    weights: Path | None = None
    threads: int | None = None
    seed: int = 0
    function: FunctionEvaluator | None = None

    @property
    def trains(self) -> bool:
        """Whether it trains networks, and so needs data."""
        return self.name in ("train", "supernet")

    @property
    def settings(self) -> dict[str, Setting]:
        """The settings that must be the same when a search goes on, besides the files that it reads."""
        if self.function is not None:
            return self.function.settings
        if self.name == "table":
            return {"evaluator": self.name}
        if self.name == "command":
            return {"evaluator": self.name, "command": self.command}
        return {
            "evaluator": self.name,
            "data": self.data,
            "epochs": self.epochs,
            "batch": self.batch,
            "learning_rate": self.learning_rate,
            "validation": self.validation,
        }


def check_options(options: EvaluatorOptions, *, has_tables: bool) -> None:
    """Refuses, before anything takes long, an evaluator that is not there or lacks an option.

    Raises:
        ConfigError: it does.
    """
    if options.function is None and options.name not in NAMES:
        raise ConfigError(f"{option_named('--evaluator', options.name)}: one of {', '.join(NAMES)}")
    if options.name == "table" and options.table is None:
        raise ConfigError(
            f"{option_named('--evaluator', 'table')} needs {option_named('--table')}, a CSV with the columns strategy and accuracy"
        )
    if options.name == "command" and not options.command.strip():
        raise ConfigError(
            f"{option_named('--evaluator', 'command')} needs {option_named('--command')}, e.g. 'python evaluate.py {{config}}'"
        )
    if options.name == "command" and is_windows():
        raise ConfigError(
            f"{option_named('--evaluator', 'command')} does not run on Windows, where outputs of a command cannot be waited for;"
            " search on Linux, on macOS or in WSL, or evaluate beforehand and give the accuracies with"
            f" {option_named('--evaluator', 'table')}"
        )
    if len(options.command) > _LONGEST_COMMAND:
        raise ConfigError(f"{option_named('--command')}: longer than {_LONGEST_COMMAND} characters; put it into a script")
    if options.name != "table" and not has_tables:
        raise ConfigError(
            f"{option_named('--evaluator', options.name)} evaluates models, whose widths come from device tables: give"
            f" {option_named('--lut')} and {option_named('--model')}"
        )


def make_evaluator(
    options: EvaluatorOptions, base: ModelConfig | None, *, branches: int, widest: Callable[[], list[list[int]]]
) -> Evaluator:
    """Makes the evaluator that the options name.

    Args:
        widest: gives (B, slots), the most expansion channels that any strategy has; only a supernet asks.
    """
    if options.function is not None:
        return options.function
    if options.name == "table":
        from search.evaluators.table import TableEvaluator

        assert options.table is not None
        return TableEvaluator(options.table)
    if options.name == "command":
        from search.evaluators.command import CommandEvaluator

        return CommandEvaluator.parse(options.command, timeout_s=options.timeout_s, retries=options.retries)
    assert base is not None
    if options.name == "train":
        return _train(options, base)
    return _supernet(options, base, branches, widest())


def _train(options: EvaluatorOptions, base: ModelConfig) -> Evaluator:
    from search.evaluators.train import TrainEvaluator
    from search.training.recipe import Recipe

    rate = {} if options.learning_rate is None else {"learning_rate": options.learning_rate}
    recipe = Recipe(epochs=_TRAIN_EPOCHS if options.epochs is None else options.epochs, batch=options.batch, **rate)
    return TrainEvaluator(
        base,
        options.data,
        recipe,
        weights=options.weights,
        validation=options.validation,
        threads=options.threads,
    )


def _supernet(options: EvaluatorOptions, base: ModelConfig, branches: int, widest: list[list[int]]) -> Evaluator:
    from search.evaluators.supernet import SupernetEvaluator
    from search.training.recipe import Recipe, SupernetRecipe

    rate = 0.05 if options.learning_rate is None else options.learning_rate
    recipe = SupernetRecipe(
        Recipe(epochs=_SUPERNET_EPOCHS if options.epochs is None else options.epochs, batch=options.batch, learning_rate=rate)
    )
    return SupernetEvaluator(
        base,
        branches,
        _by_stage(base, widest),
        options.data,
        recipe,
        validation=options.validation or _SUPERNET_VALIDATION,
        seed=options.seed,
        threads=options.threads,
    )


def _by_stage(base: ModelConfig, slots: list[list[int]]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Returns (B, slots) widths as branches of stages of blocks."""
    lengths = [len(stage.branches[0]) for stage in base.stages]
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    return tuple(tuple(tuple(branch[start : start + length]) for start, length in zip(starts, lengths, strict=True)) for branch in slots)
