"""Names of models and files: what is taken, and what long ones become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.names import MAX_FILE_NAME, MAX_FILE_PATH, MAX_NAME, derived_name, is_file_path, is_model_name, shown


@pytest.mark.parametrize("name", ["mobilenet_v2", "_x", "7", "a.b-c", "x" * MAX_NAME])
def test_names_of_models(name: str) -> None:
    assert is_model_name(name)
    assert derived_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "-x", ".x", "a/b", "a b", "a\n", "ä", "x" * (MAX_NAME + 1), "a\0"])
def test_what_no_model_is_called(name: str) -> None:
    assert not is_model_name(name)


@given(st.text("abc_.-", min_size=MAX_NAME + 1, max_size=2 * MAX_NAME).map(lambda text: f"m{text}"), st.sampled_from("abc"))
def test_long_names_become_short_and_stay_apart(name: str, letter: str) -> None:
    made = derived_name(name)
    assert len(made) == MAX_NAME
    assert is_model_name(made)
    assert made == derived_name(name)
    assert made != derived_name(name + letter)


@pytest.mark.parametrize("path", ["config.json", "segments/cpu0.0.tflite", "a/b/c", "x" * MAX_FILE_NAME, "a b", "_+=@~,-"])
def test_paths_within_a_bundle(path: str) -> None:
    assert is_file_path(path)


@pytest.mark.parametrize(
    "path", ["", "/x", "x/", "a//b", "./a", "a/..", "../a", ".x", " x", "-x", "x" * (MAX_FILE_NAME + 1), "a/" * (MAX_FILE_PATH // 2) + "b"]
)
def test_paths_that_lead_elsewhere_or_are_too_long(path: str) -> None:
    assert not is_file_path(path)


def test_texts_in_sentences_are_on_one_line_and_not_long() -> None:
    assert shown("cpu0") == "cpu0"
    assert shown("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
    assert shown("x" * 200, most=10) == "x" * 10 + "..."
