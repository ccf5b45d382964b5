"""Models for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collab.config import ModelConfig, from_document


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


def changed(config: ModelConfig, changes: Mapping[str, Any]) -> ModelConfig:
    """The config with some top-level fields replaced, checked again."""
    return from_document({**config.document, **changes}, origin=config.name)
