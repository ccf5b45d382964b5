"""Names of layers in the tables of ProxylessNAS and once-for-all, as blocks of this project.

| their layer | what their networks have there | here |
| --- | --- | --- |
| ``Conv-input:224x224x3-output:112x112x32`` | the first convolution, 3x3 with stride 2 | stem |
| ``expanded_conv-input:…-output:…-expand:6-kernel:3-stride:1-idskip:1`` | inverted residual; `expand` is a ratio | MBConv |
| the same, with ``-se:0-hs:0`` | of MobileNetV3; `expand` counts channels | MBConv |
| ``Conv_1-input:7x7x320-output:7x7x1280`` | 1x1 convolution before the average pool | part of the head |
| ``Logits-input:7x7x1280-output:1000`` | all that follows Conv_1: average pool, classifier | part of the head |

Shapes are height x width x channels; a stride rounds sizes up, as here. Names leave open which activation a layer has, and a table is
asked for its layers without one: its latencies are of networks with ReLU and with ReLU6 alike. Only h-swish is told apart, in MobileNetV3
(``networks/mobilenet_v3.py`` of once-for-all): it is in blocks that say ``hs:1``, and in its first and last convolutions, and no block has
it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from collab.blocks import Add, Block, Concat, MBConv, Stem, conv_out_size, parse_key
from collab.errors import ConfigError, TableError

RATIO: Final = "ProxylessNAS"
CHANNELS: Final = "MobileNetV3"
_STEM_KERNEL: Final = 3
_STEM_STRIDE: Final = 2


@dataclass(frozen=True)
class FeatureMix:
    """``Conv_1``: the head's convolution without what follows it."""

    size: int
    in_c: int
    out_c: int


@dataclass(frozen=True)
class Logits:
    """``Logits``: average pool and classifier."""

    size: int
    in_c: int
    classes: int


Part: TypeAlias = Block | FeatureMix | Logits

_NUMBER: Final = "([1-9][0-9]{0,5})"
_LAYER: Final = re.compile(r"([A-Za-z0-9_]+)-input:([^:-]+)-output:([^:-]+)((?:-[A-Za-z_]+:[^:-]+)*)")
_MAP: Final = re.compile(rf"{_NUMBER}x{_NUMBER}x{_NUMBER}")
_PLAIN: Final = re.compile(_NUMBER)
_RATIO_FIELDS: Final = ("expand", "kernel", "stride", "idskip")
_CHANNEL_FIELDS: Final = (*_RATIO_FIELDS, "se", "hs")


def dialect(names: Iterable[str]) -> str:
    """Returns whose networks a table's layers are of: MobileNetV3's (`CHANNELS`) if any of them says so, else ProxylessNAS' (`RATIO`)."""
    return CHANNELS if any("-hs:" in name or "-se:" in name or name.startswith("Conv_2-") for name in names) else RATIO


def read_name(name: str, *, dialect: str, act: str) -> Part:
    """Reads a name, a layer's or a block key of this project, as the block or the part of a head that it stands for.

    Args:
        dialect: whose networks the table's layers are of.
        act: the activation of blocks whose name does not say it.

    Raises:
        TableError: it stands for nothing that is a block here; says why.
    """
    match = _LAYER.fullmatch(name)
    if match is None:
        return _own(name)
    kind, source, target, rest = match.groups()
    if kind == "expanded_conv":
        return _mbconv(source, target, _fields(rest), act)
    if kind not in ("Conv", "Conv_1", "Logits"):
        raise TableError(f"a layer {kind} has no block of its own here")
    if rest:
        raise TableError(f"{kind} says more than its shapes, which has no place in a block's key")
    if dialect == CHANNELS:
        raise TableError("the first and last layers of MobileNetV3 have h-swish, which no block has here")
    size, in_c = _square(source)
    if kind == "Logits":
        return Logits(size, in_c, _plain(target))
    out_size, out_c = _square(target)
    if kind == "Conv_1":
        if out_size != size:
            raise TableError("Conv_1 is a 1x1 convolution, which does not change the size of features")
        return FeatureMix(size, in_c, out_c)
    if out_size != conv_out_size(size, kernel=_STEM_KERNEL, stride=_STEM_STRIDE):
        raise TableError("the first convolution of these tables is 3x3 with stride 2, which does not give this size of output")
    stem = Stem(size, _STEM_KERNEL, _STEM_STRIDE, in_c, out_c, act)
    _check(stem)
    return stem


def says_activation(name: str) -> bool:
    """Whether a name is a block's key of this project, which leaves nothing open."""
    return _LAYER.fullmatch(name) is None


def names_of(block: Block, *, dialect: str) -> tuple[str, ...]:
    """Returns the layers that a block is in a table of that dialect: one, or two of a head. `read_name` reads them back.

    Raises:
        TableError: such tables have no layer for it; says why.
    """
    if isinstance(block, MBConv):
        return (_mbconv_name(block, dialect),)
    if isinstance(block, (Add, Concat)):
        raise TableError("networks of such tables have no syncs, and so no layer for their additions and concatenations")
    if dialect == CHANNELS:
        raise TableError("the first and last layers of MobileNetV3 have h-swish, which no block has here")
    if isinstance(block, Stem):
        if (block.kernel, block.stride) != (_STEM_KERNEL, _STEM_STRIDE):
            raise TableError("the first convolution of such tables is 3x3 with stride 2")
        return (f"Conv-{_map('input', block.in_size, block.in_c)}-{_map('output', block.out_size, block.out_c)}",)
    if (block.kernel, block.stride) != (1, 1):
        raise TableError("the head's convolution of such tables is 1x1 with stride 1")
    mix = f"Conv_1-{_map('input', block.in_size, block.in_c)}-{_map('output', block.in_size, block.hidden_c)}"
    return mix, f"Logits-{_map('input', block.in_size, block.hidden_c)}-output:{block.classes}"


def _mbconv_name(block: MBConv, dialect: str) -> str:
    if dialect == RATIO and block.exp_c % block.in_c:
        raise TableError("its expansion is no whole ratio, by which such tables name blocks")
    expand = block.exp_c // block.in_c if dialect == RATIO else block.exp_c
    shapes = f"{_map('input', block.in_size, block.in_c)}-{_map('output', block.out_size, block.out_c)}"
    name = f"expanded_conv-{shapes}-expand:{expand}-kernel:{block.kernel}-stride:{block.stride}-idskip:{int(block.has_residual)}"
    return name if dialect == RATIO else f"{name}-se:0-hs:0"


def _map(what: str, size: int, channels: int) -> str:
    return f"{what}:{size}x{size}x{channels}"


def _own(name: str) -> Block:
    try:
        return parse_key(name)
    except (ConfigError, ValueError):
        raise TableError("neither a layer's name as in once-for-all's tables nor a block's key") from None


def _mbconv(source: str, target: str, fields: Mapping[str, str], act: str) -> MBConv:
    if tuple(fields) not in (_RATIO_FIELDS, _CHANNEL_FIELDS):
        raise TableError(f"an expanded_conv says {', '.join(_RATIO_FIELDS)}, and se and hs where it is of MobileNetV3; this one does not")
    if fields.get("se", "0") != "0":
        raise TableError("no block has squeeze-and-excitation here")
    if fields.get("hs", "0") != "0":
        raise TableError("no block has h-swish here")
    of = CHANNELS if "hs" in fields else RATIO
    in_size, in_c = _square(source)
    out_size, out_c = _square(target)
    expand, kernel, stride = (_plain(fields[name]) for name in ("expand", "kernel", "stride"))
    exp_c = expand if of == CHANNELS else in_c * expand
    block = MBConv(in_size, kernel, stride, in_c, exp_c, out_c, act)
    _check(block)
    if block.out_size != out_size:
        raise TableError("its output's size does not follow from its input's size and its stride")
    if fields["idskip"] not in ("0", "1"):
        raise TableError("idskip is neither 0 nor 1")
    if block.has_residual != (fields["idskip"] == "1"):
        raise TableError(
            "without a residual, where blocks of these shapes have one here"
            if block.has_residual
            else "with a residual, though its input and output have different shapes"
        )
    return block


def _fields(rest: str) -> dict[str, str]:
    pairs = [item.split(":") for item in rest.split("-")[1:]]
    fields = {pair[0]: pair[1] for pair in pairs}
    return fields if len(fields) == len(pairs) else {}


def _square(text: str) -> tuple[int, int]:
    match = _MAP.fullmatch(text)
    if match is None:
        raise TableError("a shape is not of the form height x width x channels")
    if match[1] != match[2]:
        raise TableError("its features are not square; blocks' are, here")
    return int(match[1]), int(match[3])


def _plain(text: str) -> int:
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise TableError("a number in its name is not whole and above 0")
    return int(match[1])


def _check(block: Block) -> None:
    """Refuses a block whose key is none: kernels are odd, and extents plausible.

    Raises:
        TableError: it has such a kernel or extent.
    """
    try:
        parse_key(block.key)
    except ConfigError:
        raise TableError("no block can have such a kernel or so many channels here") from None
