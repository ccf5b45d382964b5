"""Training: that networks learn, the same from the same seed, from inherited weights, and that failures are sentences."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from collab.errors import WeightsError
from collab.model import ModelConfig
from collab.networks import network, weights
from collab.variants import collaborative, random_collaborative
from search.data.base import Data, DataError
from search.data.open import open_for
from search.evaluators.base import EvaluationError, Query
from search.evaluators.train import TrainEvaluator
from search.inherit import inherited
from search.recipe import Recipe, RecipeError, SupernetRecipe
from search.training import (
    Progress,
    accuracy,
    derived_seed,
    initial_network,
    numpy_weights,
    pick_device,
    recalibrate,
    seeded,
    total_steps,
    train,
    train_stream,
)
from tests.models import changed
from tests.search.models import EASY, micro

QUICK = Recipe(epochs=2, batch=32, learning_rate=0.1)


def easy_data(config: ModelConfig) -> Data:
    return open_for(config, EASY)


def test_training_learns_and_is_fixed_by_its_seed() -> None:
    config = collaborative(micro(), "naa")
    data = easy_data(config)
    seen: list[tuple[int, float]] = []

    def trained(seed: int, recipe: Recipe = QUICK) -> tuple[float, network.Network]:
        net = initial_network(config, seed=seed)
        return train(net, data, recipe, seed=seed, on_step=lambda step, loss: seen.append((step, loss))), net

    result, net = trained(1)
    steps = [step for step, _ in seen]
    assert steps == [*range(10, total_steps(data, QUICK), 10), total_steps(data, QUICK)]
    assert seen[-1][1] < 0.7 * seen[0][1]
    assert result > 0.6, "chance is 0.1"
    assert result == accuracy(net, data)
    assert not net.training
    again, other = trained(1)
    assert again == result
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in net.state_dict().items())
    assert not torch.equal(trained(2, replace(QUICK, epochs=0.1))[1].classifier[1].weight, net.classifier[1].weight)


def test_glyphs_can_be_learnt() -> None:
    stages = {"0": [[12, 3, 1, 8, 8, 8]], "1": [[12, 3, 2, 8, 24, 12], [6, 3, 1, 12, 32, 12]], "2": [[6, 3, 1, 12, 32, 12]]}
    config = changed(micro(), {"num_classes": 2, **stages})
    data = open_for(config, "glyphs:train=1500,val=300")
    assert train(initial_network(config, seed=0), data, Recipe(epochs=8, batch=32), seed=0) > 0.75, "chance is 0.5"


def test_training_leaves_the_programs_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(9):
        torch.rand(100)
    initial_network(micro(), seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_stream_goes_on_at_any_step() -> None:
    data, recipe = easy_data(micro()), Recipe(epochs=2.5, batch=100)
    whole = list(train_stream(data, recipe, seed=3))
    assert len(whole) == total_steps(data, recipe) == math.ceil(2.5 * (data.train_images // 100))
    for start in (1, data.train_images // 100, len(whole) - 1, len(whole)):
        rest = list(train_stream(data, recipe, seed=3, start=start))
        assert len(rest) == len(whole) - start
        assert all(np.array_equal(one[0], other[0]) for one, other in zip(rest, whole[start:], strict=True))


def test_recalibration_gives_the_statistics_of_the_images() -> None:
    config = micro()
    data = easy_data(config)
    net = initial_network(config, seed=0)
    recalibrate(net, data, batches=3, batch=16)
    images = torch.from_numpy(np.stack([images for images, _ in data.calibration_batches(16, 3)]))
    with torch.no_grad():
        features = [net.stem_conv[0](batch) for batch in images]
    norm = net.stem_conv[1]
    assert torch.allclose(norm.running_mean, torch.stack([f.mean((0, 2, 3)) for f in features]).mean(0), atol=1e-5)
    assert torch.allclose(norm.running_var, torch.stack([f.var((0, 2, 3)) for f in features]).mean(0), rtol=1e-3)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {config.bn_momentum}
    assert not any(module.training for module in net.modules())


def test_accuracy_counts_hits() -> None:
    config = micro()
    data = easy_data(config)
    net = initial_network(config, seed=0)
    with torch.no_grad():
        net.classifier[1].weight.zero_()
        net.classifier[1].bias.copy_(torch.eye(10)[3])
    labels = [int(label) for _, batch in data.validation_batches(50) for label in batch]
    assert accuracy(net, data) == labels.count(3) / len(labels)
    assert accuracy(net, data, limit=40) == labels[:40].count(3) / 40 > 0


def test_a_loss_that_is_no_number_is_an_error() -> None:
    config = micro()
    net = initial_network(config, seed=0)
    with torch.no_grad():
        net.classifier[1].bias.fill_(math.nan)
    with pytest.raises(EvaluationError, match=r"micro: the loss of training step \d+ is nan; choose a learning rate below"):
        train(net, easy_data(config), QUICK, seed=0)


def test_seeds_depend_on_all_but_the_name() -> None:
    config = micro()
    assert derived_seed(config, 1) == derived_seed(changed(config, {"name": "other"}), 1)
    assert derived_seed(config, 1) != derived_seed(config, 2)
    assert derived_seed(config, 1) != derived_seed(changed(config, {"eps": 0.01}), 1)


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("warp", "cuda:77"):
        with pytest.raises(EvaluationError, match=f"torch cannot use the device '{name}' here"):
            pick_device(name)


@pytest.mark.parametrize(
    ("setting", "value"), [("epochs", 0), ("batch", 1), ("learning_rate", math.nan), ("momentum", 1), ("weight_decay", -1), ("warm_up", 2)]
)
def test_refusals_of_recipes(setting: str, value: float) -> None:
    with pytest.raises(RecipeError, match=f"{setting} of the training is {value}; it must be"):
        Recipe(**{setting: value})  # type: ignore[arg-type]


def test_refusals_of_supernet_recipes() -> None:
    with pytest.raises(RecipeError, match="low of the supernet's training is 2; it must be above 0"):
        SupernetRecipe(low=2)


def test_progress_is_said_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = iter([0.0, 1.0, 90.0, 91.0, 92.0])
    monkeypatch.setattr("search.training.time", SimpleNamespace(monotonic=lambda: next(clock_s)))
    lines: list[str] = []
    progress = Progress("training", 20, lines.append)
    for step, loss in ((5, 2.5), (10, 2.0), (15, 1.75), (20, 1.5)):
        progress(step, loss)
    assert lines == ["training: step 10 of 20, loss 2.000, 1 min 30 s left", "training: step 20 of 20, loss 1.500, 0 min 00 s left"]


def slices_of(config: ModelConfig, source: dict[str, weights.Array], *, source_is: str = "source") -> dict[str, weights.Array]:
    return inherited(config, weights.seeded(config, seed=9), source, origin=source_is)


def test_a_base_model_inherits_all() -> None:
    source = weights.seeded(micro(), seed=1)
    result = slices_of(micro(), source)
    assert list(result) == list(source)
    assert all(np.array_equal(result[name], source[name]) for name in source)


def test_a_branch_inherits_the_channels_that_matter_most() -> None:
    base = micro()
    source = weights.seeded(base, seed=1)
    config = collaborative(base, "nca", scale=0.5)
    result = slices_of(config, source)
    width = config.stages[1].branches[0][1].exp_c
    projection = source["stages.1.blocks.1.pw2.0.weight"]
    ranked = np.argsort(-np.abs(projection).sum(axis=(0, 2, 3)), kind="stable")
    chosen = np.sort(ranked[::2][:width])
    share = config.stages[1].branches[0][1].out_c
    assert np.array_equal(result["stage2.branch1.1.pw1.0.weight"], source["stages.1.blocks.1.pw1.0.weight"][chosen])
    assert np.array_equal(result["stage2.branch1.1.dw.1.running_var"], source["stages.1.blocks.1.dw.1.running_var"][chosen])
    assert np.array_equal(result["stage2.branch1.1.pw2.0.weight"], projection[:share][:, chosen])
    # The second branch takes the other channels, and the rows after the first one's share; a little of its initial weights stays.
    other = config.stages[1].branches[1][1]
    chosen = np.sort(ranked[1::2][: other.exp_c])
    expected = 0.9 * projection[share:][:, chosen] + 0.1 * weights.seeded(config, seed=9)["stage2.branch2.1.pw2.0.weight"]
    assert np.allclose(result["stage2.branch2.1.pw2.0.weight"], expected, atol=1e-6)
    assert np.array_equal(result["stage2.branch2.1.pw2.1.weight"], source["stages.1.blocks.1.pw2.1.weight"][share:])
    for name in ("stem_conv.0.weight", "head_conv.1.bias", "classifier.1.weight"):
        assert np.array_equal(result[name], source[name])


def test_half_branches_add_up_to_the_base_block() -> None:
    base = micro()
    source = weights.seeded(base, seed=1)
    names = [f"stage2.branch{branch}.0.pw1.1.bias" for branch in (1, 2)]
    document = collaborative(base, "naa", scale=0.5).document
    half = base.stages[1].branches[0][0].exp_c // 2
    stage = {branch: [[*rows[0][:4], half, rows[0][5]], *rows[1:]] for branch, rows in document["1"].items()}
    config = changed(collaborative(base, "naa", scale=0.5), {"1": stage})
    result = slices_of(config, source)
    assert sorted(np.concatenate([result[name] for name in names])) == sorted(source["stages.1.blocks.0.pw1.1.bias"])


def test_what_the_source_lacks_stays_initial() -> None:
    base = micro()
    source, wider = weights.seeded(base, seed=1), collaborative(base, "naa", scale=1.5)
    initial, result = weights.seeded(wider, seed=9), slices_of(wider, source)
    count = base.stages[1].branches[0][0].exp_c
    assert np.array_equal(result["stage2.branch1.0.dw.0.weight"][:count], source["stages.1.blocks.0.dw.0.weight"])
    assert np.array_equal(result["stage2.branch1.0.dw.0.weight"][count:], initial["stage2.branch1.0.dw.0.weight"][count:])
    # A block with an expansion that the base computes without one keeps the initial expansion.
    document = wider.document
    stage = {branch: [[*rows[0][:4], 12, rows[0][5]]] for branch, rows in document["0"].items()}
    expanded = changed(wider, {"0": stage})
    result = slices_of(expanded, source)
    assert np.array_equal(result["stage1.branch1.0.pw1.0.weight"], weights.seeded(expanded, seed=9)["stage1.branch1.0.pw1.0.weight"])
    assert np.array_equal(result["stage1.branch1.0.dw.0.weight"][:8], source["stages.0.blocks.0.dw.0.weight"])


def test_collaborative_models_inherit_from_each_other() -> None:
    base = micro()
    given, wanted = collaborative(base, "cca"), collaborative(base, "naa")
    source = weights.seeded(given, seed=1)
    assert all(np.array_equal(array, source[name]) for name, array in slices_of(given, source).items() if "branch2" not in name)
    initial, result = weights.seeded(wanted, seed=9), slices_of(wanted, source)
    share = given.stages[1].branches[0][1].out_c
    ours, theirs = result["stage2.branch2.1.pw2.1.bias"], source["stage2.branch2.1.pw2.1.bias"]
    assert np.array_equal(ours[share:], theirs)
    assert np.array_equal(ours[:share], initial["stage2.branch2.1.pw2.1.bias"][:share])


def test_inherited_weights_fit_any_found_model() -> None:
    generator = np.random.default_rng(0)
    models = [random_collaborative(micro(), generator, branches=2) for _ in range(12)]
    sources = [weights.seeded(micro()), *(weights.seeded(model) for model in models[:4])]
    for model in models:
        for source in sources:
            weights.check(model, slices_of(model, source), origin="test")


def test_inheriting_from_another_model_is_refused() -> None:
    def refused(config: ModelConfig, expected: str) -> None:
        with pytest.raises(WeightsError, match=f"base.pth: {expected}.*; give a checkpoint of the base model"):
            slices_of(collaborative(micro(), "naa"), weights.seeded(config), source_is="base.pth")

    refused(changed(micro(), {"1": [[8, 5, 2, 8, 24, 12]]}), r"stages\.1\.blocks\.0\.dw\.0\.weight has shape \[24, 1, 5, 5\]")
    refused(changed(micro(), {"stem": [3, 8, 5, 2]}), r"stem_conv\.0\.weight has shape")
    refused(changed(micro(), {"1": [[8, 3, 2, 8, 24, 12]]}), r"stages\.1\.blocks\.1\.dw\.0\.weight is missing")
    with pytest.raises(WeightsError, match=r"base\.pth: stages\.2\.blocks\.0\.dw\.0\.weight is missing"):
        slices_of(
            micro(), {name: array for name, array in weights.seeded(micro()).items() if "stages.2." not in name}, source_is="base.pth"
        )


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


def test_numpy_weights_are_copies() -> None:
    net = initial_network(micro(), seed=0)
    before = copy.deepcopy(net.state_dict())
    arrays = numpy_weights(net)
    assert set(arrays) == set(weights.model_tensors(micro()))
    for array in arrays.values():
        array.fill(7)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_evaluators_are_imported_without_torch() -> None:
    code = "import sys, search.evaluators.train, search.evaluators.supernet; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
