"""scikit-learn's handwritten digits (1797 images of 8 x 8 pixels, ten classes), scaled up to a model's input."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from collab.wording.extras import missing
from search.data.base import ArrayData, DataError, Labels, Part, Pixels
from search.data.glyphs import bilinear_matrix

CLASSES: Final = 10
_SIDE: Final = 8
_GREATEST: Final = 16.0
_VALIDATION_SHARE: Final = 0.2


@lru_cache(maxsize=4)
def open_digits(*, size: int, seed: int = 0) -> ArrayData:
    """Opens the digits at `size` pixels in three equal channels; a fifth of each class, chosen by the seed, is for validation.

    Raises:
        DataError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(missing("the data digits", "scikit-learn", "search", error=error)) from error
    small, digits = load_digits(return_X_y=True)
    labels: Labels = np.asarray(digits, dtype=np.int64)
    scale_up = bilinear_matrix(_SIDE, size)
    large = scale_up @ (np.asarray(small, dtype=np.float32).reshape(-1, _SIDE, _SIDE) * np.float32(255 / _GREATEST)) @ scale_up.T
    pixels: Pixels = np.repeat(np.rint(large).clip(0, 255).astype(np.uint8)[:, None], 3, axis=1)
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(labels), dtype=bool)
    for label in range(CLASSES):
        own = generator.permutation(np.flatnonzero(labels == label))
        held_out[own[: round(len(own) * _VALIDATION_SHARE)]] = True
    # Shuffled, so that any first n validation images mix the classes.
    order = generator.permutation(len(labels))
    train, validation = order[~held_out[order]], order[held_out[order]]
    return ArrayData(
        name=f"digits:seed={seed} ({size} px)",
        classes=CLASSES,
        train=Part(pixels[train], labels[train]),
        validation=Part(pixels[validation], labels[validation]),
        max_shift=max(1, size // 16),
    )
