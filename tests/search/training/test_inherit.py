"""Weights that a model inherits from its base or from another model."""

from __future__ import annotations

import numpy as np
import pytest

from collab.errors import WeightsError
from collab.model import ModelConfig
from collab.networks import weights
from collab.variants import collaborative, random_collaborative
from search.training.inherit import inherited
from tests.models import changed
from tests.search.models import micro


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
