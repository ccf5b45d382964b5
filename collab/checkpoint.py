"""Checkpoints: tensors by name from a torch file or an ``.npz`` archive. torch is imported only for a torch file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from collab.errors import WeightsError

if TYPE_CHECKING:
    import torch


def read_checkpoint(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a checkpoint by name: a torch file with a state dict, bare or under ``state_dict``, or an ``.npz`` archive.

    The prefix ``module.`` of torch's DataParallel is dropped. Nothing but tensors is unpickled: a checkpoint from elsewhere
    cannot run code.

    Raises:
        WeightsError: no such file, another kind of file, or a file that holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; give a checkpoint (.pth, .pt or .npz)")
    tensors = _read_npz(path) if path.suffix == ".npz" else _read_torch(path)
    if not tensors:
        raise WeightsError(f"{path}: holds no tensors")
    return {name.removeprefix("module."): array for name, array in tensors.items()}


def _read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.lib.npyio.NpzFile):
            with content:
                return {name: content[name] for name in content.files}
    except Exception as error:  # damaged archives raise what zipfile, zlib and numpy please: there is no closed list
        raise WeightsError(f"{path}: cannot be read as an .npz archive of tensors ({_first_line(error)})") from error
    raise WeightsError(f"{path}: holds one array without a name, not an archive of named ones; write it with numpy.savez")


def _read_torch(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(
            f"{path}: reading a torch checkpoint needs torch: pip install '.[torch]', or save the tensors as .npz"
        ) from error
    try:
        content: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle makes torch raise almost anything
        raise WeightsError(f"{path}: cannot be read as a torch checkpoint of nothing but tensors ({_first_line(error)})") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise WeightsError(f"{path}: holds no state dict (names to tensors); save one with torch.save(network.state_dict(), ...)")
    return {str(name): _array(tensor, f"{path}: {name}") for name, tensor in content.items()}


def _array(tensor: torch.Tensor, what: str) -> npt.NDArray[Any]:
    import torch

    try:
        # bfloat16 and the 8-bit floats are types that numpy does not know.
        is_known = not tensor.is_floating_point() or tensor.dtype in (torch.float16, torch.float32, torch.float64)
        return (tensor.detach() if is_known else tensor.detach().float()).numpy()
    except (RuntimeError, TypeError) as error:
        raise WeightsError(f"{what} is no plain dense tensor ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
