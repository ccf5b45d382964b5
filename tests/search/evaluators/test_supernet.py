"""Accuracy by a supernet."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from collab.networks import network
from collab.variants import collaborative
from search.evaluators.base import EvaluationError, Query
from search.evaluators.supernet import SupernetEvaluator
from search.supernet.family import SupernetError
from search.supernet.files import SUPERNET_FILE
from search.training.judge import accuracy
from tests.search.models import EASY, micro
from tests.search.supernets import QUICK, WIDEST, digits


def test_evaluator(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / SUPERNET_FILE, tmp_path)
    evaluator = SupernetEvaluator(micro(), 2, WIDEST, EASY, recipe=QUICK, validation=100, seed=1)
    config = collaborative(micro(), "cna", scale=0.8)
    with pytest.raises(EvaluationError, match="not trained yet"):
        evaluator.evaluate(Query("cna", config, seed=0))
    evaluator.prepare(tmp_path, lambda line: None)
    copied = pickle.loads(pickle.dumps(evaluator))
    result = evaluator.evaluate(Query("cna", config, seed=0))
    assert result == copied.evaluate(Query("cna", config, seed=7))
    own = network.from_weights(config, evaluator.trained_weights(config))
    assert accuracy(own, digits(), limit=100) == result
    with pytest.raises(EvaluationError, match="sliced by widths"):
        evaluator.evaluate(Query("cna", None, seed=0))
    with pytest.raises(EvaluationError, match="the supernet at most"):
        evaluator.evaluate(Query("cna", collaborative(micro(), "cna", scale=3), seed=0))
    (tmp_path / SUPERNET_FILE).unlink()
    with pytest.raises(SupernetError, match="cannot be found"):
        copied.evaluate(Query("cna", config, seed=0))
