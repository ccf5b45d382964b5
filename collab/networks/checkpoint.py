"""Checkpoints: tensors by name from a torch file or an ``.npz`` archive. torch is imported only for a torch file."""

from __future__ import annotations

import contextlib
import math
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from collab.blocks import MAX_TENSOR_BYTES
from collab.errors import SyncNasError, WeightsError
from collab.model import ModelConfig
from collab.names import shown
from collab.networks.weights import check_shapes
from collab.tensors.types import Shape
from collab.wording.extras import missing

if TYPE_CHECKING:
    import torch

_Item = TypeVar("_Item")

_MAX_BYTES: Final = 2 * MAX_TENSOR_BYTES
"""The most bytes of all tensors together: those of the largest model, in double precision."""
_MAX_TENSORS: Final = 100_000


def read_checkpoint(path: str | Path, config: ModelConfig | None = None) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a checkpoint by name: a torch file with a state dict, bare or under ``state_dict``, or an ``.npz`` archive.

    The prefix ``module.`` of torch's DataParallel is dropped. Nothing but tensors is unpickled: a checkpoint from elsewhere
    cannot run code.

    Args:
        config: a model whose tensors they should be; those of an archive that are not are refused before they are unpacked.

    Raises:
        WeightsError: no such file, another kind of file, or a file that holds something else.
    """
    path = Path(path)
    shown_path = shown(str(path), most=1000)
    if not _is_regular(path):
        raise WeightsError(f"{shown_path}: no such file; give a checkpoint (.pth, .pt or .npz)")
    tensors = _read_npz(path, config) if path.suffix == ".npz" else _read_torch(path)
    if not tensors:
        raise WeightsError(f"{shown_path}: holds no tensors")
    return _without_prefix(tensors, shown_path)


def _is_regular(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _without_prefix(tensors: Mapping[str, _Item], origin: str) -> dict[str, _Item]:
    bare = {name.removeprefix("module."): value for name, value in tensors.items()}
    if len(bare) != len(tensors):
        raise WeightsError(f"{origin}: holds tensors both with and without the prefix 'module.'; save one state dict")
    return bare


def _read_npz(path: Path, config: ModelConfig | None) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            shapes = _npz_shapes(archive, str(path))
            if config is not None:
                check_shapes(config, _without_prefix(shapes, str(path)), origin=str(path))
            return {name: _npz_tensor(archive, name) for name in shapes}
    except SyncNasError:
        raise
    except Exception as error:  # damaged archives raise what zipfile, zlib and numpy please: there is no closed list
        if _begins_with(path, np.lib.format.MAGIC_PREFIX):
            raise WeightsError(
                f"{path}: holds one array without a name, not an archive of named ones; write it with numpy.savez"
            ) from error
        raise WeightsError(f"{path}: cannot be read as an .npz archive of tensors ({_first_line(error)})") from error


def _npz_shapes(archive: zipfile.ZipFile, origin: str) -> dict[str, Shape]:
    """Name and shape of every array, from the beginnings of the archive's members alone.

    Raises:
        WeightsError: a name that stands twice, something that is no array of numbers, or more than a model may have.
    """
    members = archive.infolist()
    if len(members) > _MAX_TENSORS:
        raise WeightsError(f"{origin}: holds {len(members)} tensors; no model has more than {_MAX_TENSORS}")
    shapes: dict[str, Shape] = {}
    total_bytes = 0
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name in shapes:
            raise WeightsError(f"{origin}: {shown(name)} stands twice in it; save the tensors again")
        shape, dtype = _npy_header(archive, member)
        total_bytes += math.prod(shape) * dtype.itemsize
        if dtype.kind not in "fiub" or total_bytes > _MAX_BYTES:
            what = (
                "is no array of plain numbers, as tensors are" if dtype.kind not in "fiub" else f"makes it more than {_MAX_BYTES >> 30} GiB"
            )
            raise WeightsError(f"{origin}: {shown(name)} {what}; is it a checkpoint?")
        shapes[name] = shape
    return shapes


def _npy_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[Shape, np.dtype[Any]]:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"{shown(member.filename)} is an array of an unknown version")
        shape, _, dtype = readers[version](file)
    if not all(type(extent) is int and 0 <= extent < 1 << 48 for extent in shape):
        raise ValueError(f"{shown(member.filename)} has a shape that cannot be")
    return tuple(shape), dtype


def _npz_tensor(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    member = f"{name}.npy" if f"{name}.npy" in archive.NameToInfo else name
    with archive.open(member) as file:
        array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _begins_with(path: Path, magic: bytes) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(magic)) == magic
    return False


def _check_torch_archive(path: Path) -> None:
    """torch stores tensors as they are; an archive that claims more than the file holds is none of torch's."""
    size_bytes = path.stat().st_size
    if size_bytes > _MAX_BYTES:
        raise WeightsError(f"{path}: has {size_bytes / 2**30:.1f} GiB; no checkpoint of a model has more than {_MAX_BYTES >> 30} GiB")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # torch's format of old, or something that torch refuses itself
    is_packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    is_double = len({member.filename for member in members}) != len(members)
    if is_packed or is_double or sum(member.file_size for member in members) > size_bytes:
        raise WeightsError(f"{path}: is no checkpoint as torch writes it: it is compressed, or claims more than it holds; save it again")


def _read_torch(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(
            missing(f"{path}: reading a torch checkpoint", "torch", "torch", error=error, instead="save the tensors as .npz")
        ) from error
    _check_torch_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's about damaged files, which end in an error anyway
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle makes torch raise almost anything
        raise WeightsError(f"{path}: cannot be read as a torch checkpoint of nothing but tensors ({_first_line(error)})") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise WeightsError(f"{path}: holds no state dict (names to tensors); save one with torch.save(network.state_dict(), ...)")
    if sum(max(tensor.element_size(), 4) * tensor.numel() for tensor in content.values()) > _MAX_BYTES:
        raise WeightsError(f"{path}: its tensors take more than {_MAX_BYTES >> 30} GiB; no model has so many weights")
    return {str(name): _array(tensor, f"{path}: {shown(str(name))}") for name, tensor in content.items()}


def _array(tensor: torch.Tensor, what: str) -> npt.NDArray[Any]:
    import torch

    try:
        # bfloat16 and the 8-bit floats are types that numpy does not know.
        is_known = not tensor.is_floating_point() or tensor.dtype in (torch.float16, torch.float32, torch.float64)
        return (tensor.detach() if is_known else tensor.detach().float()).numpy()
    except (RuntimeError, TypeError) as error:
        raise WeightsError(f"{what} is no plain dense tensor ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return shown((str(error).strip().splitlines() or [type(error).__name__])[0], most=300)
