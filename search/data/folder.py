"""Folders of images, one sub-folder per class, as ImageNet is commonly laid out."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.wording.extras import missing
from search.data.base import Batch, DataError, Images, epoch_order

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm")

Item: TypeAlias = tuple[Path, int]
"""An image's file and its label."""
Pixels: TypeAlias = npt.NDArray[np.uint8]
Decoder: TypeAlias = Callable[[Path, np.random.Generator], Pixels]

_VALIDATION_FOLDERS: Final = ("val", "validation")
_VALIDATION_SHARE: Final = 0.2
_MEAN: Final = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_SPREAD: Final = np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""ImageNet's, per channel, of pixels from 0 to 1: what published weights were trained with."""
_SHORTER_SIDE: Final = 256 / 224
"""Shorter side of the scaled validation image, in sizes of the crop."""
_LEAST_AREA, _MOST_ASPECT = 0.2, 4 / 3
"""Least area of the random crop of a training image, as a share of the image.

Szegedy et al. 2015 cut from 0.08 on, for trainings of hundreds of epochs; these are short.
"""
_AHEAD: Final = 3
"""Batches that are decoded ahead of the training step."""
_MOST_THREADS: Final = 16
_MOST_PIXELS: Final = 64 << 20
"""Bound on an image that is decoded whole: a file of some kilobytes may claim to be gigabytes."""


@dataclass(frozen=True, eq=False)
class FolderData:
    """Images in files, decoded by a few threads ahead of their use; implements `Data`."""

    name: str
    class_names: tuple[str, ...]
    size: int
    train: Sequence[Item]
    validation: Sequence[Item]

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @property
    def train_images(self) -> int:
        return len(self.train)

    @property
    def validation_images(self) -> int:
        return len(self.validation)

    def train_batches(self, batch: int, *, seed: int, epoch: int, skip: int = 0) -> Iterator[Batch]:
        orders = epoch_order(len(self.train), batch, seed=seed, epoch=epoch)[skip:]
        batches = ([(self.train[index], np.random.default_rng([seed, epoch, index])) for index in order] for order in orders)
        return _decoded(batches, partial(_random_crop, size=self.size))

    def validation_batches(self, batch: int, *, limit: int | None = None) -> Iterator[Batch]:
        return self._plain_batches(self.validation[:limit], batch)

    def calibration_batches(self, batch: int, count: int) -> Iterator[Batch]:
        return self._plain_batches(self.train[: batch * count], batch)

    def _plain_batches(self, items: Sequence[Item], batch: int) -> Iterator[Batch]:
        generator = np.random.default_rng(0)
        batches = ([(item, generator) for item in items[start : start + batch]] for start in range(0, len(items), batch))
        return _decoded(batches, partial(_centre_crop, size=self.size))


@lru_cache(maxsize=4)
def open_folder(folder: Path, *, size: int) -> FolderData:
    """Opens the images of ``train/CLASS/*`` and ``val/CLASS/*`` (or ``validation``), or of ``CLASS/*`` with a fifth held out by hash.

    Raises:
        DataError: no such folder, no classes or images, other classes in one part than in the other, or Pillow is missing.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DataError(missing(f"{folder}: reading images", "Pillow", "search", error=error)) from error
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give glyphs, digits, or a folder with one sub-folder of images per class")
    validation_folder = next((folder / name for name in _VALIDATION_FOLDERS if (folder / name).is_dir()), None)
    if (folder / "train").is_dir() and validation_folder is not None:
        classes = _class_names(folder / "train")
        _check_same_classes(folder / "train", classes, validation_folder)
        train, validation = _items(folder / "train", classes), _items(validation_folder, classes)
    elif (folder / "train").is_dir() or validation_folder is not None:
        present, absent = ("train", "val") if validation_folder is None else (validation_folder.name, "train")
        raise DataError(f"{folder}: has a folder {present} but none named {absent}; add it, or give {folder / present} to have it split")
    else:
        classes = _class_names(folder)
        train, validation = _split(_items(folder, classes), folder)
    return FolderData(
        name=f"{folder.resolve()} ({len(classes)} classes, {len(train)}+{len(validation)} images, {size} px)",
        class_names=classes,
        size=size,
        train=_mixed(train, folder),
        validation=_mixed(validation, folder),
    )


def listing_sha256(data: FolderData) -> str:
    """Returns the SHA-256 of the names, labels and sizes in bytes of all images.

    Raises:
        DataError: an image is no longer there.
    """
    digest = hashlib.sha256()
    for part in (data.train, data.validation):
        for path, label in part:
            try:
                size = path.stat().st_size
            except OSError as error:
                raise DataError(f"{path}: cannot be read ({error.strerror}); replace or remove it") from error
            digest.update(os.fsencode(f"{path.parent.name}/{path.name}\0{label}\0{size}\n"))
        digest.update(b"\n")
    return digest.hexdigest()


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(names) < 2:
        raise DataError(f"{folder}: {len(names)} sub-folders found where one per class is needed, at least two")
    return names


def _check_same_classes(train: Path, classes: Iterable[str], validation: Path) -> None:
    others = _class_names(validation)
    differing = sorted(set(classes) ^ set(others))
    if differing:
        holder, lacking = (validation, train) if differing[0] in others else (train, validation)
        raise DataError(
            f"{holder}: the class '{differing[0]}' is not in {lacking} ({len(differing)} classes differ); both need the same sub-folders"
        )


def _items(folder: Path, classes: Sequence[str]) -> list[Item]:
    items: list[Item] = []
    for label, name in enumerate(classes):
        with os.scandir(folder / name) as entries:
            files = sorted(entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith("."))
        if not files:
            raise DataError(f"{folder / name}: holds no images ({', '.join(SUFFIXES)}); add some or remove the folder")
        items += [(folder / name / file, label) for file in files]
    return items


def _split(items: Sequence[Item], folder: Path) -> tuple[list[Item], list[Item]]:
    """Takes, of each class, the fifth whose names have the least hashes for validation, whatever the order of files on the disk."""
    train: list[Item] = []
    validation: list[Item] = []
    for label in sorted({label for _, label in items}):
        own = sorted((item for item in items if item[1] == label), key=lambda item: _hash(item[0], folder))
        if len(own) < 2:
            raise DataError(f"{own[0][0].parent}: holds one image; a class needs two, one to train on and one to validate with")
        held_out = max(1, round(len(own) * _VALIDATION_SHARE))
        validation += own[:held_out]
        train += own[held_out:]
    return train, validation


def _mixed(items: Iterable[Item], folder: Path) -> tuple[Item, ...]:
    """Orders images by the hashes of their names, so that any first n images mix the classes."""
    return tuple(sorted(items, key=lambda item: _hash(item[0], folder)))


def _hash(path: Path, folder: Path) -> bytes:
    return hashlib.sha256(path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")).digest()


def _decoded(batches: Iterable[list[tuple[Item, np.random.Generator]]], decode: Decoder) -> Iterator[Batch]:
    """Decodes in threads (Pillow releases the interpreter's lock), a few batches ahead."""
    source = iter(batches)
    waiting: deque[tuple[list[Future[Pixels]], list[int]]] = deque()
    pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="decode")
    try:
        while True:
            for batch in islice(source, _AHEAD - len(waiting)):
                futures = [pool.submit(decode, item[0], generator) for item, generator in batch]
                waiting.append((futures, [label for (_, label), _ in batch]))
            if not waiting:
                return
            futures, labels = waiting.popleft()
            yield _normalised(np.stack([future.result() for future in futures])), np.array(labels, dtype=np.int64)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _normalised(pixels: Pixels) -> Images:
    """Turns NHWC pixels into NCHW images."""
    images = (pixels.astype(np.float32) / np.float32(255) - _MEAN) / _SPREAD
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _random_crop(path: Path, generator: np.random.Generator, *, size: int) -> Pixels:
    """Cuts out a random part of the image, scaled, and mirrored half of the time."""

    def crop(image: Image) -> Image:
        wide, high = image.size
        area = wide * high * generator.uniform(_LEAST_AREA, 1)
        aspect = np.exp(generator.uniform(-np.log(_MOST_ASPECT), np.log(_MOST_ASPECT)))
        crop_wide, crop_high = min(wide, np.sqrt(area * aspect)), min(high, np.sqrt(area / aspect))
        left, top = generator.uniform(0, wide - crop_wide), generator.uniform(0, high - crop_high)
        return image.resize((size, size), _bilinear(), box=(left, top, left + crop_wide, top + crop_high))

    pixels = _opened(path, crop, least_side=2 * size)
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels


def _centre_crop(path: Path, generator: np.random.Generator, *, size: int) -> Pixels:
    """Cuts out the middle of the image, whose shorter side is a little longer than the crop. Takes a generator as the random crop does."""
    del generator

    def crop(image: Image) -> Image:
        side = min(image.size) / _SHORTER_SIDE
        left, top = ((extent - side) / 2 for extent in image.size)
        return image.resize((size, size), _bilinear(), box=(left, top, left + side, top + side))

    return _opened(path, crop, least_side=2 * size)


def _bilinear() -> int:
    from PIL.Image import Resampling

    return int(Resampling.BILINEAR)


def _opened(path: Path, crop: Callable[[Image], Image], *, least_side: int) -> Pixels:
    """Returns the cropped image as pixels (size, size, 3); sides of a JPEG may be decoded smaller, but not below `least_side`."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft("RGB", (least_side, least_side))
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are more than {_MOST_PIXELS >> 20} million")
            return np.asarray(crop(image.convert("RGB")), dtype=np.uint8)
    except Exception as error:  # damaged files make Pillow's readers raise almost anything
        raise DataError(f"{path}: cannot be read as an image ({error}); replace or remove it") from error
