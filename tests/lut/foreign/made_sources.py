"""Tables as others write them, made for tests: layers under ProxylessNAS' names, files of them, and what becomes of them here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from collab.blocks import Head, MBConv, Stem
from collab.model import ModelConfig
from collab.units import name_units, parse_unit
from lut.foreign.entries import Source
from lut.foreign.importing import Imported, import_sources

CPU = name_units([parse_unit("cpu:threads=1")])

V3_BLOCK = "expanded_conv-input:56x56x24-output:28x28x40-expand:72-kernel:5-stride:2-idskip:0"

PIXEL = """\
Conv-input:224x224x3-output:112x112x32:
  count: 81
  mean: 6.5
  var: 0.25
expanded_conv-input:112x112x32-output:112x112x16-expand:1-kernel:3-stride:1-idskip:0:
  count: 77
  mean: 4.0
  var: 0.5
expanded_conv-input:28x28x32-output:28x28x32-expand:6-kernel:3-stride:1-idskip:1: {count: 60, mean: 2.25}
Conv_1-input:7x7x320-output:7x7x1280: {count: 60, mean: 3.0}
Logits-input:7x7x1280-output:1000: {count: 61, mean: 1.5}
"""

LAYERS = [
    "expanded_conv",
    "Conv",
    "Conv_1",
    "Logits",
    "-input:",
    "-output:",
    "-expand:",
    "-kernel:",
    "-stride:",
    "-idskip:",
    "-se:",
    "-hs:",
]
OTHERS = ["7x7x320", "0x1x2", "99999999", "1", "0", "x", "-", ":", "_", "é", "\n", "mbconv_28", "_k3s1_", "concat_7_", "+", " "]
PIECES = st.sampled_from([*LAYERS, *OTHERS])


def layer_name(block: Stem | MBConv) -> str:
    source = f"{block.in_size}x{block.in_size}x{block.in_c}"
    target = f"{block.out_size}x{block.out_size}x{block.out_c}"
    if isinstance(block, Stem):
        return f"Conv-input:{source}-output:{target}"
    assert block.exp_c % block.in_c == 0
    fields = f"expand:{block.exp_c // block.in_c}-kernel:{block.kernel}-stride:{block.stride}-idskip:{int(block.has_residual)}"
    return f"expanded_conv-input:{source}-output:{target}-{fields}"


def head_names(head: Head) -> tuple[str, str]:
    size = f"{head.in_size}x{head.in_size}"
    return f"Conv_1-input:{size}x{head.in_c}-output:{size}x{head.hidden_c}", f"Logits-input:{size}x{head.hidden_c}-output:{head.classes}"


def yaml_of(config: ModelConfig, *, ms: float = 0.5, count: int = 50, indent: str = "") -> str:
    """A table of a base model's blocks, each of which takes `ms`; the head takes twice that, being two layers."""
    names = dict.fromkeys([layer_name(config.stem), *map(layer_name, config.blocks), *head_names(config.head)])
    return "".join(f"{indent}{name}:\n{indent}  count: {count}\n{indent}  mean: {ms}\n{indent}  var: 0.01\n" for name in names)


def write(folder: Path, text: str | bytes, name: str = "table.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def imported(*sources: Source, act: str | None = None, units: Any = CPU) -> Imported:
    return import_sources(sources, device="pixel1", units=units, act=act)


def reasons(result: Imported) -> dict[str, str]:
    return {entry.name: entry.reason for entry in result.left_out}
