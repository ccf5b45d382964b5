"""Fixtures of the search's tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a supernet of the recipe QUICK and the seed 1, trained at one go."""
    # torch is not there in a small environment, which runs the tests beside.
    from search.supernet.train import train_supernet
    from tests.search.supernets import QUICK, digits, space

    folder = tmp_path_factory.mktemp("whole")
    train_supernet(space(), digits(), QUICK, folder, seed=1)
    return folder
