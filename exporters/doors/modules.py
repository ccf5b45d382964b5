"""The door for torch modules: a Python file with ``get_model()`` and ``get_args()``, through litert-torch.

The convention is that of LiteRT's own command line: ``get_model()`` returns a ``torch.nn.Module``, ``get_args()`` a tuple of tensors, with
which the module is traced and compared. So all shapes are those of the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from collab.errors import ExportError
from exporters.doors.branches import Branches, branches_of
from exporters.doors.converted import Converted
from exporters.doors.user_file import function_of, running, told_by_line
from exporters.litert_torch_route import exported, require, sentence
from exporters.quiet import quiet

if TYPE_CHECKING:
    from torch import Tensor, nn

    from exporters.doors.layouts import Named


def convert_file(path: Path, *, keep_layout: bool = False) -> tuple[Converted, Branches | None]:
    """Converts what a Python file gives.

    Args:
        keep_layout: whether images keep the module's layout, instead of becoming NHWC.

    Returns:
        The model; and which operators are which branch's, where the module is a `CollaborativeNetwork`.

    Raises:
        ExportError: litert-torch is missing, the file fails or gives something else than a module and tensors, the module fails or cannot
            be converted.
        StorageError: the file cannot be read.
    """
    require("litert_torch")
    import torch
    from torch import nn

    from exporters.doors.collaborative import CollaborativeNetwork
    from exporters.doors.layouts import tensors_of

    with running(path) as source:
        get_model = function_of(source, "get_model", returns="a torch.nn.Module")
        get_args = function_of(source, "get_args", returns="a tuple of tensors, with which the module is called")
        with told_by_line(path):
            module, args = get_model(), get_args()
        if not isinstance(module, nn.Module):
            raise ExportError(f"{path}: get_model() gave {type(module).__name__}; return a torch.nn.Module")
        try:
            tensors = tensors_of(args)
        except ExportError as error:
            raise ExportError(f"{path}: {error}") from error
        with told_by_line(path), torch.no_grad():
            module.eval()(*tensors)
        converted = convert_module(module, tensors, keep_layout=keep_layout, what=str(path))
        if not isinstance(module, CollaborativeNetwork):
            return converted, None
        return converted, branches_of(module, tensors[0], converted)


def convert_module(module: nn.Module, args: Sequence[Tensor], *, keep_layout: bool = False, what: str = "the module") -> Converted:
    """Converts a module, which is put into inference mode.

    Args:
        args: what it is called with, images as NCHW; take values like those that it will see.
        keep_layout: whether images keep the module's layout, instead of becoming NHWC.
        what: how sentences call the module.

    Raises:
        ExportError: litert-torch is missing, or the module fails or cannot be converted.
    """
    litert_torch = require("litert_torch")
    import torch

    from exporters.doors.layouts import Named

    named = Named(module, turns=not keep_layout)
    inputs = named.outside(args)
    try:
        with quiet(), torch.no_grad():
            expected = named(**inputs)
            turned = _turned(named, inputs, expected)
            model = exported(litert_torch.convert(named, sample_kwargs=inputs))
    except ExportError as error:
        raise ExportError(f"{what}: {error}") from error
    except Exception as error:  # whatever tracing, lowering or the module itself raises
        raise ExportError(
            f"{what}: litert-torch cannot convert it: {sentence(error)}; write what it names in another way, with shapes that do not depend"
            " on values"
        ) from error
    return Converted(
        model=model,
        source="torch",
        inputs={name: tensor.detach().numpy() for name, tensor in inputs.items()},
        turned=turned,
        expected={name: tensor.detach().numpy() for name, tensor in expected.items()},
    )


def _turned(named: Named, inputs: dict[str, Tensor], outputs: dict[str, Tensor]) -> frozenset[str]:
    return frozenset(name for name, tensor in (*inputs.items(), *outputs.items()) if named.turned(tensor))
