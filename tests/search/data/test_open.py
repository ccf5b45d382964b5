"""Data as it is named on the command line."""

from __future__ import annotations

import pytest

from search.data.base import DataError
from search.data.open import open_data, open_for
from tests.models import changed, tiny


@pytest.mark.parametrize(
    ("spec", "classes", "expected"),
    [
        ("glyphs", 1000, "1000 classes, glyphs are drawn for 2 to 64; set num_classes"),
        ("glyphs:train=3", 10, "train=3 is fewer than one image for each of 10 classes"),
        ("glyphs:train=999999999", 10, "more than the 4 x 2.30 that are kept in memory; lower train"),
        ("glyphs:train=x", 10, "train must be a whole number, is 'x'"),
        ("glyphs:size=3", 10, "no option 'size'; there are train, val, seed"),
        ("digits:train=3", 10, "no option 'train'"),
        pytest.param(
            "digits", 9, "has 10 classes, the model 9; set num_classes in the model's config to 10 or more", marks=pytest.mark.slow
        ),
        ("nowhere", 10, "nowhere: no such folder; give glyphs, digits, or a folder"),
    ],
)
def test_refusals_of_specifications(spec: str, classes: int, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        open_data(spec, size=24, classes=classes)


def test_options_of_glyphs() -> None:
    data = open_data("glyphs:train=70,val=20,seed=3", size=24, classes=5, seed=9)
    assert (data.train_images, data.validation_images, data.classes, data.size) == (70, 20, 5, 24)
    assert "seed=3" in data.name


def test_data_for_a_model() -> None:
    data = open_for(tiny(), "glyphs:train=20,val=10")
    assert (data.size, data.classes) == (48, 10)
    grey = changed(tiny(), {"stem": [1, 16, 3, 2]})
    with pytest.raises(DataError, match="3 channels, the stem of tiny takes 1"):
        open_for(grey, "glyphs")
