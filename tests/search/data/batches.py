"""Batches as tests compare them."""

from __future__ import annotations

import numpy as np

from search.data.base import Batch


def joined(batches: list[Batch]) -> Batch:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)
