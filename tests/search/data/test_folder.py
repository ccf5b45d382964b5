"""Folders of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data.base import Batch, Data, DataError
from search.data.folder import listing_sha256
from search.data.open import open_data
from tests.search.data.batches import joined


def make_folder(root: Path, counts: dict[str, int], *, suffix: str = ".png", start: int = 0) -> Path:
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for index in range(start, start + count):
            pixels = np.random.default_rng([label, index]).integers(0, 256, (30, 40 + index, 3), dtype=np.uint8)
            pixels[..., label % 3] = 250
            Image.fromarray(pixels).save(root / name / f"{index}{suffix}")
    return root


def opened(folder: Path, *, classes: int = 10) -> Data:
    return open_data(str(folder), size=16, classes=classes)


def test_folder_with_both_parts(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", {"cat": 6, "ant": 5}, suffix=".jpg")
    make_folder(tmp_path / "validation", {"ant": 2, "cat": 3}, start=20)
    (tmp_path / "train" / "cat" / "notes.txt").touch()
    (tmp_path / "train" / ".cache").mkdir()
    data = opened(tmp_path)
    assert (data.classes, data.train_images, data.validation_images) == (2, 11, 5)
    images, labels = joined(list(data.validation_batches(2)))
    assert images.shape == (5, 3, 16, 16)
    assert sorted(labels.tolist()) == [0, 0, 1, 1, 1]
    first = joined(list(data.train_batches(4, seed=1, epoch=0)))
    again = joined(list(data.train_batches(4, seed=1, epoch=0)))
    assert first[0].shape == (8, 3, 16, 16)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[0][4:], joined(list(data.train_batches(4, seed=1, epoch=0, skip=1)))[0])
    assert not np.array_equal(first[0], joined(list(data.train_batches(4, seed=1, epoch=1)))[0])
    assert len(list(data.calibration_batches(3, 2))) == 2
    assert opened(tmp_path) is data


def test_folder_labels_are_the_sorted_names(tmp_path: Path) -> None:
    data = opened(make_folder(tmp_path, {"red": 6, "green": 6, "blue": 6}))
    images, labels = joined(list(data.validation_batches(4)))
    brightest = images.mean(axis=(2, 3)).argmax(1)
    assert {(int(label), int(channel)) for label, channel in zip(labels, brightest, strict=True)} == {(2, 0), (1, 1), (0, 2)}


def test_folder_without_parts_is_split_by_name(tmp_path: Path) -> None:
    data = opened(make_folder(tmp_path / "a", {"x": 10, "y": 10}))
    assert (data.train_images, data.validation_images) == (16, 4)
    labels = joined(list(data.validation_batches(8)))[1]
    assert sorted(labels.tolist()) == [0, 0, 1, 1]
    copy = opened(make_folder(tmp_path / "b", {"x": 10, "y": 10}))
    assert np.array_equal(joined(list(copy.validation_batches(8)))[0], joined(list(data.validation_batches(8)))[0])


def test_validation_crops_the_middle(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(2):
            pixels = np.zeros((112, 224, 3), dtype=np.uint8)
            pixels[7:105, 63:161] = 255  # the middle square of 112 / (256 / 224) = 98 pixels
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    images, _ = joined(list(opened(tmp_path).validation_batches(2)))
    # Scaling mixes a little of what is around into the pixels at the edge.
    assert images[:, :, 1:-1, 1:-1].min() > 2
    assert images.min() > 1


def test_stopping_early_leaves_no_threads(tmp_path: Path) -> None:
    import threading

    data = opened(make_folder(tmp_path, {"x": 20, "y": 20}))
    batches = data.train_batches(2, seed=0, epoch=0)
    next(batches)
    del batches
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_damaged_image_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path, {"x": 4, "y": 4})
    for path in (tmp_path / "x").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"x/\d\.png: cannot be read as an image .*; replace or remove it"):
        list(opened(tmp_path).train_batches(2, seed=0, epoch=0))


def everything(data: Data) -> list[Batch]:
    return [*data.train_batches(2, seed=0, epoch=0), *data.validation_batches(9)]


@pytest.mark.parametrize("name", ["bomb.ppm", "large.ppm", "cut.png", "folder.png", "loop.png"])
def test_images_that_are_none_are_named(tmp_path: Path, name: str) -> None:
    """A file of a hundred bytes that claims 10^10 pixels, one of 8 x 10^7 which others take, one cut off, a folder, a link to itself."""
    make_folder(tmp_path / "images", {"a": 1, "b": 2})
    path = tmp_path / "images" / "a" / name
    if name == "bomb.ppm":
        path.write_bytes(b"P6 100000 100000 255\n" + bytes(100))
    elif name == "large.ppm":
        path.write_bytes(b"P6 10000 8000 255\n" + bytes(100))
    elif name == "cut.png":
        path.write_bytes(next(path.parent.iterdir()).read_bytes()[:40])
    elif name == "folder.png":
        path.mkdir()
    else:
        path.symlink_to(path)
    with pytest.raises(DataError, match=f"{name}: cannot be read as an image.*replace or remove it"):
        everything(opened(tmp_path / "images"))


def test_the_listing_of_a_folder_has_a_digest(tmp_path: Path) -> None:
    def digest(name: str) -> str:
        return listing_sha256(opened(tmp_path / name))  # type: ignore[arg-type]

    for name in ("one", "two", "three"):
        make_folder(tmp_path / name, {"a": 3, "b": 3})
    (tmp_path / "three" / "a").rename(tmp_path / "three" / "c")
    assert digest("one") == digest("two") != digest("three")
    last = sorted((tmp_path / "two" / "a").iterdir())[-1]
    last.write_bytes(last.read_bytes() + b"x")
    open_data.__globals__["open_folder"].cache_clear()
    assert digest("one") != digest("two")


def test_refusals_of_folders(tmp_path: Path) -> None:
    def refused(folder: Path, expected: str) -> None:
        with pytest.raises(DataError, match=expected):
            opened(folder)

    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "empty: 0 sub-folders found where one per class is needed")
    make_folder(tmp_path / "hollow", {"x": 2, "y": 0})
    refused(tmp_path / "hollow", "y: holds no images")
    make_folder(tmp_path / "single", {"x": 2, "y": 1})
    refused(tmp_path / "single", "y: holds one image; a class needs two")
    make_folder(tmp_path / "half" / "train", {"x": 2, "y": 2})
    refused(tmp_path / "half", "has a folder train but none named val")
    make_folder(tmp_path / "unlike" / "train", {"x": 2, "y": 2})
    make_folder(tmp_path / "unlike" / "val", {"x": 2, "z": 2})
    refused(tmp_path / "unlike", r"the class 'y' is not in .*val \(2 classes differ\)")
    make_folder(tmp_path / "many", {str(label): 2 for label in range(12)})
    refused(tmp_path / "many", "has 12 classes, the model 10")
