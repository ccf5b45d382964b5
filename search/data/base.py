"""The protocol of data that networks are trained on, and data that fits in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.errors import SyncNasError

Pixels: TypeAlias = npt.NDArray[np.uint8]
Images: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]
Batch: TypeAlias = tuple[Images, Labels]
"""Images (n, 3, size, size) of about zero mean and unit spread, and their labels (n,) from 0 on."""

VALIDATION_BATCH = 250
_PIXEL_RANGE = 255.0


class DataError(SyncNasError):
    """Data that cannot be opened, read or used for a model; says which, where and the way out."""


class Data(Protocol):
    """Labelled images, in a training and a validation part that share none. Everything is fixed by seeds, nothing by the clock."""

    @property
    def name(self) -> str:
        """Says what the data is, such that data of the same name is the same data."""

    @property
    def classes(self) -> int:
        """Labels are 0 to `classes` - 1."""

    @property
    def size(self) -> int:
        """Height and width of the images in pixels."""

    @property
    def train_images(self) -> int:
        """Number of training images."""

    @property
    def validation_images(self) -> int:
        """Number of validation images."""

    def train_batches(self, batch: int, *, seed: int, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """Yields one epoch of `steps_per_epoch` batches, shuffled and augmented by (seed, epoch) alone; the first `skip` are left out."""

    def validation_batches(self, batch: int, *, limit: int | None = None) -> Iterator[Batch]:
        """Yields the validation images, or the first `limit` of them, in an order that is fixed and mixes the classes. No augmentation."""

    def calibration_batches(self, batch: int, count: int) -> Iterator[Batch]:
        """Yields at most `count` batches of training images in a fixed order without augmentation, for BatchNorm statistics."""


def steps_per_epoch(data: Data, batch: int) -> int:
    """Returns the number of full batches in an epoch, as BatchNorm makes poor statistics of a small rest; 1 if there are fewer images."""
    return max(1, data.train_images // batch)


def epoch_order(count: int, batch: int, *, seed: int, epoch: int) -> list[npt.NDArray[np.intp]]:
    """Returns the indices of each batch of an epoch over `count` images, shuffled by (seed, epoch)."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [order[start : start + batch] for start in range(0, max(count - batch, 0) + 1, batch)]


@dataclass(frozen=True)
class Part:
    """Images in memory: pixels (n, 3, size, size) and labels (n,)."""

    pixels: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ArrayData:
    """Data in memory; implements `Data`. Training images are shifted by up to `max_shift` pixels in both directions."""

    name: str
    classes: int
    train: Part
    validation: Part
    max_shift: int

    @property
    def size(self) -> int:
        return int(self.train.pixels.shape[2])

    @property
    def train_images(self) -> int:
        return len(self.train)

    @property
    def validation_images(self) -> int:
        return len(self.validation)

    def train_batches(self, batch: int, *, seed: int, epoch: int, skip: int = 0) -> Iterator[Batch]:
        for number, chosen in enumerate(epoch_order(len(self.train), batch, seed=seed, epoch=epoch)[skip:], start=skip):
            generator = np.random.default_rng([seed, epoch, number])
            shifted = _shifted(self.train.pixels[chosen], self.max_shift, generator)
            yield self._normalised(shifted), self.train.labels[chosen]

    def validation_batches(self, batch: int, *, limit: int | None = None) -> Iterator[Batch]:
        return self._plain_batches(self.validation, batch, len(self.validation) if limit is None else limit)

    def calibration_batches(self, batch: int, count: int) -> Iterator[Batch]:
        return self._plain_batches(self.train, batch, batch * count)

    def _plain_batches(self, part: Part, batch: int, limit: int) -> Iterator[Batch]:
        end = min(limit, len(part))
        for start in range(0, end, batch):
            chosen = slice(start, min(start + batch, end))
            yield self._normalised(part.pixels[chosen]), part.labels[chosen]

    def _normalised(self, pixels: Pixels) -> Images:
        # One mean and spread for all in-memory data: the first BatchNorm takes care of what is left.
        images = pixels.astype(np.float32)
        images *= np.float32(4 / _PIXEL_RANGE)
        images -= np.float32(2)
        return images


def _shifted(pixels: Pixels, max_shift: int, generator: np.random.Generator) -> Pixels:
    """Returns the images, each moved by its own shift; what comes in at an edge repeats the edge."""
    if max_shift == 0:
        return pixels
    size = pixels.shape[2]
    padded = np.pad(pixels, ((0, 0), (0, 0), (max_shift, max_shift), (max_shift, max_shift)), mode="edge")
    corners = generator.integers(0, 2 * max_shift + 1, size=(len(pixels), 2))
    return np.stack([image[:, y : y + size, x : x + size] for image, (y, x) in zip(padded, corners, strict=True)])
