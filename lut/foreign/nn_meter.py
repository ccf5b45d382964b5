"""Profiled kernels of nn-Meter: JSON, by kernel and number its configuration and its latency.

::

    {"conv-bn-relu6": {"id_0": {"model": "…", "shapes": [[224, 224, 3]],
      "config": {"HW": 224, "CIN": 3, "COUT": 32, "KERNEL_SIZE": 3, "STRIDES": 2}, "latency": "6.5 +- 0.2"}}}

Latencies are milliseconds, mean and standard deviation. The names of kernels and their fields are those of ``feature_for_kernel`` in
``nn_meter/builder/kernel_predictor_builder/predictor_builder/extract_feature.py``. Blocks that none of them is have kernels of their own,
as nn-Meter lets its users register: ``mbconv-…`` and ``head-…``.

| kernel | here |
| --- | --- |
| ``conv-bn-relu``, ``conv-bn-relu6`` (and without ``bn``) | stem |
| ``add`` | addition of two branches |
| ``concat``, with 0 for what there is not of four inputs | concatenation |
| ``mbconv-relu``, ``mbconv-relu6``, with `CEXP` | MBConv |
| ``head-relu``, ``head-relu6``, with `CHID` | head |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from collab.blocks import ACTIVATIONS, Add, Block, Concat, Head, MBConv, Stem, parse_key
from collab.errors import ConfigError, TableError
from lut.foreign.entries import (
    UNITS_OF_TIME_US,
    Entry,
    LeftOut,
    Source,
    parse_latency_us,
    printable,
    read_text,
    refuse_too_many,
)

_EXTENT: Final = msgspec.Meta(ge=0, le=1 << 20)
_ACT: Final = "|".join(ACTIVATIONS.values())
_CONV: Final = re.compile(rf"conv(?:-bn)?-({_ACT})")
_OWN: Final = re.compile(rf"(mbconv|head)-({_ACT})")
_MOST_INPUTS: Final = 4
_PLAIN: Final = ("HW", "CIN", "COUT", "KERNEL_SIZE", "STRIDES")


class _Kernel(msgspec.Struct, frozen=True):
    config: Annotated[dict[str, Annotated[int, _EXTENT]], msgspec.Meta(max_length=64)]
    latency: Annotated[str, msgspec.Meta(max_length=200)]


_FILE: Final[Any] = dict[str, dict[str, _Kernel]]


def read_nn_meter(path: Path) -> Source | None:
    """Reads the entries of one file; None where it is not of this form.

    Raises:
        TableError: unreadable or too large.
    """
    text, sha256 = read_text(path)
    try:
        kernels: Mapping[str, Mapping[str, _Kernel]] = msgspec.json.decode(text, type=_FILE)
    except (msgspec.DecodeError, RecursionError):
        return None
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    for kernel, rows in kernels.items():
        for number, row in rows.items():
            where = f"{printable(path.name)}, {printable(kernel)}, {printable(number)}"
            try:
                entries.append(Entry(block_of(kernel, row.config).key, where, _latency_us(row.latency), "mean"))
            except TableError as error:
                left_out.append(LeftOut(printable(kernel), where, str(error)))
            refuse_too_many(len(entries) + len(left_out), path)
    return Source(printable(path.name), sha256, tuple(entries), tuple(left_out)) if entries or left_out else None


def _latency_us(text: str) -> float:
    return parse_latency_us(text.partition("+-")[0], factor_us=UNITS_OF_TIME_US["ms"], what="latency")


def block_of(kernel: str, config: Mapping[str, int]) -> Block:
    """Returns the block that a kernel is.

    Raises:
        TableError: it is none here; says why.
    """
    try:
        block = _block(kernel, config)
    except KeyError as error:
        raise TableError(f"its configuration does not say {error.args[0]}") from None
    try:
        return parse_key(block.key)
    except (ConfigError, ValueError):
        raise TableError("no block can have such extents here") from None


def _block(kernel: str, config: Mapping[str, int]) -> Block:
    if match := _CONV.fullmatch(kernel):
        size, in_c, out_c, edge, stride = (config[name] for name in _PLAIN)
        return Stem(size, edge, stride, in_c, out_c, match[1])
    if match := _OWN.fullmatch(kernel):
        size, in_c, out_c, edge, stride = (config[name] for name in _PLAIN)
        if match[1] == "mbconv":
            return MBConv(size, edge, stride, in_c, config["CEXP"], out_c, match[2])
        return Head(size, edge, stride, in_c, config["CHID"], out_c, match[2])
    if kernel == "add":
        return Add(config["HW"], config["CIN"])
    if kernel == "concat":
        shares = [config[f"CIN{number}"] for number in range(1, _MOST_INPUTS + 1)]
        return Concat(config["HW"], tuple(share for share in shares if share))
    raise TableError("a kernel that is no block of its own here")


def kernel_of(block: Block) -> tuple[str, dict[str, int]]:
    """Returns the kernel that a block is, and its configuration; `block_of` reads it back.

    Raises:
        TableError: no kernel is this block.
    """
    if isinstance(block, Add):
        if block.branches != 2:
            raise TableError("an addition of nn-Meter has two inputs")
        return "add", {"HW": block.size, "CIN": block.channels}
    if isinstance(block, Concat):
        if block.branches > _MOST_INPUTS:
            raise TableError(f"a concatenation of nn-Meter has {_MOST_INPUTS} inputs at most")
        shares = (*block.shares, *(0,) * (_MOST_INPUTS - block.branches))
        return "concat", {"HW": block.size, **{f"CIN{number}": share for number, share in enumerate(shares, start=1)}}
    out_c = block.classes if isinstance(block, Head) else block.out_c
    plain = dict(zip(_PLAIN, (block.in_size, block.in_c, out_c, block.kernel, block.stride), strict=True))
    if isinstance(block, Stem):
        return f"conv-bn-{block.act}", plain
    if isinstance(block, MBConv):
        return f"mbconv-{block.act}", {**plain, "CEXP": block.exp_c}
    return f"head-{block.act}", {**plain, "CHID": block.hidden_c}
