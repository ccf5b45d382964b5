"""Weights under the names of the release, seeded."""

from __future__ import annotations

from collab import config as configs
from collab.networks.weights import model_tensors, seeded
from collab.variants import collaborative

BASE = configs.load("mini_v2")


def test_tensors_have_the_names_of_the_release() -> None:
    names = model_tensors(configs.load("syncnas_mobilenet_v2_100"))
    assert names["stem_conv.0.weight"] == (32, 3, 3, 3)
    assert names["stage1.branch2.0.pw1.0.weight"] == (12, 32, 1, 1)
    assert names["stage7.branch1.0.dw.1.running_var"] == (884,)
    assert names["classifier.1.bias"] == (1000,)
    assert "stages.0.blocks.0.pw1.0.weight" not in model_tensors(configs.load("mobilenet_v2")), "exp == in has no expansion"
    assert "stages.0.blocks.0.dw.0.weight" in model_tensors(configs.load("mobilenet_v2"))


def test_seeded_weights_depend_on_name_and_seed_alone() -> None:
    one, again, other = seeded(BASE), seeded(collaborative(BASE, "nnnnnna")), seeded(BASE, seed=1)
    assert (one["stem_conv.0.weight"] == again["stem_conv.0.weight"]).all()
    assert (one["stem_conv.0.weight"] != other["stem_conv.0.weight"]).any()
    assert all(value.dtype == "float32" for value in one.values())
