"""The data of the search: drawn glyphs, digits, folders of images, and how they are named on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from search.data.base import ArrayData, Batch, Data, DataError, epoch_order, steps_per_epoch
from search.data.folder import listing_sha256
from search.data.glyphs import GlyphOptions, bilinear_matrix, draw_figures, family_of, open_glyphs
from search.data.open import open_data, open_for
from tests.models import changed, tiny

SMALL = GlyphOptions(classes=6, size=24, train_images=90, validation_images=30, seed=4)


def hashes(pixels: npt.NDArray[np.uint8]) -> set[bytes]:
    return {image.tobytes() for image in pixels}


def joined(batches: list[Batch]) -> Batch:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def figure_gap(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> int:
    """Strokes of a figure that the other lacks."""
    return sum(not any(np.allclose(stroke, candidate[::way], atol=1e-5) for candidate in other for way in (1, -1)) for stroke in one)


def test_glyphs_follow_from_the_seed_and_parts_share_no_image() -> None:
    data = open_glyphs(SMALL)
    open_glyphs.cache_clear()
    again = open_glyphs(SMALL)
    assert again is not data
    assert np.array_equal(data.train.pixels, again.train.pixels)
    assert np.array_equal(data.validation.pixels, again.validation.pixels)
    everything = hashes(data.train.pixels) | hashes(data.validation.pixels)
    assert len(everything) == 120
    other = open_glyphs(GlyphOptions(classes=6, size=24, train_images=90, validation_images=30, seed=5))
    assert not everything & (hashes(other.train.pixels) | hashes(other.validation.pixels))


def test_more_glyphs_begin_with_the_same_ones() -> None:
    more = open_glyphs(GlyphOptions(classes=6, size=24, train_images=200, validation_images=30, seed=4))
    assert np.array_equal(more.train.pixels[:64], open_glyphs(SMALL).train.pixels[:64])


def test_glyph_classes_differ_in_one_stroke_at_least() -> None:
    figures = draw_figures(64, seed=0)
    assert len({family_of(number) for number in range(64)}) == 64
    assert np.abs(figures).max() < 2
    assert np.array_equal(figures[:20], draw_figures(20, seed=0))
    assert not np.array_equal(figures[:20], draw_figures(20, seed=1))
    for number in range(24):
        for other in range(number):
            gap = figure_gap(figures[number], figures[other])
            family, member = family_of(other)
            if family_of(number)[0] == family:
                assert gap == (1 if member == 0 else 2)
            else:
                assert gap >= 1


def test_glyphs_vary_and_show_their_figure() -> None:
    data = open_glyphs(GlyphOptions(classes=2, size=32, train_images=400, validation_images=2, seed=0))
    pixels = data.train.pixels.astype(np.float64)
    assert 60 < pixels.mean() < 195
    assert pixels.std(axis=(1, 2, 3)).min() > 2
    # Strokes stand in the middle rather than at the border, whatever their colour: there is more contrast.
    edges = np.abs(np.diff(pixels, axis=3)).mean(axis=(0, 1))
    assert edges[10:22, 10:22].mean() > 1.1 * edges[:4].mean()


def test_bilinear_matrix_keeps_the_ends_and_means() -> None:
    matrix = bilinear_matrix(8, 48)
    assert matrix.shape == (48, 8)
    assert np.allclose(matrix.sum(1), 1)
    assert matrix[0, 0] == matrix[-1, -1] == 1


@pytest.mark.parametrize("spec", ["glyphs:train=100,val=40", "digits"])
def test_batches_are_fixed_by_seed_and_epoch(spec: str) -> None:
    data = open_data(spec, size=16, classes=10)
    assert isinstance(data, ArrayData)

    def epoch(seed: int, number: int, skip: int = 0) -> list[Batch]:
        return list(data.train_batches(32, seed=seed, epoch=number, skip=skip))

    first = epoch(1, 0)
    assert len(first) == steps_per_epoch(data, 32)
    images, labels = joined(first)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert images.shape == (32 * len(first), 3, 16, 16)
    assert abs(float(images.mean())) < 1.2
    assert 0.2 < float(images.std()) < 2
    assert np.array_equal(images, joined(epoch(1, 0))[0])
    assert not np.array_equal(images, joined(epoch(1, 1))[0])
    assert not np.array_equal(images, joined(epoch(2, 0))[0])
    assert np.array_equal(images[64:], joined(epoch(1, 0, skip=2))[0])
    assert len(set(labels.tolist())) == 10


def test_epochs_hold_each_image_once_and_full_batches() -> None:
    orders = epoch_order(70, 32, seed=0, epoch=0)
    assert [len(order) for order in orders] == [32, 32]
    assert len({int(index) for order in orders for index in order}) == 64
    assert [len(order) for order in epoch_order(5, 32, seed=0, epoch=0)] == [5]
    assert [len(order) for order in epoch_order(64, 32, seed=0, epoch=0)] == [32, 32]


def test_validation_and_calibration_are_plain_and_in_order() -> None:
    data = open_glyphs(SMALL)
    images, labels = joined(list(data.validation_batches(8)))
    assert len(labels) == 30
    assert np.array_equal(labels, data.validation.labels)
    assert np.array_equal(np.rint((images + 2) * 255 / 4).astype(np.uint8), data.validation.pixels)
    limited = joined(list(data.validation_batches(8, limit=12)))[0]
    assert np.array_equal(limited, images[:12])
    calibration = joined(list(data.calibration_batches(8, 3)))[0]
    assert np.array_equal(np.rint((calibration + 2) * 255 / 4).astype(np.uint8), data.train.pixels[:24])


def test_digits_are_split_by_class() -> None:
    data = open_data("digits", size=16, classes=12)
    assert isinstance(data, ArrayData)
    assert data.classes == 10
    assert data.train_images + data.validation_images == 1797
    counts = np.bincount(data.validation.labels)
    assert counts.min() >= 34
    assert counts.max() <= 37
    other = open_data("digits:seed=1", size=16, classes=10)
    assert isinstance(other, ArrayData)
    assert not np.array_equal(data.validation.labels, other.validation.labels)
    assert data.name != other.name


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"pip install '\.\[search\]'"):
        open_data("digits", size=17, classes=10)


@pytest.mark.parametrize(
    ("spec", "classes", "expected"),
    [
        ("glyphs", 1000, "1000 classes, glyphs are drawn for 2 to 64; set num_classes"),
        ("glyphs:train=3", 10, "train=3 is fewer than one image for each of 10 classes"),
        ("glyphs:train=999999999", 10, "more than the 4 x 2.30 that are kept in memory; lower train"),
        ("glyphs:train=x", 10, "train must be a whole number, is 'x'"),
        ("glyphs:size=3", 10, "no option 'size'; there are train, val, seed"),
        ("digits:train=3", 10, "no option 'train'"),
        ("digits", 9, "has 10 classes, the model 9; set num_classes in the model's config to 10 or more"),
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
