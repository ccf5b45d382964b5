"""Accuracy by training."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from collab.errors import WeightsError
from collab.networks import weights
from collab.variants import collaborative
from search.data.base import DataError
from search.evaluators.base import EvaluationError, Query
from search.evaluators.train import TrainEvaluator
from search.training.recipe import Recipe
from search.training.train import initial_network, train
from tests.models import changed
from tests.search.models import EASY, micro
from tests.search.trainings import QUICK, easy_data


def test_evaluator_trains_each_model(tmp_path: Path) -> None:
    config = collaborative(micro(), "cna")
    evaluator = TrainEvaluator(micro(), EASY, recipe=Recipe(epochs=1, batch=32), threads=torch.get_num_threads())
    lines: list[str] = []
    evaluator.prepare(tmp_path, lines.append)
    assert len(lines) == 1
    assert "44 steps on digits" in lines[0]
    copied = pickle.loads(pickle.dumps(evaluator))
    assert copied == evaluator
    result = evaluator.evaluate(Query("cna", config, seed=3))
    assert 0 <= result <= 1
    assert copied.evaluate(Query("cna", config, seed=3)) == result
    with pytest.raises(EvaluationError, match="cna: a model can only be trained with widths"):
        evaluator.evaluate(Query("cna", None, seed=3))


def test_evaluator_inherits_a_trained_base(tmp_path: Path) -> None:
    config = collaborative(micro(), "naa")
    data = easy_data(config)
    net = initial_network(micro(), seed=0)
    base_accuracy = train(net, data, QUICK, seed=0)
    torch.save(net.state_dict(), tmp_path / "base.pth")
    short = Recipe(epochs=1, batch=32, learning_rate=0.02)
    inheriting = TrainEvaluator(micro(), EASY, recipe=short, weights=tmp_path / "base.pth")
    inheriting.prepare(tmp_path, lambda line: None)
    query = Query("naa", config, seed=0)
    result = inheriting.evaluate(query)
    scratch = TrainEvaluator(micro(), EASY, recipe=short).evaluate(query)
    assert base_accuracy > 0.6
    assert result > scratch + 0.15


def test_evaluator_refuses_before_the_search(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        TrainEvaluator(micro(), str(tmp_path / "none")).prepare(tmp_path, lambda line: None)
    with pytest.raises(WeightsError, match="no such file"):
        TrainEvaluator(micro(), EASY, weights=tmp_path / "none.pth").prepare(tmp_path, lambda line: None)
    np.savez(tmp_path / "other.npz", **weights.seeded(changed(micro(), {"stem": [3, 8, 5, 2]})))  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=r"other\.npz: stem_conv"):
        TrainEvaluator(micro(), EASY, weights=tmp_path / "other.npz").prepare(tmp_path, lambda line: None)
    with pytest.raises(EvaluationError, match="cannot use the device 'warp'"):
        TrainEvaluator(micro(), EASY, device="warp").prepare(tmp_path, lambda line: None)


def test_evaluators_are_imported_without_torch() -> None:
    code = "import sys, search.evaluators.train, search.evaluators.supernet; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
