"""Opaque blocks: pieces of a network that is not written as a config.

Such a block is known by its identity (`graph.identity`), and what can be said of its costs beforehand is part of its key:

    opaque_{identity}_{macs}-{weight bytes}-{working bytes}_{inputs}x{their bytes}_{outputs}x{their bytes}

So tables, plans and jobs say all that predictions need of it without the network at hand. It is measured, never interpolated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

IDENTITY_DIGITS: Final = 32
MAX_TENSORS: Final = 255
"""The most inputs, and outputs, that an opaque block may have."""
MAX_MACS: Final = 10**15
MAX_OPAQUE_BYTES: Final = 1 << 40
"""The most bytes that a key may claim."""

_COUNT = r"(0|[1-9][0-9]{0,15})"
_FORM: Final = re.compile(
    rf"opaque_([0-9a-f]{{{IDENTITY_DIGITS}}})_{_COUNT}-{_COUNT}-{_COUNT}_([1-9][0-9]{{0,2}})x{_COUNT}_([1-9][0-9]{{0,2}})x{_COUNT}"
)


@dataclass(frozen=True)
class Opaque:
    """A piece of a network.

    Attributes:
        identity: equal for pieces that differ in the values of their weights alone.
        weight_bytes: bytes of its constants.
        working_bytes: bytes of features at hand at most while one of its operators runs.
        inputs, outputs: how many tensors it is given and gives, with the bytes of them all.
    """

    identity: str
    macs: int
    weight_bytes: int
    working_bytes: int
    inputs: int
    in_bytes: int
    outputs: int
    out_bytes: int

    @property
    def key(self) -> str:
        ends = f"{self.inputs}x{self.in_bytes}_{self.outputs}x{self.out_bytes}"
        return f"opaque_{self.identity}_{self.macs}-{self.weight_bytes}-{self.working_bytes}_{ends}"


def parse_opaque(key: str) -> Opaque | None:
    """Returns the opaque block that a key stands for; None where it is no such key, or claims what cannot be."""
    match = _FORM.fullmatch(key)
    if match is None:
        return None
    macs, weight_bytes, working_bytes, inputs, in_bytes, outputs, out_bytes = map(int, match.groups()[1:])
    if macs > MAX_MACS or max(inputs, outputs) > MAX_TENSORS or max(weight_bytes, working_bytes, in_bytes, out_bytes) > MAX_OPAQUE_BYTES:
        return None
    return Opaque(match[1], macs, weight_bytes, working_bytes, inputs, in_bytes, outputs, out_bytes)
