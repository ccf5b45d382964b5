"""The supernet: its slices, its forward pass, its training, and that a training that is cut off goes on to the same weights."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from collab.model import ModelConfig
from collab.networks import network, weights
from collab.variants import collaborative, random_collaborative
from search.data.base import Data
from search.data.open import open_for
from search.evaluators.base import EvaluationError, Query
from search.evaluators.supernet import SupernetEvaluator
from search.recipe import Recipe, SupernetRecipe
from search.supernet import FILE, ModelFamily, Supernet, SupernetError, Widths, inherited_weights, initial_supernet, load, train_supernet
from search.training import accuracy, recalibrate
from tests.models import changed
from tests.processes import wait_until
from tests.search.models import EASY, micro

WIDEST: Widths = (((12,), (24, 32), (40,)), ((8,), (20, 32), (32,)))
QUICK = SupernetRecipe(training=Recipe(epochs=1, batch=64, learning_rate=0.1), samples=1)


def space() -> ModelFamily:
    return ModelFamily(micro(), 2, WIDEST)


def supernet(seed: int = 0) -> Supernet:
    return initial_supernet(space(), seed=seed)


def digits() -> Data:
    return open_for(micro(), EASY)


def image(seed: int = 0, batch: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((batch, 3, 16, 16), dtype=np.float32))


def with_widths(config: ModelConfig, widths: Widths) -> ModelConfig:
    document = {
        str(index): {
            str(branch): [[*row[:4], width, row[5]] for row, width in zip(rows, widths[branch][index], strict=True)]
            for branch, rows in enumerate(config.document[str(index)].values())
        }
        for index in range(len(config.stages))
    }
    return changed(config, document)


def test_supernet_holds_the_widest_model() -> None:
    net = supernet()
    expected = {name: shape for name, shape in weights.model_tensors(space().widest_model()).items() if "running" not in name}
    held = {name: tuple(tensor.shape) for name, tensor in net.tensors.items()}
    # The second branch computes stage 0 without an expansion; the supernet holds one all the same, a step wider than the input.
    extra = {"stage1.branch2.0.pw1.0.weight", "stage1.branch2.0.pw1.1.weight", "stage1.branch2.0.pw1.1.bias"}
    assert set(held) - set(expected) == extra
    assert held["stage1.branch2.0.pw1.0.weight"] == (12, 8, 1, 1)
    assert all(held[name] == shape for name, shape in expected.items() if not name.startswith("stage1.branch2"))
    assert all(tensor.requires_grad and tensor.is_leaf for tensor in net.tensors.values())


def test_slices_are_those_cut_by_hand() -> None:
    net = supernet()
    config = with_widths(collaborative(micro(), "nca"), (((8,), (16, 28), (12 + 4,)), ((8,), (4, 12 + 4), (32,))))
    slices, held = net.slices(config), net.tensors
    assert {name: tuple(view.shape) for name, view in slices.items()} == {
        name: shape for name, shape in weights.model_tensors(config).items() if "running" not in name
    }
    assert "stage1.branch1.0.pw1.0.weight" not in slices
    assert torch.equal(slices["stage2.branch1.0.pw1.0.weight"], held["stage2.branch1.0.pw1.0.weight"][:16])
    assert torch.equal(slices["stage2.branch1.0.dw.1.bias"], held["stage2.branch1.0.dw.1.bias"][:16])
    assert torch.equal(slices["stage2.branch1.0.pw2.0.weight"], held["stage2.branch1.0.pw2.0.weight"][:, :16])
    # Stage 1 is concatenated: 8 of its 12 channels are the first branch's, 4 the second's.
    assert torch.equal(slices["stage2.branch1.1.pw2.0.weight"], held["stage2.branch1.1.pw2.0.weight"][:8, :28])
    assert torch.equal(slices["stage2.branch2.1.pw2.0.weight"], held["stage2.branch2.1.pw2.0.weight"][8:, :16])
    assert torch.equal(slices["stage2.branch2.1.pw2.1.weight"], held["stage2.branch2.1.pw2.1.weight"][8:])
    assert torch.equal(slices["stage3.branch2.0.pw2.0.weight"], held["stage3.branch2.0.pw2.0.weight"])
    assert all(view.untyped_storage().data_ptr() == held[name].untyped_storage().data_ptr() for name, view in slices.items())


def test_forward_is_that_of_the_network() -> None:
    net, generator = supernet(), np.random.default_rng(0)
    for number in range(8):
        config = space().random_model(generator, low=0.2)
        own = net.subnet(config)
        own.train()
        own.classifier[0].eval()
        x = image(number)
        torch.manual_seed(number)
        logits = net.forward(config, x)
        torch.manual_seed(number)
        own.classifier[0].train()
        assert torch.equal(logits, own(x)), config.name


def test_gradients_flow_to_the_slices_alone() -> None:
    net = supernet()
    config = with_widths(collaborative(micro(), "nca"), (((8,), (16, 28), (16,)), ((8,), (4, 16), (32,))))
    net.forward(config, image()).square().sum().backward()
    sliced = net.slices(config)
    for name, tensor in net.tensors.items():
        if name not in sliced:
            assert tensor.grad is None
            continue
        assert tensor.grad is not None
        touched = torch.zeros_like(tensor, dtype=torch.bool)
        Supernet(net.space, {**net.tensors, name: touched}).slices(config)[name].fill_(True)
        assert not tensor.grad[~touched].any(), name
        assert tensor.grad[touched].any(), name


def test_subnet_is_a_copy_that_trains_on() -> None:
    net = supernet()
    config = space().random_model(np.random.default_rng(1), low=0.5)
    own = net.subnet(config)
    assert not own.training
    before = {name: tensor.detach().clone() for name, tensor in net.tensors.items()}
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.fill_(3)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.tensors.items())
    own.train()(image()).sum().backward()


def test_models_drawn_are_within_the_space() -> None:
    generator, seen, letters = np.random.default_rng(0), set(), set()
    for _ in range(200):
        config = space().random_model(generator, low=0.2)
        letters.update(enumerate(config.strategy))
        for index, stage in enumerate(config.stages):
            for branch, blocks in enumerate(stage.branches):
                for number, (block, base) in enumerate(zip(blocks, micro().stages[index].branches[0], strict=True)):
                    assert block.exp_c <= WIDEST[branch][index][number]
                    assert block.exp_c % 4 == 0
                    assert block.has_expansion or not base.has_expansion
                    seen.add((branch, index, number, block.exp_c))
    assert letters == {(0, "n"), (0, "a"), (0, "c"), (1, "n"), (1, "a"), (1, "c"), (2, "a"), (2, "c")}
    assert {width for branch, index, _, width in seen if (branch, index) == (0, 2)} == {8, 16, 20, 24, 28, 32, 36, 40}
    # In stage 0 the base has no expansion: models do without one, or have one where the space is wider than the input.
    assert {width for branch, index, _, width in seen if (branch, index) == (0, 0)} == {4, 8, 12}
    assert {width for branch, index, _, width in seen if (branch, index) == (1, 0)} == {8}
    narrow = space().narrowest_model(generator, low=0.2)
    assert [block.exp_c for block in narrow.stages[2].branches[0]] == [8]
    assert space().widest_model().strategy == "aaa"


def test_a_block_that_is_widest_at_its_input_keeps_its_expansion() -> None:
    narrow = ModelFamily(micro(), 2, (((8,), (8, 12), (12,)), ((8,), (24, 32), (32,))))
    for config in (narrow.widest_model(), *(narrow.random_model(np.random.default_rng(seed), low=1) for seed in range(5))):
        assert all(block.has_expansion for stage in config.stages[1:] for blocks in stage.branches for block in blocks)
        initial_supernet(narrow, seed=0).slices(config)


def test_stages_without_shares_are_not_concatenated() -> None:
    base = changed(micro(), {"0": [[8, 3, 1, 8, 8, 6]], "1": [[8, 3, 2, 6, 24, 12], [4, 3, 1, 12, 32, 12]]})
    assert ModelFamily(base, 2, WIDEST).letters == ("na", "nac", "ac")


def test_any_random_model_can_be_sliced_if_it_is_narrow_enough() -> None:
    net, generator = supernet(), np.random.default_rng(2)
    for _ in range(20):
        config = random_collaborative(micro(), generator, branches=2, low=0.2, high=0.8)
        assert net.subnet(config)(image()).shape == (4, 10)


def test_refusals_of_models() -> None:
    net = supernet()

    def refused(config: ModelConfig, expected: str) -> None:
        with pytest.raises(EvaluationError, match=expected):
            net.slices(config)

    refused(micro(), "the supernet is for 2 branches of micro")
    refused(collaborative(micro(), "naa", branches=3), "the supernet is for 2 branches of micro")
    refused(collaborative(changed(micro(), {"num_classes": 3}), "naa"), "the supernet is for 2 branches of micro")
    refused(collaborative(micro(), "naa", scale=2), r"block 0 of stage 1, branch 0, has 48 expansion channels, the supernet at most 24")
    other = changed(micro(), {"2": [[4, 5, 1, 12, 32, 12]]})
    refused(collaborative(other, "naa", scale=0.5), "the blocks of stage 2, branch 0, are not those of micro")
    other = changed(micro(), {"0": [[8, 3, 1, 8, 8, 12]], "1": [[8, 3, 2, 12, 24, 12], [4, 3, 1, 12, 32, 12]]})
    refused(collaborative(other, "naa", scale=0.5), "stage 0 gives 12 channels, that of the supernet 8")


def test_refusals_of_spaces() -> None:
    with pytest.raises(SupernetError, match="needs a base model and two branches or more"):
        ModelFamily(micro(), 1, WIDEST[:1])
    with pytest.raises(SupernetError, match=r"2 branches of stages with \[1, 2, 1\] blocks each"):
        ModelFamily(micro(), 2, (WIDEST[0], ((8,), (20,), (32,))))
    with pytest.raises(SupernetError, match="4 channels or more"):
        ModelFamily(micro(), 2, (WIDEST[0], ((8,), (20, 2), (32,))))


def test_training_makes_all_models_better_than_chance(tmp_path: Path) -> None:
    recipe = SupernetRecipe(training=Recipe(epochs=3, batch=64, learning_rate=0.1), samples=1)
    lines: list[str] = []
    train_supernet(space(), digits(), recipe, tmp_path, seed=0, say=lines.append)
    assert "left" in lines[-1]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    net, generator = load(tmp_path), np.random.default_rng(0)
    results = []
    for config in (space().widest_model(), space().narrowest_model(generator, low=0.2), space().random_model(generator, low=0.2)):
        own = net.subnet(config)
        recalibrate(own, digits())
        results.append(accuracy(own, digits()))
        arrays = inherited_weights(net, config, digits())
        assert accuracy(network.from_weights(config, arrays), digits()) == results[-1]
    assert min(results) > 0.3, "chance is 0.1"
    assert results[0] > 0.5


def same(one: Supernet, other: Supernet) -> bool:
    return all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a supernet of the recipe QUICK and the seed 1, trained at one go."""
    folder = tmp_path_factory.mktemp("whole")
    train_supernet(space(), digits(), QUICK, folder, seed=1)
    return folder


def test_training_is_fixed_by_its_seed_and_goes_on_where_it_was_cut_off(trained: Path, tmp_path: Path) -> None:
    for name in ("cut", "other"):
        (tmp_path / name).mkdir()
    whole = load(trained)

    def cut(step: int, loss: float) -> None:
        if step == 20:
            raise KeyboardInterrupt

    saving, lines = replace(QUICK, save_every_s=0), list[str]()
    with pytest.raises(KeyboardInterrupt):
        train_supernet(space(), digits(), saving, tmp_path / "cut", seed=1, on_step=cut)
    steps: list[int] = []
    resumed = train_supernet(
        space(), digits(), saving, tmp_path / "cut", seed=1, say=lines.append, on_step=lambda step, _: steps.append(step)
    )
    assert lines[0] == "supernet: going on from step 10 of 22"
    assert steps == [20, 22]
    assert same(resumed, whole)
    assert same(load(tmp_path / "cut"), whole)
    assert not same(train_supernet(space(), digits(), QUICK, tmp_path / "other", seed=2), whole)
    # A finished one is read, not trained.
    steps.clear()
    again = train_supernet(space(), digits(), QUICK, trained, seed=1, on_step=lambda step, _: steps.append(step))
    assert not steps
    assert same(again, whole)


KILLED = """
import sys, time
from pathlib import Path
import torch
from tests.search.test_supernet import QUICK, digits, replace, space, train_supernet
torch.set_num_threads(int(sys.argv[2]))
def say_step(step, loss):
    print(step, flush=True)
    if step == 20:
        time.sleep(600)
train_supernet(space(), digits(), replace(QUICK, save_every_s=0), Path(sys.argv[1]), seed=1, on_step=say_step)
"""


def test_training_survives_being_killed(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(torch.get_num_threads())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "10\n"
        wait_until(lambda: (tmp_path / "killed" / "supernet.partial.pth").exists() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed" / FILE).exists()
    assert same(train_supernet(space(), digits(), QUICK, tmp_path / "killed", seed=1), load(trained))
    assert [path.name for path in (tmp_path / "killed").iterdir() if not path.name.startswith(".")] == [FILE]


def test_files_that_do_not_fit_are_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / FILE, tmp_path)
    wider = ModelFamily(micro(), 2, (WIDEST[0], ((8,), (20, 36), (32,))))

    def refused(
        expected: str, *, other: ModelFamily | None = None, data: Data | None = None, recipe: SupernetRecipe = QUICK, seed: int = 1
    ) -> None:
        with pytest.raises(SupernetError, match=rf"supernet\.pth: {expected}"):
            train_supernet(other or space(), data or digits(), recipe, tmp_path, seed=seed)

    refused("was trained with another widest; choose another folder", other=wider)
    refused("was trained with another data;", data=open_for(micro(), "digits:seed=5"))
    refused("was trained with another recipe and another seed;", recipe=replace(QUICK, samples=2), seed=2)
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    refused("cannot be read as a supernet; delete it to train anew")
    torch.save({"about": json.dumps({"format": 99}), "tensors": {}}, tmp_path / FILE)
    refused("has format 99, this version reads 1")
    torch.save(os.getcwd, tmp_path / FILE)
    refused("cannot be read as a supernet")
    with pytest.raises(SupernetError, match="no such file; train a supernet first"):
        load(tmp_path / "none")


@pytest.mark.parametrize("damage", ["missing", "more", "shape", "nan", "kind", "none"])
def test_a_supernet_with_other_tensors_is_refused(trained: Path, tmp_path: Path, damage: str) -> None:
    content = torch.load(trained / FILE, weights_only=True)
    tensors = content["tensors"]
    name = sorted(tensors)[0]
    if damage == "missing":
        del tensors[name]
    elif damage == "more":
        tensors["another"] = tensors[name]
    elif damage == "shape":
        tensors[name] = tensors[name][..., None]
    elif damage == "nan":
        tensors[name].view(-1)[0] = float("nan")
    elif damage == "kind":
        tensors[name] = tensors[name].double()
    else:
        tensors[name] = None
    torch.save(content, tmp_path / FILE)
    with pytest.raises(SupernetError, match=r"supernet\.pth: its tensor .* delete it to train anew"):
        load(tmp_path)
    with pytest.raises(SupernetError, match=r"supernet\.pth: its tensor .* delete it to train anew"):
        train_supernet(space(), digits(), QUICK, tmp_path, seed=1)


def test_evaluator(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / FILE, tmp_path)
    evaluator = SupernetEvaluator(micro(), 2, WIDEST, EASY, recipe=QUICK, validation=100, seed=1)
    config = collaborative(micro(), "cna", scale=0.8)
    assert evaluator.needs_config
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
    (tmp_path / FILE).unlink()
    with pytest.raises(SupernetError, match="cannot be found"):
        copied.evaluate(Query("cna", config, seed=0))
