"""The torch network: names, numbers, checkpoints, and that its segments compute what it computes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from collab import config as configs
from collab.blocks import Add, Concat, MBConv
from collab.config import ModelConfig
from collab.errors import WeightsError
from collab.networks import network, weights
from collab.networks.checkpoint import read_checkpoint
from collab.placement import Placement, default_placement
from collab.schedule import Schedule, build_schedule
from collab.variants import collaborative
from exporters.checking import reference_input
from tests.models import changed

MINI = configs.load("mini_v2")
ROUNDING = 1e-5
"""Of the output's range: float32 sums taken in another order."""


def image(config: ModelConfig, *, seed: int = 0, batch: int = 1) -> Tensor:
    images = [reference_input(config.stem.in_shapes[0], seed=seed + index) for index in range(batch)]
    return torch.from_numpy(np.concatenate(images).transpose(0, 3, 1, 2).copy())


def span(x: Tensor) -> float:
    value = float(x.max() - x.min())
    assert value > 0
    return value


def difference(actual: Tensor, expected: Tensor) -> float:
    """Largest difference as a fraction of the expected range."""
    assert actual.shape == expected.shape
    return float((actual - expected).abs().max()) / span(expected)


def seeded_network(config: ModelConfig, *, seed: int = 0) -> network.Network:
    return network.from_weights(config, weights.seeded(config, seed=seed))


def logits(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = module(x)
    return y


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
        assert difference(network.run_schedule(schedule, modules, x), y) < ROUNDING


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
    assert difference(network.run_schedule(schedule, network.segment_modules(net, schedule), x), y) < ROUNDING


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
        assert difference(network.run_schedule(schedule, {**modules, name: others[name]}, x), y) > 1e-3, name


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
    assert torch.equal(network.run_schedule(schedule, network.segment_modules(net, schedule), x), logits(net, x))


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
        assert tuple(actual.shape) == segment.out_shape
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


CheckpointWriter = Callable[[network.Network, Path], Path]


def save_torch(wrap: Callable[[dict[str, Tensor]], Any], suffix: str = ".pth") -> CheckpointWriter:
    def save(net: network.Network, folder: Path) -> Path:
        path = folder / f"checkpoint{suffix}"
        torch.save(wrap(net.state_dict()), path)
        return path

    return save


def save_npz(net: network.Network, folder: Path) -> Path:
    path = folder / "checkpoint.npz"
    np.savez(path, **{name: tensor.numpy() for name, tensor in net.state_dict().items()})
    return path


def prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"module.{name}": tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    "save",
    [
        save_torch(dict),
        save_torch(dict, ".pt"),
        save_torch(dict, ".tar"),
        save_torch(prefixed),
        save_torch(lambda state: {"state_dict": state, "epoch": 3}),
        save_torch(lambda state: {"state_dict": prefixed(state)}),
        save_npz,
    ],
    ids=["pth", "pt", "tar", "parallel", "nested", "nested parallel", "npz"],
)
def test_checkpoints_round_trip(save: CheckpointWriter, tmp_path: Path) -> None:
    config = collaborative(MINI, "nncnnna")
    net, x = seeded_network(config, seed=5), image(config)
    (tmp_path / "config.json").write_text(config.to_json())
    loaded = network.load(tmp_path / "config.json", save(net, tmp_path))
    assert torch.equal(logits(loaded, x), logits(net, x))
    assert difference(logits(seeded_network(config, seed=6), x), logits(net, x)) > 0.01
    tensors = weights.check(config, read_checkpoint(save(net, tmp_path)), origin="test")
    assert all(np.array_equal(tensors[name], array) for name, array in weights.seeded(config, seed=5).items())


def test_base_checkpoint_loads_by_the_zoos_name(tmp_path: Path) -> None:
    net = seeded_network(MINI, seed=2)
    path = save_torch(dict)(net, tmp_path)
    assert torch.equal(logits(network.load("mini_v2", path), image(MINI)), logits(net, image(MINI)))


def test_half_precision_checkpoints_load(tmp_path: Path) -> None:
    net = seeded_network(MINI)
    for dtype in (torch.float16, torch.bfloat16):
        path = save_torch(dict)(copy.deepcopy(net).to(dtype), tmp_path)
        assert 0 < difference(logits(network.load("mini_v2", path), image(MINI)), logits(net, image(MINI))) < 0.1


class Trap:
    """What a hostile checkpoint would hold: unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"stem_conv.0.weight": Trap(mark)}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Trap(mark)))
    np.savez(tmp_path / "c.npz", weight=np.array([Trap(mark)], dtype=object))
    for name in ("a.pth", "b.pth", "c.npz"):
        with pytest.raises(WeightsError, match="tensors"):
            read_checkpoint(tmp_path / name)
        assert not mark.exists()
    pickle.loads((tmp_path / "b.pth").read_bytes())
    assert mark.exists(), "the trap itself does not work"


def test_refusals_of_files(tmp_path: Path) -> None:
    def refused(name: str, expected: str) -> None:
        with pytest.raises(WeightsError, match=expected) as caught:
            read_checkpoint(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)

    refused("none.pth", "no such file")
    (tmp_path / "folder.pth").mkdir()
    refused("folder.pth", "no such file")
    for name in ("text.pth", "text.npz"):
        (tmp_path / name).write_text("no checkpoint")
        refused(name, "cannot be read")
    for name in ("empty.pth", "empty.npz"):
        (tmp_path / name).touch()
        refused(name, "cannot be read")
    torch.save([1, 2], tmp_path / "list.pth")
    refused("list.pth", "no state dict")
    torch.save({"model": {"a": torch.ones(1)}}, tmp_path / "deep.pth")
    refused("deep.pth", "no state dict")
    torch.save({}, tmp_path / "bare.pth")
    refused("bare.pth", "holds no tensors")
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "sparse.pth")
    refused("sparse.pth", "no plain dense tensor")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.ones(3))
    refused("single.npz", "one array without a name")
    for name, save in (("checkpoint.pth", save_torch(dict)), ("checkpoint.npz", save_npz)):
        path = save(seeded_network(MINI), tmp_path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        refused(name, "cannot be read")


def test_refusals_of_checkpoints_of_another_model(tmp_path: Path) -> None:
    path = save_torch(dict)(seeded_network(MINI), tmp_path)
    with pytest.raises(WeightsError, match=r"checkpoint\.pth: .* missing, first stage1\.branch1"):
        network.from_weights(collaborative(MINI, "nnnnnna"), read_checkpoint(path), origin=str(path))
    with pytest.raises(WeightsError, match="has shape"):
        network.from_weights(changed(MINI, {"num_classes": 11}), read_checkpoint(path))
    with pytest.raises(WeightsError, match=r"checkpoint\.pth"):
        network.load("mobilenet_v2", path)
