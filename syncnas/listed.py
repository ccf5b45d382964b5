"""What the command ``syncnas`` knows of a command before it is imported."""

from __future__ import annotations

from typing import NamedTuple


class Listed(NamedTuple):
    """A command as ``syncnas --help`` lists it: its module, its group, and the first sentence of its own help."""

    module: str
    group: str
    summary: str
