"""Glyphs: images drawn on the spot, as many as wanted, that tell networks of different size apart within minutes of training.

A class is a figure of four strokes (lines and arcs). Classes come in families of four that differ in one stroke only, so that a network
must see all strokes. Each image shows its figure turned, scaled, sheared and moved, in strokes of random width and colour, over a coloured
texture, among stray strokes and under noise. Strokes are rendered through their distance fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from search.data.base import ArrayData, DataError, Labels, Part, Pixels

MAX_CLASSES: Final = 64
DEFAULT_TRAIN_IMAGES: Final = 8000
DEFAULT_VALIDATION_IMAGES: Final = 2000
_MOST_PIXELS: Final = 4 << 30

Floats = npt.NDArray[np.float32]

_STROKES: Final = 4
_SEGMENTS: Final = 3
"""Straight segments that a stroke is drawn with."""
_FAMILY: Final = 4
_STRAY: Final = 3
"""Stray strokes per image, one segment each."""
_CHUNK: Final = 32
"""Images drawn at once: few enough for the buffers to stay in the processor's cache, and the unit of seeding."""
_TEXTURE: Final = 5
"""Points per side of the background's texture before it is scaled up."""
_NOISY_SIZE: Final = 48
"""Size of an image from which on the noise is full."""
_TRAIN, _VALIDATION, _FIGURES = 0, 1, 2
"""Streams of random numbers: parts draw from different ones, so that no image is in both."""


@dataclass(frozen=True)
class GlyphOptions:
    """The settings that a set of glyph images follows from. The figure of a class depends on the seed and the class's number alone."""

    classes: int
    size: int
    train_images: int = DEFAULT_TRAIN_IMAGES
    validation_images: int = DEFAULT_VALIDATION_IMAGES
    seed: int = 0


@lru_cache(maxsize=4)
def open_glyphs(options: GlyphOptions) -> ArrayData:
    """Draws the images into memory, once per process.

    Raises:
        DataError: classes, sizes or counts that cannot be drawn.
    """
    _check(options)
    figures = draw_figures(options.classes, seed=options.seed)
    return ArrayData(
        name=f"glyphs:train={options.train_images},val={options.validation_images},seed={options.seed}"
        f" ({options.classes} classes, {options.size} px)",
        classes=options.classes,
        train=_part(figures, options.train_images, options, _TRAIN),
        validation=_part(figures, options.validation_images, options, _VALIDATION),
        max_shift=max(1, options.size // 16),
    )


def _check(options: GlyphOptions) -> None:
    if not 2 <= options.classes <= MAX_CLASSES:
        raise DataError(
            f"glyphs: the model has {options.classes} classes, glyphs are drawn for 2 to {MAX_CLASSES};"
            " set num_classes in the model's config, or train on a folder of images"
        )
    if not 8 <= options.size <= 512:
        raise DataError(f"glyphs: the model takes images of {options.size} px, glyphs are drawn at 8 to 512 px; choose another model")
    for what, count in (("train", options.train_images), ("val", options.validation_images)):
        if count < options.classes:
            raise DataError(f"glyphs: {what}={count} is fewer than one image for each of {options.classes} classes; raise {what}")
    pixels = (options.train_images + options.validation_images) * options.size**2
    if pixels > _MOST_PIXELS:
        raise DataError(
            f"glyphs: {pixels} pixels are more than the {_MOST_PIXELS >> 30} x 2^30 that are kept in memory; lower train and val"
        )
    if options.seed < 0:
        raise DataError(f"glyphs: seed={options.seed} is negative; give 0 or more")


def draw_figures(classes: int, *, seed: int) -> Floats:
    """Draws the figures: (classes, strokes, segments + 1, 2), the points of each stroke as (x, y) from -1 to 1."""
    return np.stack([_figure(number, seed) for number in range(classes)]).astype(np.float32)


def family_of(number: int) -> tuple[int, int]:
    """Returns a class's family and its place in it; two families take turns, so that few classes are not all of one family."""
    pair, place = divmod(number, 2 * _FAMILY)
    member, side = divmod(place, 2)
    return 2 * pair + side, member


def _figure(number: int, seed: int) -> npt.NDArray[np.float64]:
    family, member = family_of(number)
    generator = np.random.default_rng([seed, _FIGURES, family])
    strokes: list[npt.NDArray[np.float64]] = []
    while len(strokes) < _STROKES + _FAMILY - 1:
        strokes.append(_another(strokes, generator))
    shared, own = strokes[:_STROKES], strokes[_STROKES:]
    if member > 0:
        # Members replace different strokes, so two of them differ in two strokes, and each from member 0 in one.
        shared[(family + member) % _STROKES] = own[member - 1]
    return np.stack(shared)


def _stroke(generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draws a quadratic curve between two far points of a 4 x 4 lattice; half of them are straight."""
    while True:
        start, end = generator.integers(0, 4, size=(2, 2)) * 0.6 - 0.9
        if np.hypot(*(end - start)) > 1.1:
            break
    bulge = generator.choice([0.0, 0.0, -0.55, 0.55])
    normal = np.array([start[1] - end[1], end[0] - start[0]])
    control = (start + end) / 2 + bulge * normal
    t = np.linspace(0, 1, _SEGMENTS + 1)[:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end)


def _another(strokes: list[npt.NDArray[np.float64]], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draws a stroke that is clearly none of the given ones, also when drawn from its other end."""
    while True:
        candidate = _stroke(generator)
        gaps = [np.abs(candidate - other[::way]).mean() for other in strokes for way in (1, -1)]
        if min(gaps, default=1) > 0.35:
            return candidate


def _part(figures: Floats, count: int, options: GlyphOptions, stream: int) -> Part:
    # Labels take turns, so that the classes are even in any first n images.
    labels = (np.arange(count) % options.classes).astype(np.int64)
    pixels = np.empty((count, 3, options.size, options.size), dtype=np.uint8)
    for number, start in enumerate(range(0, count, _CHUNK)):
        generator = np.random.default_rng([options.seed, stream, number])
        chosen = slice(start, start + _CHUNK)
        pixels[chosen] = _draw(figures, labels[chosen], options.size, generator)
    return Part(pixels, labels)


def _draw(figures: Floats, labels: Labels, size: int, generator: np.random.Generator) -> Pixels:
    """Draws one chunk of images, (n, 3, size, size)."""
    points = _placed(figures[labels], size, generator)
    # (n, segments, 4): x and y of one end, x and y of the other.
    strokes = np.concatenate([points[:, :, :-1], points[:, :, 1:]], axis=-1).reshape(len(labels), -1, 4)
    segments = np.concatenate([strokes, _stray(len(labels), size, generator)], axis=1)
    half_widths = generator.uniform(0.018, 0.035, len(labels)).astype(np.float32) * size
    ink = half_widths[:, None, None] + np.float32(0.5) - _distances(segments, size)
    np.clip(ink, 0, 1, out=ink)
    return _coloured(ink, generator)


def _placed(points: Floats, size: int, generator: np.random.Generator) -> Floats:
    """Returns the figures (n, ..., 2) turned, scaled, sheared and moved, from -1 to 1 to pixels."""
    count = len(points)
    turn = generator.uniform(-0.35, 0.35, count)
    wide, high = generator.uniform(0.25, 0.42, (2, count)) * size
    shear = generator.uniform(-0.25, 0.25, count)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[wide * cosine, wide * shear - high * sine], [wide * sine, high * cosine]], dtype=np.float32)
    middle = (size - 1) / 2 + generator.uniform(-0.1, 0.1, (count, 2)) * size
    placed = np.einsum("xyn,nspy->nspx", matrix, points) + middle[:, None, None, :]
    return np.asarray(placed, dtype=np.float32)


def _stray(count: int, size: int, generator: np.random.Generator) -> Floats:
    """Draws short straight strokes anywhere, (n, strays, 4)."""
    starts = generator.uniform(0, size, (count, _STRAY, 2))
    angles = generator.uniform(0, 2 * np.pi, (count, _STRAY))
    lengths = generator.uniform(0.1, 0.25, (count, _STRAY, 1)) * size
    ends = starts + lengths * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return np.concatenate([starts, ends], axis=-1).astype(np.float32)


def _distances(segments: Floats, size: int) -> Floats:
    """Returns the distance in pixels of each pixel (n, size, size) from the nearest of its image's segments."""
    count, number = segments.shape[:2]
    start, end = segments[..., :2], segments[..., 2:]
    length = np.maximum(np.hypot(*np.moveaxis(end - start, -1, 0)), np.float32(1e-3))
    along_x, along_y = np.moveaxis((end - start) / length[..., None], -1, 0)
    middle_x, middle_y = np.moveaxis((start + end) / 2, -1, 0)
    grid = np.arange(size, dtype=np.float32)
    # A pixel's place along and across a segment is a sum of a part of x and a part of y: nothing else is computed per pixel.
    across = (count, number, 1, size)
    down = (count, number, size, 1)
    long_x = (along_x[..., None] * (grid - middle_x[..., None])).reshape(across)
    long_y = (along_y[..., None] * (grid - middle_y[..., None])).reshape(down)
    wide_x = (-along_y[..., None] * (grid - middle_x[..., None])).reshape(across)
    wide_y = (along_x[..., None] * (grid - middle_y[..., None])).reshape(down)
    nearest = np.full((count, size, size), np.inf, dtype=np.float32)
    beyond, beside = np.empty_like(nearest), np.empty_like(nearest)
    for index in range(number):
        np.add(long_x[:, index], long_y[:, index], out=beyond)
        np.abs(beyond, out=beyond)
        beyond -= length[:, index, None, None] / 2
        np.maximum(beyond, 0, out=beyond)
        np.square(beyond, out=beyond)
        np.add(wide_x[:, index], wide_y[:, index], out=beside)
        np.square(beside, out=beside)
        beyond += beside
        np.minimum(nearest, beyond, out=nearest)
    return np.asarray(np.sqrt(nearest), dtype=np.float32)


def _coloured(ink: Floats, generator: np.random.Generator) -> Pixels:
    """Colours ink (n, size, size), from 0 to 1, into images: strokes of one colour over a texture of another, with noise."""
    count, size = ink.shape[:2]
    ground = generator.uniform(0.15, 0.6, (count, 3, 1, 1))
    # Strokes are mostly lighter than their ground: with any colour on any other, training would start slowly. From plain to hardly
    # visible, so that there is something to learn for networks of any size.
    direction = generator.standard_normal((count, 3, 1, 1)) + 1
    contrast = generator.uniform(0.1, 0.85, (count, 1, 1, 1)) / np.linalg.norm(direction, axis=1, keepdims=True)
    patches = generator.uniform(-0.18, 0.18, (count, 3, _TEXTURE, _TEXTURE))
    scale_up = bilinear_matrix(_TEXTURE, size)
    images = (scale_up @ patches.astype(np.float32) @ scale_up.T) + ground.astype(np.float32)
    images += ink[:, None] * (direction * contrast).astype(np.float32)
    spread = generator.uniform(0.01, 0.16, (count, 1, 1, 1)).astype(np.float32)
    # Small images show strokes of few pixels, over which less noise averages out.
    images += generator.standard_normal(images.shape, dtype=np.float32) * spread * np.float32(min(1, size / _NOISY_SIZE))
    np.clip(images, 0, 1, out=images)
    images *= 255
    return np.asarray(images, dtype=np.uint8)


def bilinear_matrix(points: int, size: int) -> Floats:
    """Returns the matrix (size, points) that scales a row of points up to `size` pixels, end points to end pixels."""
    places = np.linspace(0, points - 1, size)
    return np.asarray(np.maximum(0, 1 - np.abs(places[:, None] - np.arange(points))), dtype=np.float32)
