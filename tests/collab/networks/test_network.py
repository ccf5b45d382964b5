"""The torch network: names, numbers, and that its segments compute what it computes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from collab import config as configs
from collab.blocks import Add, Concat, MBConv
from collab.model import ModelConfig
from collab.networks import network, weights
from collab.placement import Placement, default_placement
from collab.schedule import NETWORK_INPUT, Schedule, Source, build_schedule
from collab.variants import collaborative
from exporters.checking import reference_input
from tests.collab.networks.made_networks import MINI, difference, image, logits, seeded_network, span
from tests.models import changed

ROUNDING = 1e-5
"""Of the output's range: float32 sums taken in another order."""


def run_schedule(schedule: Schedule, modules: Mapping[str, torch.nn.Module], x: torch.Tensor) -> torch.Tensor:
    """Evaluates all segments in the schedule's order on an NCHW input and returns the logits (batch, classes)."""
    values = {Source(NETWORK_INPUT): x}
    with torch.no_grad():
        for segment in schedule.segments:
            values[Source(segment.name)] = modules[segment.name](*(values[source] for source in segment.sources))
    return values[schedule.outputs[0]]


def plain_logits(config: ModelConfig, tensors: weights.Weights, x: Tensor) -> Tensor:
    """The model written down a second time, straight from config and weights, without modules or schedules."""

    def conv(x: Tensor, prefix: str, *, stride: int = 1, act: str | None) -> Tensor:
        kernel = torch.from_numpy(tensors[f"{prefix}.0.weight"])
        gamma, beta, mean, var = (
            torch.from_numpy(tensors[f"{prefix}.1.{name}"]).reshape(1, -1, 1, 1)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        y = functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[2] // 2, groups=x.shape[1] // kernel.shape[1])
        y = (y - mean) / torch.sqrt(var + config.eps) * gamma + beta
        return y if act is None else y.clamp(0, 6) if act == "relu6" else y.clamp(0)

    def mbconv(x: Tensor, prefix: str, block: MBConv) -> Tensor:
        y = conv(x, f"{prefix}.pw1", act=block.act) if block.in_c != block.exp_c else x
        y = conv(conv(y, f"{prefix}.dw", stride=block.stride, act=block.act), f"{prefix}.pw2", act=None)
        return y + x if block.in_c == block.out_c and block.stride == 1 else y

    features = [conv(x, "stem_conv", stride=config.stem.stride, act=config.stem.act)] * config.branches
    for index, stage in enumerate(config.stages):
        for branch, blocks in enumerate(stage.branches):
            prefix = f"stages.{index}.blocks" if stage.sync is None else f"stage{index + 1}.branch{branch + 1}"
            for number, block in enumerate(blocks):
                features[branch] = mbconv(features[branch], f"{prefix}.{number}", block)
        if stage.sync == "a":
            features = [torch.stack(features).sum(0)] * config.branches
        elif stage.sync == "c":
            features = [torch.cat(features, dim=1)] * config.branches
    pooled = conv(features[0], "head_conv", stride=config.head.stride, act=config.head.act).mean((2, 3))
    return pooled @ torch.from_numpy(tensors["classifier.1.weight"]).T + torch.from_numpy(tensors["classifier.1.bias"])


def placements(branches: int) -> list[Placement]:
    units = default_placement(branches).units
    return [Placement(units), Placement(units, stem=0), Placement(units, stem=branches - 1, head=branches - 1)]


@pytest.mark.parametrize("name", configs.zoo_names())
def test_network_of_every_zoo_model(name: str) -> None:
    config = configs.load(name)
    tensors = weights.seeded(config)
    net = network.from_weights(config, tensors)
    state = {key: tuple(value.shape) for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert state == weights.model_tensors(config)
    x = image(config, batch=2)
    y = logits(net, x)
    assert y.shape == (2, config.head.classes)
    assert difference(y, plain_logits(config, tensors, x)) < ROUNDING
    # Logits must vary over classes and from input to input by far more than the 1e-4 that exports are compared to.
    assert float(y[0].std()) > 0.05 * span(y)
    assert float((y[0] - y[1]).abs().max()) > 0.02 * span(y)
    for placement in placements(config.branches):
        schedule = build_schedule(config, placement)
        modules = network.segment_modules(net, schedule)
        assert list(modules) == [segment.name for segment in schedule.segments]
        assert difference(run_schedule(schedule, modules, x), y) < ROUNDING


@settings(max_examples=20)
@given(
    strategy=st.tuples(*[st.sampled_from("nac")] * 6, st.sampled_from("ac")).map("".join),
    branches=st.integers(2, 3),
    stem=st.integers(-1, 2),
    head=st.integers(0, 2),
)
def test_segments_equal_the_network_for_any_strategy(strategy: str, branches: int, stem: int, head: int) -> None:
    config = collaborative(MINI, strategy, branches=branches)
    assert config.strategy == strategy
    placement = Placement(default_placement(branches).units, None if stem < 0 else stem % branches, head % branches)
    schedule = build_schedule(config, placement)
    net, x = seeded_network(config), image(config)
    y = logits(net, x)
    assert difference(y, plain_logits(config, weights.seeded(config), x)) < ROUNDING
    assert difference(run_schedule(schedule, network.segment_modules(net, schedule), x), y) < ROUNDING


def three_branches() -> tuple[network.Network, Schedule]:
    config = collaborative(MINI, "cnanaca", branches=3)
    return seeded_network(config), build_schedule(config, Placement(("cpu0", "cpu1", "gpu0"), stem=1, head=2))


def test_the_comparison_of_segments_sees_a_wrong_one() -> None:
    net, schedule = three_branches()
    x = image(net.config)
    y = logits(net, x)
    modules = network.segment_modules(net, schedule)
    others = network.segment_modules(seeded_network(net.config, seed=1), schedule)
    for name in modules:
        assert difference(run_schedule(schedule, {**modules, name: others[name]}, x), y) > 1e-3, name


def test_segment_takes_its_sources_in_order() -> None:
    net, schedule = three_branches()
    concat = next(s for s in schedule.segments if isinstance(s.layers[0].block, Concat))
    module = network.segment_modules(net, schedule)[concat.name]
    shares = [torch.full((1, shape[3], *shape[1:3]), float(index)) for index, shape in enumerate(concat.in_shapes)]
    assert module.opening is not None
    assert [int(v) for v in module.opening(*shares)[0, :, 0, 0]] == [i for i, shape in enumerate(concat.in_shapes) for _ in range(shape[3])]
    assert concat.in_shapes[0] != concat.in_shapes[1]
    with pytest.raises(TypeError, match="takes 3 inputs, got 2"):
        module(*shares[:2])


def test_adds_are_chained_from_branch_0_on() -> None:
    opening = network.Opening(Add(1, 1, 3))
    big, small = torch.full((1, 1, 1, 1), 1e8), torch.ones(1, 1, 1, 1)
    assert float(opening(big, -big, small)) == 1.0
    assert float(opening(small, big, -big)) == 0.0


def test_network_adds_and_concatenates_in_the_same_order_as_its_segments() -> None:
    net, schedule = three_branches()
    x = image(net.config)
    assert torch.equal(run_schedule(schedule, network.segment_modules(net, schedule), x), logits(net, x))


def test_segments_share_the_networks_parameters_and_leave_its_mode_alone() -> None:
    net, schedule = three_branches()
    net.train()
    frozen = net.stem_conv[1].eval()
    modules = network.segment_modules(net, schedule)
    assert not frozen.training
    assert all(module.training for module in modules.values())
    shared = {id(parameter) for module in modules.values() for parameter in module.parameters()}
    assert shared == {id(parameter) for parameter in net.parameters()}


def test_nhwc_module_computes_the_same_in_the_other_layout() -> None:
    net, schedule = three_branches()
    modules = network.segment_modules(net, schedule)
    for segment in schedule.segments:
        inputs = [torch.from_numpy(reference_input(shape, seed=i)) for i, shape in enumerate(segment.in_shapes)]
        module = modules[segment.name]
        nhwc = network.NhwcModule(module.body, opening=module.opening)
        with torch.no_grad():
            expected = module(*(x.permute(0, 3, 1, 2) for x in inputs))
            actual = nhwc(**{f"in{i}": x for i, x in enumerate(inputs)})["out"]
        assert tuple(actual.shape) == segment.outputs[0].shape
        assert difference(actual if actual.dim() == 2 else actual.permute(0, 3, 1, 2), expected) < ROUNDING


def test_built_network_has_the_configs_norms_and_learns() -> None:
    config = changed(collaborative(MINI, "nnannnc"), {"eps": 0.003, "bn_momentum": 0.25})
    net = network.build(config)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == len([name for name in weights.model_tensors(config) if name.endswith("running_var")])
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.003, 0.25)}
    assert net.training
    net(image(config, batch=2)).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in net.parameters())


def test_from_weights_copies_and_can_be_trained_on() -> None:
    tensors = weights.seeded(MINI)
    net = network.from_weights(MINI, tensors)
    assert not any(module.training for module in net.modules())
    assert all(parameter.requires_grad and parameter.device.type == "cpu" for parameter in net.parameters())
    before = logits(net, image(MINI))
    for array in tensors.values():
        array.fill(0)
    assert torch.equal(logits(net, image(MINI)), before)
    net.train()(image(MINI, batch=2)).sum().backward()
