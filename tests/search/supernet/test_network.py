"""The slices of a supernet and its forward pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from collab.model import ModelConfig
from collab.networks import weights
from collab.variants import collaborative, random_collaborative
from search.evaluators.base import EvaluationError
from search.supernet.family import ModelFamily
from search.supernet.network import Supernet, initial_supernet
from tests.models import changed
from tests.search.models import micro
from tests.search.supernets import image, space, supernet, with_widths


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
        Supernet(net.family, {**net.tensors, name: touched}).slices(config)[name].fill_(True)
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


def test_a_block_that_is_widest_at_its_input_keeps_its_expansion() -> None:
    narrow = ModelFamily(micro(), 2, (((8,), (8, 12), (12,)), ((8,), (24, 32), (32,))))
    for config in (narrow.widest_model(), *(narrow.random_model(np.random.default_rng(seed), low=1) for seed in range(5))):
        assert all(block.has_expansion for stage in config.stages[1:] for blocks in stage.branches for block in blocks)
        initial_supernet(narrow, seed=0).slices(config)


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
