"""Where one unit overtakes another."""

from __future__ import annotations

from dataclasses import replace

from report.panels.blocks import Measured, Shape, crossings_of

SHAPE: Shape = (14, 3, 1, 64, 64)


def line(*values: tuple[int, float, float | None]) -> dict[Shape, list[Measured]]:
    return {SHAPE: [Measured(*value, visits=12) for value in values]}


def test_a_unit_that_is_proven_to_be_slower_first_and_faster_later_has_overtaken() -> None:
    found = {"cpu0": line((8, 10, 0.1), (16, 20, 0.1), (32, 40, 0.1)), "gpu0": line((8, 25, 0.1), (16, 26, 0.1), (32, 28, 0.1))}
    [crossing] = crossings_of("cpu0", "gpu0", found)
    assert (crossing.below, crossing.above, crossing.faster_above) == (16, 32, "gpu0")
    [turned] = crossings_of("gpu0", "cpu0", found)
    assert turned.faster_above == "gpu0"


def test_what_is_within_the_error_is_no_crossing() -> None:
    found = {"cpu0": line((8, 10, 0.1), (16, 20, 2.0)), "gpu0": line((8, 12, 0.1), (16, 18, 2.0))}
    assert crossings_of("cpu0", "gpu0", found) == []


def test_widths_whose_difference_is_not_known_are_passed_over() -> None:
    found = {"cpu0": line((8, 10, 0.1), (16, 20, None), (32, 40, 0.1)), "gpu0": line((8, 25, 0.1), (16, 5, 0.1), (32, 28, 0.1))}
    [crossing] = crossings_of("cpu0", "gpu0", found)
    assert (crossing.below, crossing.above) == (8, 32)


def test_a_kind_of_block_that_one_unit_lacks_has_none() -> None:
    assert crossings_of("cpu0", "gpu0", {"cpu0": line((8, 10, 0.1), (16, 20, 0.1)), "gpu0": {}}) == []


def test_errors_of_few_visits_prove_less() -> None:
    """A difference of two and a half errors: proven by twelve visits each, and by three not."""
    narrow, wide = (8, 10, 0.1), (16, 20, 0.1)
    found = {"cpu0": line(narrow, wide), "gpu0": line((8, 10.36, 0.1), (16, 15, 0.1))}
    assert len(crossings_of("cpu0", "gpu0", found)) == 1
    few = {unit: {SHAPE: [replace(value, visits=3) for value in shapes[SHAPE]]} for unit, shapes in found.items()}
    assert crossings_of("cpu0", "gpu0", few) == []
