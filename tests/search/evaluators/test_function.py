"""Functions as evaluators, and what a journal calls them."""

from __future__ import annotations

import functools
import pickle

import pytest

from collab.errors import ConfigError
from collab.model import ModelConfig
from search.evaluators.base import EvaluationError, Query
from search.evaluators.choose import EvaluatorOptions, check_options, make_evaluator
from search.evaluators.function import MOST_LABEL, NAME, FunctionEvaluator, label_of
from tests.search.models import micro


def macs(config: ModelConfig) -> float:
    return config.macs


class Callable:
    """An object that is called."""

    def __call__(self, config: ModelConfig) -> float:
        return 1.0


def test_it_asks_the_function() -> None:
    evaluator = FunctionEvaluator(macs, "mine")
    assert evaluator.evaluate(Query("nca", micro(), 0)) == micro().macs
    assert evaluator.known() is None
    assert evaluator.settings == {"evaluator": "function", "function": "mine"}
    assert pickle.loads(pickle.dumps(evaluator)) == evaluator
    said: list[str] = []
    evaluator.prepare(None, said.append)
    assert "mine" in said[0]


def test_without_a_model_there_is_nothing_to_ask() -> None:
    with pytest.raises(EvaluationError, match="nca: a function evaluates models"):
        FunctionEvaluator(macs, "mine").evaluate(Query("nca", None, 0))


def test_a_function_is_called_by_where_it_is_defined() -> None:
    assert label_of(macs) == f"{__name__}.macs"
    assert label_of(lambda config: config.macs).endswith("<lambda>")
    assert label_of(Callable()) == f"{__name__}.Callable"
    assert label_of(functools.partial(macs)) == "functools.partial"

    def odd(config: ModelConfig) -> float:
        return 0.0

    odd.__qualname__ = "x\n" * 500
    assert len(label_of(odd)) <= MOST_LABEL
    assert "\n" not in label_of(odd)


def test_a_label_is_bounded() -> None:
    for label in ("", "x" * (MOST_LABEL + 1)):
        with pytest.raises(ConfigError, match="label"):
            FunctionEvaluator(macs, label)


def test_it_is_given_from_python_only() -> None:
    evaluator = FunctionEvaluator(macs, "mine")
    options = EvaluatorOptions(NAME, function=evaluator)
    check_options(options, has_tables=True)
    assert options.settings == evaluator.settings
    assert not options.trains
    assert make_evaluator(options, micro(), branches=2, widest=list) is evaluator
