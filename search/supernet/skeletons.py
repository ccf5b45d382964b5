"""Networks without weights, which are called with weights from elsewhere."""

from __future__ import annotations

from typing import Final, TypeVar

import torch
from torch import nn

from collab.blocks import MBConv
from collab.model import ModelConfig
from collab.networks import network as networks
from collab.networks.network import BranchedStage, InvertedResidual, Network

_MOST_BLOCKS: Final = 8192
"""Skeletons of blocks that are kept, of about ten kilobytes each."""


class Skeletons:
    """Networks without memory, in training mode, for calls with weights from elsewhere; they keep no BatchNorm statistics.

    One network is turned into whatever config is asked for, with blocks that are built once: building a network takes longer than a small
    one takes to compute. So use one before asking for the next, and not from several threads.
    """

    def __init__(self, config: ModelConfig) -> None:
        with torch.device("meta"):
            self._network = _without_statistics(networks.build(config))
        self._blocks: dict[tuple[int, int, int, MBConv], nn.Module] = {}

    def __call__(self, config: ModelConfig) -> Network:
        """Returns the network of a config that has the stem, the head and the number of stages of that given at first."""
        self._network.config = config
        for index, stage in enumerate(config.stages):
            branches = [
                nn.Sequential(*(self._block((index, branch, number, block), config) for number, block in enumerate(blocks)))
                for branch, blocks in enumerate(stage.branches)
            ]
            self._network.add_module(f"stage{index + 1}", BranchedStage(branches))
        return self._network

    def _block(self, place: tuple[int, int, int, MBConv], config: ModelConfig) -> nn.Module:
        """Returns the skeleton of a block at a place: stage, branch, number and the block itself."""
        # By place, as a module that stood twice in a network could not be called with two sets of weights.
        if place not in self._blocks:
            if len(self._blocks) >= _MOST_BLOCKS:
                self._blocks.clear()
            with torch.device("meta"):
                block = InvertedResidual(place[3], momentum=config.bn_momentum, eps=config.eps)
            self._blocks[place] = _without_statistics(block)
        return self._blocks[place]


_Module = TypeVar("_Module", bound=nn.Module)


def _without_statistics(module: _Module) -> _Module:
    """Has a module's BatchNorms use the statistics of each batch, and returns the module."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.track_running_stats = False
    return module
