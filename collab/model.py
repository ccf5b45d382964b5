"""A model: stem, stages of branches of blocks, head. `collab.config` reads it from the JSON of a config."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from collab.blocks import Head, MBConv, Stem

BranchWidths: TypeAlias = tuple[tuple[int, ...], ...]
"""Expansion channels of each branch's blocks, stage by stage."""


@dataclass(frozen=True)
class Stage:
    """The blocks between two possible sync points: `branches[b]` are those of branch b; `sync` is None in a base model."""

    branches: tuple[tuple[MBConv, ...], ...]
    sync: str | None

    @property
    def out_c(self) -> int:
        """Channels of what the following stage takes in."""
        outs = [blocks[-1].out_c for blocks in self.branches]
        return sum(outs) if self.sync == "c" else outs[0]


@dataclass(frozen=True)
class ModelConfig:
    """One model, base or collaborative. `collab.config` builds it from a document, and checks it."""

    name: str
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    bn_momentum: float
    eps: float
    document: Mapping[str, Any]
    """The JSON object that it was read from, for writing it unchanged."""

    @property
    def is_collaborative(self) -> bool:
        return self.stages[0].sync is not None

    @property
    def branches(self) -> int:
        return len(self.stages[0].branches)

    @property
    def strategy(self) -> str:
        """One sync letter per stage, e.g. ``annnana``; of a base model the empty string."""
        return "".join(stage.sync or "" for stage in self.stages)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, all branches together."""
        return self.stem.macs + self.head.macs + sum(block.macs for block in self.blocks)

    @property
    def params(self) -> int:
        return self.stem.params + self.head.params + sum(block.params for block in self.blocks)

    @property
    def blocks(self) -> tuple[MBConv, ...]:
        """All MBConv blocks, stage by stage, branch by branch."""
        return tuple(block for stage in self.stages for branch in stage.branches for block in branch)

    @property
    def widths(self) -> BranchWidths:
        """The widths of all branches' blocks."""
        return tuple(tuple(block.exp_c for stage in self.stages for block in stage.branches[branch]) for branch in range(self.branches))

    def to_json(self) -> str:
        """The config as JSON text, with all keys in the order in which they were read."""
        return json.dumps(self.document) + "\n"

    @property
    def sha256(self) -> str:
        """Hash of what the config says, whatever its white space and order of keys."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()
