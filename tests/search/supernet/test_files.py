"""Files of supernets that do not fit are refused."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search.data.base import Data
from search.data.open import open_for
from search.supernet.family import ModelFamily, SupernetError
from search.supernet.files import SUPERNET_FILE, load
from search.supernet.train import train_supernet
from search.training.recipe import SupernetRecipe
from tests.search.models import micro
from tests.search.supernets import QUICK, WIDEST, digits, space


def test_files_that_do_not_fit_are_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / SUPERNET_FILE, tmp_path)
    wider = ModelFamily(micro(), 2, (WIDEST[0], ((8,), (20, 36), (32,))))

    def refused(
        expected: str, *, other: ModelFamily | None = None, data: Data | None = None, recipe: SupernetRecipe = QUICK, seed: int = 1
    ) -> None:
        with pytest.raises(SupernetError, match=rf"supernet\.pth: {expected}"):
            train_supernet(other or space(), data or digits(), recipe, tmp_path, seed=seed)

    refused("was trained with another widest; choose another folder", other=wider)
    refused("was trained with another data;", data=open_for(micro(), "digits:seed=5"))
    refused("was trained with another recipe and another seed;", recipe=replace(QUICK, samples=2), seed=2)
    content = (tmp_path / SUPERNET_FILE).read_bytes()
    (tmp_path / SUPERNET_FILE).write_bytes(content[: len(content) // 2])
    refused("cannot be read as a supernet; delete it to train anew")
    torch.save({"about": json.dumps({"format": 99}), "tensors": {}}, tmp_path / SUPERNET_FILE)
    refused("has format 99, this version reads 1")
    torch.save(os.getcwd, tmp_path / SUPERNET_FILE)
    refused("cannot be read as a supernet")
    with pytest.raises(SupernetError, match="no such file; train a supernet first"):
        load(tmp_path / "none")


@pytest.mark.parametrize("damage", ["missing", "more", "shape", "nan", "kind", "none"])
def test_a_supernet_with_other_tensors_is_refused(trained: Path, tmp_path: Path, damage: str) -> None:
    content = torch.load(trained / SUPERNET_FILE, weights_only=True)
    tensors = content["tensors"]
    name = sorted(tensors)[0]
    if damage == "missing":
        del tensors[name]
    elif damage == "more":
        tensors["another"] = tensors[name]
    elif damage == "shape":
        tensors[name] = tensors[name][..., None]
    elif damage == "nan":
        tensors[name].view(-1)[0] = float("nan")
    elif damage == "kind":
        tensors[name] = tensors[name].double()
    else:
        tensors[name] = None
    torch.save(content, tmp_path / SUPERNET_FILE)
    with pytest.raises(SupernetError, match=r"supernet\.pth: its tensor .* delete it to train anew"):
        load(tmp_path)
    with pytest.raises(SupernetError, match=r"supernet\.pth: its tensor .* delete it to train anew"):
        train_supernet(space(), digits(), QUICK, tmp_path, seed=1)
