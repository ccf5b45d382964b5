"""Drawn glyphs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from search.data.glyphs import GlyphOptions, bilinear_matrix, draw_figures, family_of, open_glyphs

SMALL = GlyphOptions(classes=6, size=24, train_images=90, validation_images=30, seed=4)


def hashes(pixels: npt.NDArray[np.uint8]) -> set[bytes]:
    return {image.tobytes() for image in pixels}


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
