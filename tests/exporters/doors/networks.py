"""Small networks as others write them, in plain torch: what comes through the door for modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from exporters.doors.collaborative import CollaborativeNetwork, Stage

IMAGE: Final = (1, 3, 32, 32)


def norm_conv(
    in_c: int, out_c: int, kernel: int = 1, *, stride: int = 1, groups: int = 1, act: Callable[[], nn.Module] | None
) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(in_c, out_c, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out_c)]
    return nn.Sequential(*layers, *([act()] if act is not None else []))


class BasicBlock(nn.Module):
    """A residual block of a ResNet, whose shortcut is a convolution where the shape changes."""

    def __init__(self, in_c: int, out_c: int, *, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            norm_conv(in_c, out_c, 3, stride=stride, act=nn.ReLU),
            norm_conv(out_c, out_c, 3, act=None),
        )
        changes = stride != 1 or in_c != out_c
        self.shortcut = norm_conv(in_c, out_c, stride=stride, act=None) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(cast(Tensor, self.body(x) + self.shortcut(x)))


class Classifier(nn.Module):
    """Pools what it is given, and classifies it."""

    def __init__(self, in_c: int, classes: int = 10) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(in_c, classes)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.linear(torch.flatten(self.pool(x), 1)))


def resnet() -> nn.Module:
    """A ResNet of three stages, with the max pooling of those for large images."""
    return nn.Sequential(
        norm_conv(3, 16, 7, stride=2, act=nn.ReLU),
        nn.MaxPool2d(3, 2, 1),
        BasicBlock(16, 16, stride=1),
        BasicBlock(16, 32, stride=2),
        BasicBlock(32, 64, stride=2),
        Classifier(64),
    )


class SqueezeExcitation(nn.Module):
    """A gate on channels, with a hard sigmoid as MobileNetV3 has it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = channels // 4
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, channels, 1), nn.Hardsigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x * self.gate(x))


class Bneck(nn.Module):
    """A block of MobileNetV3."""

    def __init__(
        self, in_c: int, exp_c: int, out_c: int, *, kernel: int, stride: int, squeezes: bool, act: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        self.adds = stride == 1 and in_c == out_c
        self.body = nn.Sequential(
            norm_conv(in_c, exp_c, act=act),
            norm_conv(exp_c, exp_c, kernel, stride=stride, groups=exp_c, act=act),
            SqueezeExcitation(exp_c) if squeezes else nn.Identity(),
            norm_conv(exp_c, out_c, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = cast(Tensor, self.body(x))
        return x + y if self.adds else y


def mobilenet_v3() -> nn.Module:
    """A MobileNetV3 of four blocks: squeeze-and-excitation, hard-swish."""
    return nn.Sequential(
        norm_conv(3, 16, 3, stride=2, act=nn.Hardswish),
        Bneck(16, 16, 16, kernel=3, stride=1, squeezes=False, act=nn.ReLU),
        Bneck(16, 64, 24, kernel=3, stride=2, squeezes=False, act=nn.ReLU),
        Bneck(24, 72, 40, kernel=5, stride=2, squeezes=True, act=nn.Hardswish),
        Bneck(40, 120, 40, kernel=5, stride=1, squeezes=True, act=nn.Hardswish),
        norm_conv(40, 96, act=nn.Hardswish),
        Classifier(96),
    )


class VitBlock(nn.Module):
    """A block of a vision transformer behind its patches: attention of several heads, and two layers with GELU."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = x + self.attention(self.before_attention(x))
        x = x + self.mlp(self.before_mlp(x))
        return cast(Tensor, self.head(x.mean(dim=1)))

    def attention(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.to_qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        weights = torch.softmax(query @ key.transpose(-2, -1) / (width // self.heads) ** 0.5, dim=-1)
        return cast(Tensor, self.project((weights @ value).transpose(1, 2).reshape(batch, tokens, width)))


class GroupedBottleneck(nn.Module):
    """A bottleneck with a grouped convolution, as the branches of NN-Stretch have it."""

    def __init__(self, in_c: int, out_c: int, *, groups: int, stride: int) -> None:
        super().__init__()
        middle = out_c // 2
        self.body = nn.Sequential(
            norm_conv(in_c, middle, act=nn.ReLU),
            norm_conv(middle, middle, 3, stride=stride, groups=groups, act=nn.ReLU),
            norm_conv(middle, out_c, act=None),
        )
        self.shortcut = norm_conv(in_c, out_c, stride=stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(cast(Tensor, self.body(x) + self.shortcut(x)))


def stretched() -> CollaborativeNetwork:
    """Two branches of bottlenecks, the second one narrower and with more groups, that meet twice and once go on alone."""
    branch = GroupedBottleneck
    return CollaborativeNetwork(
        stem=norm_conv(3, 16, 3, stride=2, act=nn.ReLU),
        stages=[
            Stage([branch(16, 32, groups=2, stride=1), branch(16, 16, groups=4, stride=1)], sync="c"),
            Stage([branch(48, 32, groups=2, stride=2), branch(48, 32, groups=4, stride=2)], sync=None),
            Stage([branch(32, 64, groups=2, stride=1), branch(32, 64, groups=4, stride=1)], sync="a"),
        ],
        head=Classifier(64),
    )


def trained(module: nn.Module, *, seed: int = 0) -> nn.Module:
    """A module with seeded weights, whose norms have statistics as after training; in inference mode."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear, nn.LayerNorm)):
            part.reset_parameters()
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.3, 0.3)
            part.running_mean = torch.randn(part.num_features) * 0.2
            part.running_var = torch.rand(part.num_features) + 0.5
    return module.eval()
