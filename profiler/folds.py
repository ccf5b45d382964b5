"""Cross-validation of rehearsals: each fifth of them is predicted by what the other four tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from lut.entries import RehearsalCheck

_FOLDS: Final = 5


def folds(count: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yields for each fold the numbers of the rehearsals outside it, which tell, and of those in it, which are predicted."""
    for fold in range(_FOLDS):
        left = list(range(fold, count, _FOLDS))
        yield [number for number in range(count) if number not in left], left


def check_of(one: str, other: str, errors: Sequence[float]) -> RehearsalCheck:
    """Returns the check of two units, from the signed error of each rehearsal that was left out."""
    return RehearsalCheck(one, other, len(errors), float(np.median(np.abs(errors))), float(np.median(errors)))
