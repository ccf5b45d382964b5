"""Layouts: a torch module of images with their channels first, as one of images with their channels last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from collab.errors import ExportError


class Named(nn.Module):
    """A module with named inputs and outputs: ``in0``, ``in1`` ... to ``out``, or ``out0``, ``out1`` ..., or the names that it gives.

    Args:
        turns: whether images, which are float tensors of rank 4, come and go as NHWC, where the module has NCHW.
    """

    def __init__(self, module: nn.Module, *, turns: bool) -> None:
        super().__init__()
        self.module = module
        self.turns = turns
        self.eval()

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        given = [tensor.permute(0, 3, 1, 2) if self.turned(tensor) else tensor for tensor in inputs.values()]
        outputs = named_outputs(self.module(*given))
        return {name: tensor.permute(0, 2, 3, 1) if self.turned(tensor) else tensor for name, tensor in outputs.items()}

    def turned(self, tensor: Tensor) -> bool:
        """Tells whether a tensor has another layout outside than inside."""
        return self.turns and tensor.dim() == 4 and tensor.is_floating_point()

    def outside(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Returns the module's own inputs as this one takes them."""
        turned = [tensor.permute(0, 2, 3, 1).contiguous() if self.turned(tensor) else tensor.contiguous() for tensor in inputs]
        return {f"in{index}": tensor for index, tensor in enumerate(turned)}


def named_outputs(outputs: object) -> dict[str, Tensor]:
    """Returns a module's outputs by names.

    Raises:
        ExportError: it returns something else than a tensor, several, or a dictionary of them.
    """
    if isinstance(outputs, Tensor):
        return {"out": outputs}
    if isinstance(outputs, Mapping):
        found = {str(name): tensor for name, tensor in outputs.items()}
    elif isinstance(outputs, (tuple, list)):
        found = {f"out{index}": tensor for index, tensor in enumerate(outputs)}
    else:
        found = {}
    if not found or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise ExportError(f"the module returns {type(outputs).__name__}; have it return a tensor, several, or a dictionary of them")
    return found


def tensors_of(args: object) -> tuple[Tensor, ...]:
    """Returns what ``get_args()`` gave as tensors.

    Raises:
        ExportError: it is neither a tensor nor a tuple or list of them, or one is not on the CPU, or has no values.
    """
    found = (args,) if isinstance(args, Tensor) else tuple(args) if isinstance(args, (tuple, list)) else ()
    for index, tensor in enumerate(found):
        if not isinstance(tensor, Tensor):
            raise ExportError(f"get_args() gave {type(tensor).__name__} as argument {index}; give a tuple of tensors")
        if tensor.device.type != "cpu" or tensor.layout != torch.strided:
            raise ExportError(f"argument {index} of get_args() lies on {tensor.device} as {tensor.layout}; give a plain tensor on the CPU")
        if not tensor.numel():
            raise ExportError(f"argument {index} of get_args() has the shape {list(tensor.shape)}, and so no values; give one with some")
    if not found:
        raise ExportError(f"get_args() gave {type(args).__name__}; give a tuple of tensors, one for each argument of the module")
    return tuple(tensor for tensor in found if isinstance(tensor, Tensor))
