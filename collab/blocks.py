"""Blocks: the smallest things that are timed, each with a canonical key that parses back.

| block | key | example |
| --- | --- | --- |
| stem | ``stem_{size}_k{k}s{s}_{in}-{out}_{act}`` | ``stem_224_k3s2_3-32_relu6`` |
| MBConv | ``mbconv_{size}_k{k}s{s}_{in}-{exp}-{out}_{act}`` | ``mbconv_112_k3s2_16-96-24_relu6`` |
| head | ``head_{size}_k{k}s{s}_{in}-{hidden}-{classes}_{act}`` | ``head_7_k1s1_320-1280-1000_relu6`` |
| add | ``add_{size}_{channels}x{branches}`` | ``add_28_32x2`` |
| concat | ``concat_{size}_{share}+{share}…`` | ``concat_112_8+8`` |

Pieces of networks that are no configs are in `collab.tensors.opaque`.

Sizes are those of the (square) input feature map. Shapes are NHWC with batch 1. MACs and parameters follow the usual count:
multiply-accumulates of convolutions and the classifier; weights, BatchNorm scale and shift, classifier bias.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from collab.errors import ConfigError
from collab.names import shown
from collab.tensors.opaque import Opaque, parse_opaque
from collab.tensors.types import Shape

ACTIVATIONS: Final = {"ReLU": "relu", "ReLU6": "relu6"}
"""Activation names of configs (torch's class names) and how they are written in keys."""

BYTES_PER_VALUE: Final = 4
"""Features are float32."""

MAX_EXTENT: Final = 65536
"""The largest size or number of channels that a block may have; beyond it an input is taken for damaged."""

MAX_BRANCHES: Final = 32
"""The most branches of a model, and shares of a sync."""

MAX_TENSOR_BYTES: Final = 2 << 30
"""The most that the weights of a model, or the features between two of its blocks, may take: no model file can hold more."""


def feature_bytes(shape: Shape) -> int:
    """Bytes of a feature map of this shape."""
    return math.prod(shape) * BYTES_PER_VALUE


def conv_out_size(size: int, *, kernel: int, stride: int) -> int:
    """Output size of a convolution padded by ``kernel // 2`` on either side, as torch computes it."""
    return (size + 2 * (kernel // 2) - kernel) // stride + 1


@dataclass(frozen=True)
class Stem:
    """Convolution, BatchNorm, activation: from the network's input to the first features."""

    in_size: int
    kernel: int
    stride: int
    in_c: int
    out_c: int
    act: str

    @property
    def key(self) -> str:
        return f"stem_{self.in_size}_k{self.kernel}s{self.stride}_{self.in_c}-{self.out_c}_{self.act}"

    @property
    def out_size(self) -> int:
        return conv_out_size(self.in_size, kernel=self.kernel, stride=self.stride)

    @property
    def in_shapes(self) -> tuple[Shape, ...]:
        return ((1, self.in_size, self.in_size, self.in_c),)

    @property
    def out_shape(self) -> Shape:
        return (1, self.out_size, self.out_size, self.out_c)

    @property
    def macs(self) -> int:
        return self.out_size**2 * self.kernel**2 * self.in_c * self.out_c

    @property
    def params(self) -> int:
        return self.kernel**2 * self.in_c * self.out_c + 2 * self.out_c


@dataclass(frozen=True)
class MBConv:
    """Inverted residual: 1x1 expansion (absent if exp_c == in_c), depthwise kernel, linear 1x1 projection.

    The input is added to the output when in_c == out_c and stride 1.
    """

    in_size: int
    kernel: int
    stride: int
    in_c: int
    exp_c: int
    out_c: int
    act: str

    @property
    def key(self) -> str:
        channels = f"{self.in_c}-{self.exp_c}-{self.out_c}"
        return f"mbconv_{self.in_size}_k{self.kernel}s{self.stride}_{channels}_{self.act}"

    @property
    def has_expansion(self) -> bool:
        return self.in_c != self.exp_c

    @property
    def has_residual(self) -> bool:
        return self.in_c == self.out_c and self.stride == 1

    @property
    def out_size(self) -> int:
        return conv_out_size(self.in_size, kernel=self.kernel, stride=self.stride)

    @property
    def in_shapes(self) -> tuple[Shape, ...]:
        return ((1, self.in_size, self.in_size, self.in_c),)

    @property
    def out_shape(self) -> Shape:
        return (1, self.out_size, self.out_size, self.out_c)

    @property
    def macs(self) -> int:
        expansion = self.in_size**2 * self.in_c * self.exp_c if self.has_expansion else 0
        return expansion + self.out_size**2 * self.exp_c * (self.kernel**2 + self.out_c)

    @property
    def params(self) -> int:
        expansion = self.exp_c * (self.in_c + 2) if self.has_expansion else 0
        return expansion + self.exp_c * (self.kernel**2 + 2) + self.out_c * (self.exp_c + 2)


@dataclass(frozen=True)
class Head:
    """Convolution, BatchNorm, activation, global average pool, linear classifier."""

    in_size: int
    kernel: int
    stride: int
    in_c: int
    hidden_c: int
    classes: int
    act: str

    @property
    def key(self) -> str:
        channels = f"{self.in_c}-{self.hidden_c}-{self.classes}"
        return f"head_{self.in_size}_k{self.kernel}s{self.stride}_{channels}_{self.act}"

    @property
    def conv_size(self) -> int:
        """Size of the features that the global average pool takes the mean of."""
        return conv_out_size(self.in_size, kernel=self.kernel, stride=self.stride)

    @property
    def in_shapes(self) -> tuple[Shape, ...]:
        return ((1, self.in_size, self.in_size, self.in_c),)

    @property
    def out_shape(self) -> Shape:
        return (1, self.classes)

    @property
    def macs(self) -> int:
        return self.conv_size**2 * self.kernel**2 * self.in_c * self.hidden_c + self.hidden_c * self.classes

    @property
    def params(self) -> int:
        return self.hidden_c * (self.kernel**2 * self.in_c + 2) + self.classes * (self.hidden_c + 1)


@dataclass(frozen=True)
class Add:
    """Opening of a segment after an ``a`` sync: the branches' features are added, in order of branch."""

    size: int
    channels: int
    branches: int = 2

    @property
    def key(self) -> str:
        return f"add_{self.size}_{self.channels}x{self.branches}"

    @property
    def in_shapes(self) -> tuple[Shape, ...]:
        return (self.out_shape,) * self.branches

    @property
    def out_shape(self) -> Shape:
        return (1, self.size, self.size, self.channels)

    @property
    def macs(self) -> int:
        return 0

    @property
    def params(self) -> int:
        return 0


@dataclass(frozen=True)
class Concat:
    """Opening of a segment after a ``c`` sync: the branches' shares of channels, in order of branch."""

    size: int
    shares: tuple[int, ...]

    @property
    def key(self) -> str:
        return f"concat_{self.size}_{'+'.join(map(str, self.shares))}"

    @property
    def channels(self) -> int:
        return sum(self.shares)

    @property
    def branches(self) -> int:
        return len(self.shares)

    @property
    def in_shapes(self) -> tuple[Shape, ...]:
        return tuple((1, self.size, self.size, share) for share in self.shares)

    @property
    def out_shape(self) -> Shape:
        return (1, self.size, self.size, self.channels)

    @property
    def macs(self) -> int:
        return 0

    @property
    def params(self) -> int:
        return 0


Block: TypeAlias = Stem | MBConv | Head | Add | Concat
"""Blocks of configs, whose costs follow from their numbers."""
AnyBlock: TypeAlias = Block | Opaque
"""All blocks that can be timed: those of configs, and pieces of other networks."""
Sync: TypeAlias = Add | Concat

_MAX_KEY: Final = 240
"""A key is the name of a file when its block is timed; the longest is that of a concat."""
_NUMBER = r"([1-9][0-9]{0,5})"
_STEM = re.compile(rf"stem_{_NUMBER}_k{_NUMBER}s{_NUMBER}_{_NUMBER}-{_NUMBER}_([a-z0-9]+)")
_TRIPLE = re.compile(rf"(mbconv|head)_{_NUMBER}_k{_NUMBER}s{_NUMBER}_{_NUMBER}-{_NUMBER}-{_NUMBER}_([a-z0-9]+)")
_ADD = re.compile(rf"add_{_NUMBER}_{_NUMBER}x{_NUMBER}")
_CONCAT = re.compile(rf"concat_{_NUMBER}_([0-9]+(?:\+[0-9]+)+)")


def parse_any_key(key: str) -> AnyBlock:
    """The block that a canonical key stands for, of a config or opaque; ``parse_any_key(block.key) == block``.

    Raises:
        ConfigError: see `parse_key`.
    """
    return parse_opaque(key) or parse_key(key)


def parse_key(key: str) -> Block:
    """The block of a config that a canonical key stands for; ``parse_key(block.key) == block``.

    Raises:
        ConfigError: the text is no key, or a number in it is zero, has leading zeros, or is absurdly large.
    """
    block: Block | None = None
    if len(key) > _MAX_KEY:
        raise ConfigError(f"'{shown(key, most=60)}' is no block key: it has more than {_MAX_KEY} characters")
    if match := _STEM.fullmatch(key):
        size, kernel, stride, in_c, out_c = map(int, match.groups()[:5])
        block = Stem(size, kernel, stride, in_c, out_c, match[6])
    elif match := _TRIPLE.fullmatch(key):
        size, kernel, stride, in_c, mid_c, out_c = map(int, match.groups()[1:7])
        kind = MBConv if match[1] == "mbconv" else Head
        block = kind(size, kernel, stride, in_c, mid_c, out_c, match[8])
    elif match := _ADD.fullmatch(key):
        block = Add(*map(int, match.groups()))
    elif match := _CONCAT.fullmatch(key):
        block = Concat(int(match[1]), tuple(map(int, match[2].split("+"))))
    if block is None or block.key != key or not _is_plausible(block):
        raise ConfigError(f"'{shown(key)}' is no block key; keys look like mbconv_28_k3s1_32-192-32_relu6 or add_28_32x2")
    return block


def check_memory(block: Block, *, origin: str = "") -> None:
    """Refuses a block whose weights or features are larger than any runtime takes; ask before memory is taken for them.

    Args:
        origin: what the block was read from, as the beginning of the sentence.

    Raises:
        ConfigError: more than `MAX_TENSOR_BYTES`.
    """
    shapes = [*block.in_shapes, block.out_shape]
    if isinstance(block, MBConv):
        shapes += [(1, size, size, block.exp_c) for size in (block.in_size, block.out_size)]
    if isinstance(block, Head):
        shapes.append((1, block.conv_size, block.conv_size, block.hidden_c))
    for what, needed in (("weights", block.params * BYTES_PER_VALUE), ("features", max(map(feature_bytes, shapes)))):
        if needed > MAX_TENSOR_BYTES:
            raise ConfigError(
                f"{origin}{block.key}: {what} of {needed / 2**30:.1f} GiB; at most {MAX_TENSOR_BYTES >> 30} GiB can be run: make it smaller"
            )


def _is_plausible(block: Block) -> bool:
    extents = [extent for shape in (*block.in_shapes, block.out_shape) for extent in shape]
    if isinstance(block, (Stem, MBConv, Head)):
        extents += [block.kernel, block.stride]
        if block.act not in ACTIVATIONS.values() or block.kernel % 2 == 0:
            return False
    if isinstance(block, MBConv):
        extents.append(block.exp_c)
    if isinstance(block, (Add, Concat)) and not 2 <= block.branches <= MAX_BRANCHES:
        return False
    return all(1 <= extent <= MAX_EXTENT for extent in extents)
