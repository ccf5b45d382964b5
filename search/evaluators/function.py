"""``function``: a function of Python, such as one of a notebook, that takes a config and returns an accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from collab.console import one_line
from collab.errors import ConfigError
from collab.model import ModelConfig
from search.evaluators.base import EvaluationError, Query, Setting

NAME: Final = "function"
MOST_LABEL: Final = 200
"""Characters of a label."""


@dataclass(frozen=True)
class FunctionEvaluator:
    """Asks a function how accurate a model is; implements `search.evaluators.base.Evaluator`.

    `label` says which function it is: a search only goes on with an evaluator of the same one. What a function computes cannot be read off
    it, so whoever changes its numbers should change its label.
    """

    function: Callable[[ModelConfig], float]
    label: str

    def __post_init__(self) -> None:
        if not 0 < len(self.label) <= MOST_LABEL:
            raise ConfigError(f"label: the name of a function in a journal has 1 to {MOST_LABEL} characters, not {len(self.label)}")

    @property
    def settings(self) -> dict[str, Setting]:
        """Returns the settings that must be the same when a search goes on."""
        return {"evaluator": NAME, "function": self.label}

    def known(self) -> None:
        """Returns None: it evaluates any strategy."""

    def prepare(self, folder: object, say: Callable[[str], None]) -> None:
        del folder
        say(f"each strategy is evaluated by the function {self.label}")

    def evaluate(self, query: Query) -> float:
        if query.config is None:
            raise EvaluationError(f"{query.strategy}: a function evaluates models, whose widths come from device tables")
        return float(self.function(query.config))


def label_of(function: Callable[..., object]) -> str:
    """Returns where a function is defined, as ``package.module.name``."""
    kind = type(function)
    module, name = (str(getattr(function, attribute, getattr(kind, attribute, ""))) for attribute in ("__module__", "__qualname__"))
    return one_line(f"{module}.{name}")[:MOST_LABEL]
