"""What exports are checked with: an input with shapes in it, and a comparison that lets nothing wrong pass."""

from __future__ import annotations

import numpy as np
import pytest

from collab.errors import ExportError
from exporters.checking import MAX_ERROR, reference_input, relative_error, require_close


@pytest.mark.parametrize(
    ("actual", "passes"),
    [([0.0, 1.0], True), ([0.0, 1.00009], True), ([0.0, 1.00011], False), ([0.0, np.nan], False), ([0.0, np.inf], False), ([0.0], False)],
)
def test_require_close(actual: list[float], passes: bool) -> None:
    expected = np.array([0, 1], dtype=np.float32)

    def compare() -> None:
        require_close(np.array(actual, dtype=np.float32), expected, what="it", route="x")

    if passes:
        compare()
    else:
        with pytest.raises(ExportError, match="it: by x its output"):
            compare()


@pytest.mark.parametrize("shape", [(1, 224, 224, 3), (1, 7, 5, 16), (1, 1, 1, 1)])
def test_inputs_look_like_pictures_and_are_the_same_for_a_seed(shape: tuple[int, ...]) -> None:
    image = reference_input(shape)
    assert (image.shape, image.dtype, image.flags.c_contiguous) == (shape, np.float32, True)
    assert (image == reference_input(shape)).all()
    assert (image != reference_input(shape, seed=1)).any()


def test_an_input_has_coarse_shapes_below_its_grain() -> None:
    image = reference_input((1, 64, 64, 3))
    quarters = [image[0, y : y + 32, x : x + 32].mean((0, 1)) for y in (0, 32) for x in (0, 32)]
    # Of noise alone, a quarter's mean would be within 0.3 / 32 of 0.
    assert np.std(quarters) > 0.1
    assert float(np.abs(np.diff(image, axis=1)).mean()) > 0.1


def test_an_input_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(ExportError, match="GiB"):
        reference_input((1, 65536, 65536, 3))


def test_errors_are_fractions_of_the_range() -> None:
    expected = np.array([[-1.0, 3.0]], np.float32)
    assert relative_error(expected + 1, expected) == pytest.approx(0.25)
    assert relative_error(expected, expected) == 0
    assert relative_error(np.ones(2, np.float32), np.ones(2, np.float32)) == float("inf"), "of an output that never varies"


def test_nothing_is_compared_with_what_is_not_finite() -> None:
    broken = np.array([0, np.nan], np.float32)
    with pytest.raises(ExportError, match="torch itself"):
        require_close(broken, broken, what="it", route="x")
    assert MAX_ERROR < 1e-3
