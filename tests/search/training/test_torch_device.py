"""Torch's devices and random numbers."""

from __future__ import annotations

import pytest
import torch

from search.evaluators.base import EvaluationError
from search.training.torch_device import pick_device, seeded
from search.training.train import initial_network
from tests.search.models import micro


def test_training_leaves_the_programs_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(9):
        torch.rand(100)
    initial_network(micro(), seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("warp", "cuda:77"):
        with pytest.raises(EvaluationError, match=f"torch cannot use the device '{name}' here"):
            pick_device(name)
