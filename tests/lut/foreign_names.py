"""Blocks as ProxylessNAS' tables name them: what the importer must read back."""

from __future__ import annotations

from collab.blocks import Head, MBConv, Stem
from collab.config import ModelConfig


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
