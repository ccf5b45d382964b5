"""Blocks computed by torch's functional operators straight from a state dict: independent of the product's network and writer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collab.blocks import Add, Concat, Head, MBConv
from collab.networks.weights import Array, Weights
from collab.schedule import Layer


def layer_output(layer: Layer, weights: Weights, inputs: Sequence[Array], *, eps: float = 1e-5) -> Array:
    """The output (NHWC, or (1, classes)) of one layer for NHWC inputs."""
    import torch
    from torch.nn import functional as F  # noqa: N812 - its usual name

    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(weights[name])

    def conv_bn(x: torch.Tensor, prefix: str, *, stride: int, depthwise: bool = False, act: str | None = None) -> torch.Tensor:
        weight = tensor(f"{prefix}.0.weight")
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2, groups=weight.shape[0] if depthwise else 1)
        norm = [tensor(f"{prefix}.1.{name}") for name in ("running_mean", "running_var", "weight", "bias")]
        y = F.batch_norm(y, *norm, training=False, eps=eps)
        return {"relu": F.relu, "relu6": F.relu6, None: lambda z: z}[act](y)

    block = layer.block
    xs = [torch.from_numpy(x).permute(0, 3, 1, 2) for x in inputs]
    with torch.no_grad():
        if isinstance(block, Add):
            y = xs[0]
            for x in xs[1:]:
                y = y + x
        elif isinstance(block, Concat):
            y = torch.cat(xs, dim=1)
        elif isinstance(block, MBConv):
            y = conv_bn(xs[0], f"{layer.weights}.pw1", stride=1, act=block.act) if block.has_expansion else xs[0]
            y = conv_bn(y, f"{layer.weights}.dw", stride=block.stride, depthwise=True, act=block.act)
            y = conv_bn(y, f"{layer.weights}.pw2", stride=1)
            y = y + xs[0] if block.has_residual else y
        elif isinstance(block, Head):
            y = conv_bn(xs[0], "head_conv", stride=block.stride, act=block.act).mean(dim=(2, 3))
            return np.asarray(F.linear(y, tensor("classifier.1.weight"), tensor("classifier.1.bias")))
        else:
            y = conv_bn(xs[0], layer.weights, stride=block.stride, act=block.act)
        return np.ascontiguousarray(y.permute(0, 2, 3, 1).numpy())
