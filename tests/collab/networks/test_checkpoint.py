"""Checkpoints: files that are read back, and those that are refused without running what is in them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from collab.errors import WeightsError
from collab.networks import network, weights
from collab.networks.checkpoint import read_checkpoint
from collab.variants import collaborative
from tests.collab.networks.made_networks import MINI, difference, image, logits, seeded_network
from tests.models import changed

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
