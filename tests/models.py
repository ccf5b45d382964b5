"""Models for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collab.config import from_document
from collab.model import ModelConfig
from exporters.tflite_route import write_relu

_SUBGRAPHS = 2
"""The field's number in the table Model of TFLite's schema."""


def tiny() -> ModelConfig:
    """A base model of three one-block stages, for what takes time per block: no expansion; stride 2; a residual."""
    return from_document(
        {
            "name": "tiny",
            "act": "ReLU",
            "stem": [3, 16, 3, 2],
            "head": [24, 48, 1, 1],
            "0": [[24, 3, 1, 16, 16, 16]],
            "1": [[24, 5, 2, 16, 40, 24]],
            "2": [[12, 3, 1, 24, 64, 24]],
            "bn_momentum": 0.1,
            "num_classes": 10,
        }
    )


def smallest() -> ModelConfig:
    """The tiny model with a third of its blocks, for what measures it whole and over again: as many kinds of blocks, fewer widths."""
    return changed(
        tiny(),
        {
            "name": "smallest",
            "stem": [3, 8, 3, 2],
            "head": [8, 16, 1, 1],
            "0": [[24, 3, 1, 8, 8, 8]],
            "1": [[24, 3, 2, 8, 8, 8]],
            "2": [[12, 3, 1, 8, 8, 8]],
        },
    )


def crashing_model() -> bytes:
    """A model file at which runtimes crash, as at many that are damaged: they follow offsets without checking them.

    The model's one subgraph is said to lie two gigabytes behind the place that names it (flatbuffers: root table, its vtable, the field
    `subgraphs`, a vector of offsets).
    """
    model = bytearray(write_relu((1, 4, 4, 8)))

    def word(at: int, size: int = 4) -> int:
        return int.from_bytes(model[at : at + size], "little")

    root = word(0)
    vtable = root - word(root)
    subgraphs = root + word(vtable + 4 + 2 * _SUBGRAPHS, 2)
    first = subgraphs + word(subgraphs) + 4
    model[first : first + 4] = (0x7FFFFF00).to_bytes(4, "little")
    return bytes(model)


def changed(config: ModelConfig, changes: Mapping[str, Any]) -> ModelConfig:
    """The config with some top-level fields replaced, checked again."""
    return from_document({**config.document, **changes}, origin=config.name)
