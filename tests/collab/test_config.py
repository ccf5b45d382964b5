"""Configs: read, written as they were read, and refused with field and reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.errors import ConfigError

FOUND = "syncnas_mobilenet_v2_100"


def document(name: str = FOUND) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((configs.ZOO / f"{name}.json").read_text())
    return result


def test_the_zoo_has_bases_found_models_and_a_small_one() -> None:
    assert set(configs.zoo_names()) >= {
        "mobilenet_v2",
        "mnasnet_b1",
        "fbnet_c",
        "syncnas_mobilenet_v2_100",
        "syncnas_mnasnet_b1_100",
        "mini_v2",
    }


@pytest.mark.parametrize("name", configs.zoo_names())
def test_configs_are_written_as_they_were_read(name: str) -> None:
    written = configs.load(name).to_json()
    assert json.loads(written) == document(name)
    assert list(json.loads(written)) == list(document(name))


def test_unknown_keys_are_kept() -> None:
    config = configs.from_document({**document(), "accuracy": {"top1": 0.74}, "note": None})
    assert json.loads(config.to_json())["accuracy"] == {"top1": 0.74}
    assert "note" in json.loads(config.to_json())


def test_classes_default_to_those_of_imagenet() -> None:
    assert configs.load(FOUND).head.classes == 1000
    assert configs.from_document({**document(), "num_classes": 10}).head.classes == 10


def changed(path: str, value: Any) -> dict[str, Any]:
    """The found model with the field at a path like ``3.0.1.4`` replaced (None: removed)."""
    result = document()
    *way, last = path.split(".")
    owner: Any = result
    for key in way:
        owner = owner[int(key)] if isinstance(owner, list) else owner[key]
    index = int(last) if isinstance(owner, list) else last
    if value is None:
        del owner[index]
    else:
        owner[index] = value
    return result


@pytest.mark.parametrize(
    ("path", "value", "field", "reason"),
    [
        ("name", None, "name", "missing"),
        ("name", "../x", "name", "letters"),
        ("act", "Swish", "act", "ReLU"),
        ("stem", [3, 32, 3], "stem", "in_c, out_c, kernel, stride"),
        ("stem.2", 4, "stem", "odd"),
        ("stem.1", 24, "0.0[0]", "in_c is 32"),
        ("stem.0", True, "stem", "whole number"),
        ("head.0", 256, "head", "hands over 320"),
        ("3.0.1.3", 60, "3.0[1]", "in_c is 60"),
        ("3.1.0.5", 60, "3.1[1]", "in_c is 64"),
        ("2.1.0.0", 55, "2.1[0]", "in_size is 55"),
        ("2.0.0.2", 1, "2.0[1]", "in_size is 28"),
        ("6.0.0.4", 0, "6.0[0]", "exp_c"),
        ("6.0.0.4", 1e3, "6.0[0]", "exp_c"),
        ("6.0.0.5", 316, "6", "adds the branches"),
        ("sync.6", "n", "sync", "last stage must be synced"),
        ("sync.1", "x", "sync", "letter 1"),
        ("sync", ["a", "n"], "sync", "7 letters"),
        ("4.1", None, "4", "branches"),
        ("4", [], "4", "branches"),
        ("3", None, "4", "stage 3 is missing"),
        ("bn_momentum", 0, "bn_momentum", "above 0"),
        ("num_classes", "ten", "num_classes", "whole number"),
    ],
)
def test_wrong_configs_are_refused_with_field_and_reason(path: str, value: Any, field: str, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        configs.from_document(changed(path, value), origin="my.json")
    text = str(error.value)
    assert text.startswith(f"my.json: {field}: ")
    assert reason in text


def test_concat_shares_that_do_not_add_up_are_refused() -> None:
    broken = document("syncnas_mnasnet_b1_100")
    broken["0"]["1"][0][5] = 12
    with pytest.raises(ConfigError, match=r"1\.0\[0\]: in_c is 16.* 20 channels .*concat"):
        configs.from_document(broken)


def test_a_base_model_with_syncs_is_refused() -> None:
    with pytest.raises(ConfigError, match="no branches"):
        configs.from_document({**document("mobilenet_v2"), "sync": ["n"] * 6 + ["a"]})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', '{"name": NaN}', "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        configs.parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 400) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["0", "1", "sync", "x"]), inner, max_size=4),
    max_leaves=12,
)


@given(field=st.sampled_from(list(document())), value=JSON)
def test_whatever_stands_in_a_field_is_taken_or_refused_in_a_sentence(field: str, value: Any) -> None:
    try:
        config = configs.from_document({**document(), field: value})
    except ConfigError as error:
        assert field in str(error) or "0" in str(error)
        return
    assert config.macs > 0


def test_unknown_models_are_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="mobilenet_v2"):
        configs.load("resnet50")
