"""A model and data of the search's tests: small enough to be trained in a second or two."""

from __future__ import annotations

from typing import Final

from collab.config import from_document
from collab.model import ModelConfig

EASY: Final = "digits"


def micro() -> ModelConfig:
    """A base model of three stages for images of 16 pixels and ten classes; the first stage has no expansion, the last a residual."""
    return from_document(
        {
            "name": "micro",
            "act": "ReLU6",
            "stem": [3, 8, 3, 2],
            "head": [12, 32, 1, 1],
            "0": [[8, 3, 1, 8, 8, 8]],
            "1": [[8, 3, 2, 8, 24, 12], [4, 3, 1, 12, 32, 12]],
            "2": [[4, 3, 1, 12, 32, 12]],
            "bn_momentum": 0.1,
            "num_classes": 10,
        }
    )
