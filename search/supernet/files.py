"""The files of a supernet: ``supernet.pth`` of a trained one, ``supernet.partial.pth`` of one that is being trained."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from collab import config as configs
from collab.files import write_whole
from search.supernet.family import ModelFamily, SupernetError, Widths
from search.supernet.network import Supernet, initial_supernet
from search.training.recipe import SupernetRecipe
from search.training.torch_device import pick_device

FORMAT: Final = 1
SUPERNET_FILE: Final = "supernet.pth"
UNFINISHED_FILE: Final = "supernet.partial.pth"
_MOST_BYTES: Final = 8 << 30


def load(folder: Path, *, device: torch.device | None = None) -> Supernet:
    """Reads the trained supernet in a folder, whatever it was trained with.

    Raises:
        SupernetError: there is none, or it is damaged.
    """
    path = folder / SUPERNET_FILE
    content = read_content(path, None)
    about = json.loads(content["about"])
    try:
        base = configs.from_document(about["base"], origin=str(path))
        family = ModelFamily(base, about["branches"], _as_widths(about["widest"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SupernetError(f"{path}: does not say what it was trained for; delete it to train anew") from error
    tensors = checked_tensors(path, content["tensors"], family)
    target = device or pick_device()
    return Supernet(family, {name: tensor.to(target) for name, tensor in tensors.items()})


def _as_widths(nested: list[list[list[int]]]) -> Widths:
    return tuple(tuple(tuple(stage) for stage in branch) for branch in nested)


def training_settings(family: ModelFamily, data: str, recipe: SupernetRecipe, seed: int) -> str:
    """Returns, as JSON, all that a supernet's weights depend on. How often it is saved makes no difference to them."""
    settings = {key: value for key, value in asdict(recipe).items() if key != "save_every_s"}
    return json.dumps(
        {
            "format": FORMAT,
            "base": family.base.document,
            "branches": family.branches,
            "widest": family.widest,
            "data": data,
            "recipe": settings,
            "seed": seed,
        }
    )


def stored_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors as they are stored: on the CPU, contiguous, without gradients."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def write_content(path: Path, content: Mapping[str, Any]) -> None:
    """Writes the whole file or leaves what was there, also if the process or the machine dies in between."""
    # By way of memory: of a full disk, torch tells something that is no OSError.
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    write_whole(path, buffer.getvalue())


def checked_tensors(path: Path, tensors: Mapping[str, Any], family: ModelFamily) -> Mapping[str, Tensor]:
    """Returns the tensors, after a check that they are all that the family's supernet has, and finite.

    Raises:
        SupernetError: they are not.
    """
    wanted = {name: tensor.shape for name, tensor in initial_supernet(family, seed=0).tensors.items()}
    shapes = {name: getattr(tensor, "shape", None) for name, tensor in tensors.items()}
    wrong = next((name for name in sorted({*wanted, *map(str, shapes)}) if wanted.get(name) != shapes.get(name)), None)
    if wrong is None:
        wrong = next((name for name, tensor in tensors.items() if not _is_sound(tensor)), None)
    if wrong is not None:
        raise SupernetError(f"{path}: its tensor {wrong[:80]} is not there, not of this supernet, or no numbers; delete it to train anew")
    return tensors


def _is_sound(tensor: Tensor) -> bool:
    return (tensor.dtype, tensor.layout) == (torch.float32, torch.strided) and bool(tensor.isfinite().all())


def read_content(path: Path, settings: str | None) -> dict[str, Any]:
    """Reads the content of a supernet's file; with `settings`, of one that was trained with just these.

    Raises:
        SupernetError: the file is not there, is damaged, or was trained with other settings.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SupernetError(f"{path}: is larger than {_MOST_BYTES >> 30} GiB, which no supernet is; delete it to train anew")
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
        stored = json.loads(content["about"])
        if stored["format"] != FORMAT:
            raise SupernetError(f"{path}: has format {stored['format']}, this version reads {FORMAT}; delete it to train anew")
        dict(content["tensors"])
    except SupernetError:
        raise
    except FileNotFoundError as error:
        raise SupernetError(f"{path}: no such file; train a supernet first") from error
    except Exception as error:  # a damaged pickle makes torch raise almost anything
        raise SupernetError(f"{path}: cannot be read as a supernet; delete it to train anew") from error
    if settings is not None:
        _compare(path, stored, json.loads(settings))
    return dict(content)


def _compare(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuses a file whose settings are not the wanted ones; the error names every one that differs."""
    differing = [key for key in wanted if stored.get(key) != wanted[key]]
    if differing:
        raise SupernetError(
            f"{path}: was trained with another {' and another '.join(differing)}; choose another folder, or delete it to train anew"
        )
