"""A collaborative network of any blocks: a stem, stages of branches with syncs between them, and a head, all torch modules.

Unlike the configs of `collab.config`, its branches are what their author makes them: any modules, as many as wanted. Features are as
torch has them: NCHW images, or tokens with their channels last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from collab.errors import ConfigError

SyncLetter: TypeAlias = Literal["a", "c"] | None
"""Names of the ways in which the branches of a stage meet: added, concatenated, or not at all."""


class Stage(nn.Module):
    """A stage: branches that run side by side, and the sync after them.

    Args:
        branches: a module each, of one input and one output.
        sync: "a" adds the branches' outputs one after the other; "c" concatenates them by channels; after None each goes on alone.

    Raises:
        ConfigError: there is no branch, a branch is no module, or the sync is another.
    """

    def __init__(self, branches: Sequence[nn.Module], *, sync: SyncLetter) -> None:
        super().__init__()
        if not branches or not all(isinstance(branch, nn.Module) for branch in branches):
            raise ConfigError("a stage takes branches, each of them a torch.nn.Module; give one or more")
        if sync not in ("a", "c", None):
            raise ConfigError(f"sync {sync!r}: 'a' adds branches, 'c' concatenates them, None leaves them alone")
        self.branches = nn.ModuleList(branches)
        self.sync = sync

    def met(self, outputs: Sequence[Tensor]) -> Tensor:
        """Computes what all branches go on with after the sync."""
        if self.sync == "c":
            # Channels are the second dimension of images, and the last one of tokens.
            return torch.cat(list(outputs), dim=1 if outputs[0].dim() == 4 else -1)
        # From the first branch on, so that all units add in the same order.
        return reduce(torch.add, outputs)


@dataclass(frozen=True)
class Meeting:
    """Values that the branches bring to a sync, and those that come of it.

    Attributes:
        stages: numbers of the stages since the sync before.
    """

    stages: tuple[int, ...]
    outputs: tuple[Tensor, ...]
    met: Tensor


class CollaborativeNetwork(nn.Module):
    """A whole collaborative network, itself a module: images to what the head gives.

    Args:
        stem: computes what all branches of the first stage are given.
        stages: with the same number of branches each; the last one has a sync.
        head: takes what the last sync gives.

    Raises:
        ConfigError: stages have different numbers of branches, there is none, or the last one has no sync.
    """

    def __init__(self, *, stem: nn.Module, stages: Sequence[Stage], head: nn.Module) -> None:
        super().__init__()
        if not stages:
            raise ConfigError("a collaborative network takes a stage or more")
        counts = sorted({len(stage.branches) for stage in stages})
        if len(counts) != 1:
            raise ConfigError(
                f"stages have {counts[0]} and {counts[-1]} branches; give each the same number, with nn.Identity() where one rests"
            )
        if stages[-1].sync is None:
            raise ConfigError("the last stage has no sync, so nothing whole reaches the head; give it 'a' or 'c'")
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        met = x
        for meeting in self.meetings(x):
            met = meeting.met
        return cast(Tensor, self.head(met))

    def meetings(self, x: Tensor) -> Iterator[Meeting]:
        """Computes, for each sync, what the branches bring to it and what comes of it."""
        features = [cast(Tensor, self.stem(x))] * len(self._stages[0].branches)
        since = 0
        for number, stage in enumerate(self._stages):
            features = [branch(feature) for branch, feature in zip(stage.branches, features, strict=True)]
            if stage.sync is not None:
                met = stage.met(features)
                yield Meeting(tuple(range(since, number + 1)), tuple(features), met)
                features, since = [met] * len(features), number + 1

    @property
    def _stages(self) -> list[Stage]:
        return [stage for stage in self.stages if isinstance(stage, Stage)]
