"""Torch networks of model configs, and the modules of the segments that a schedule cuts them into.

Only this module, the export routes through torch, and training import torch. Parameters carry the names of the SyncNAS release's
checkpoints (see `collab.networks.weights`), so that its weights load unchanged. Features are NCHW here; the rest of the toolkit speaks
NHWC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from collab import config as configs
from collab.blocks import Add, Concat, Head, MBConv, Stem, Sync
from collab.model import ModelConfig, Stage
from collab.networks import weights as weight_names
from collab.networks.checkpoint import read_checkpoint
from collab.schedule import Schedule, Segment

DROPOUT: Final = 0.2
"""The dropout of the classifier while training, as in MobileNetV2's reference training."""

_ACTIVATIONS: Final[Mapping[str, type[nn.Module]]] = {"relu": nn.ReLU, "relu6": nn.ReLU6}


class ConvNorm(nn.Sequential):
    """Convolution without bias (``.0``), BatchNorm (``.1``) and, unless `act` is None, an activation. NCHW to NCHW.

    Padding is ``kernel // 2`` on either side. `act` is a name as block keys write it (`collab.blocks.ACTIVATIONS`).
    """

    def __init__(
        self, in_c: int, out_c: int, *, kernel: int = 1, stride: int = 1, groups: int = 1, act: str | None, momentum: float, eps: float
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(in_c, out_c, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(out_c, eps=eps, momentum=momentum),
        ]
        if act is not None:
            layers.append(_ACTIVATIONS[act]())
        super().__init__(*layers)


class InvertedResidual(nn.Module):
    """One MBConv block: ``pw1`` (absent without expansion), ``dw``, ``pw2``; NCHW to NCHW.

    The input is added where the block has a residual. Source: Sandler et al., MobileNetV2, CVPR 2018.
    """

    def __init__(self, block: MBConv, *, momentum: float, eps: float) -> None:
        super().__init__()
        self._has_residual = block.has_residual
        self.pw1 = ConvNorm(block.in_c, block.exp_c, act=block.act, momentum=momentum, eps=eps) if block.has_expansion else None
        self.dw = ConvNorm(
            block.exp_c,
            block.exp_c,
            kernel=block.kernel,
            stride=block.stride,
            groups=block.exp_c,
            act=block.act,
            momentum=momentum,
            eps=eps,
        )
        self.pw2 = ConvNorm(block.exp_c, block.out_c, act=None, momentum=momentum, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        expanded = x if self.pw1 is None else self.pw1(x)
        projected = cast(Tensor, self.pw2(self.dw(expanded)))
        return x + projected if self._has_residual else projected


class BranchedStage(nn.Module):
    """A stage of a collaborative model: ``branch1``, ``branch2`` ..., each a sequence of blocks, on one NCHW input each."""

    def __init__(self, branches: Sequence[nn.Sequential]) -> None:
        super().__init__()
        for number, branch in enumerate(branches, start=1):
            self.add_module(f"branch{number}", branch)

    def forward(self, *features: Tensor) -> list[Tensor]:
        return [branch(x) for branch, x in zip(self.children(), features, strict=True)]


class BaseStage(nn.Module):
    """A stage of a base model: ``blocks``, on one NCHW input."""

    def __init__(self, blocks: nn.Sequential) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.blocks(x)]


class HeadModule(nn.Module):
    """Convolution, global average pool, classifier: NCHW features to logits (batch, classes). Holds the network's own parts."""

    def __init__(self, head_conv: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.head_conv = head_conv
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        return _logits(x, self.head_conv, self.classifier)


class Opening(nn.Module):
    """A sync: the branches' features, in order of branch, added one after the other or concatenated along `channel_dim`.

    `channel_dim` is 1 for NCHW and -1 for NHWC features.
    """

    def __init__(self, sync: Sync, *, channel_dim: int = 1) -> None:
        super().__init__()
        self.sync = sync
        self.channel_dim = channel_dim

    def forward(self, *features: Tensor) -> Tensor:
        return _concatenated(features, self.channel_dim) if isinstance(self.sync, Concat) else _added(features)


class Network(nn.Module):
    """A whole model, base or collaborative: NCHW images of any batch size to logits (batch, classes)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.stem_conv = _conv(config.stem, config)
        stages = [_stage(stage, config) for stage in config.stages]
        if config.is_collaborative:
            for number, stage in enumerate(stages, start=1):
                self.add_module(f"stage{number}", stage)
        else:
            self.stages = nn.ModuleList(stages)
        self.head_conv = _conv(config.head, config)
        self.classifier = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(config.head.hidden_c, config.head.classes))

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem_conv(x)] * self.config.branches
        for index, stage in enumerate(self.config.stages):
            features = _synced(self._stage(index)(*features), stage.sync)
        # The last stage is synced, so every branch holds the same features.
        return _logits(features[0], self.head_conv, self.classifier)

    def _stage(self, index: int) -> nn.Module:
        return self.get_submodule(f"stage{index + 1}" if self.config.is_collaborative else f"stages.{index}")

    def layer(self, prefix: str) -> nn.Module:
        """The module of a schedule's layer, by the prefix of its tensors (`collab.schedule.Layer.weights`); shared, not copied."""
        if prefix != "head":
            return self.get_submodule(prefix)
        head = HeadModule(self.head_conv, self.classifier)
        head.training = self.training
        return head


class SegmentModule(nn.Module):
    """One segment: as many NCHW inputs as the segment has sources, in their order; NCHW features, or logits where it ends in the head.

    `opening` is the sync that it begins with, or None; `body` the blocks after it. They are the network's own modules: training the
    network changes them as well.
    """

    def __init__(self, segment: Segment, network: Network) -> None:
        super().__init__()
        first = segment.layers[0].block
        self.segment = segment
        self.opening = Opening(first) if isinstance(first, (Add, Concat)) else None
        self.body = nn.Sequential(*(network.layer(layer.weights) for layer in segment.layers if layer.weights))
        # Not train(), which would reach into the network's own modules.
        self.training = self.body.training = network.training

    def forward(self, *features: Tensor) -> Tensor:
        if len(features) != len(self.segment.sources):
            raise TypeError(f"{self.segment.name} takes {len(self.segment.sources)} inputs, got {len(features)}")
        opened = features[0] if self.opening is None else self.opening(*features)
        return cast(Tensor, self.body(opened))


class NhwcModule(nn.Module):
    """A module of NCHW images as one of NHWC images, with named inputs and output: ``in0``, ``in1`` ... to ``{"out": ...}``.

    Tensors that are no images (not of rank 4) pass as they are. With `opening`, the inputs are first joined to one, in NHWC: joined
    after turning each to NCHW, a concatenation would leave the turns in an exported graph.
    """

    def __init__(self, module: nn.Module, *, opening: Opening | None = None) -> None:
        super().__init__()
        self.opening = None if opening is None else Opening(opening.sync, channel_dim=-1)
        self.module = module
        self.training = module.training

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        features = list(inputs.values()) if self.opening is None else [self.opening(*inputs.values())]
        output = self.module(*(x.permute(0, 3, 1, 2) if x.dim() == 4 else x for x in features))
        if not isinstance(output, Tensor):
            raise TypeError(f"a module of one output tensor is needed, this one returns {type(output).__name__}")
        return {"out": output.permute(0, 2, 3, 1) if output.dim() == 4 else output}


def build(config: ModelConfig) -> Network:
    """The network of a config with torch's initial weights, in training mode. Names of its state dict: see `collab.networks.weights`."""
    return Network(config)


def from_weights(config: ModelConfig, weights: Mapping[str, npt.NDArray[np.generic]], *, origin: str = "weights") -> Network:
    """The network with given weights, in inference mode; `origin` names the weights in errors.

    Raises:
        WeightsError: the weights do not fit the config.
    """
    checked = weight_names.check(config, weights, origin=origin)
    # Built without memory: initial random weights would be thrown away at once, and cost most of the time.
    with torch.device("meta"):
        network = build(config)
    state = {name: torch.from_numpy(np.array(array)) for name, array in checked.items()}
    counters = {name: torch.zeros((), dtype=torch.long) for name in network.state_dict() if name.endswith("num_batches_tracked")}
    network.load_state_dict({**state, **counters}, assign=True)
    return network.eval()


def load(config_path: str | Path, checkpoint_path: str | Path) -> Network:
    """The network of a config file, or of a model of the zoo, with a checkpoint's weights, in inference mode.

    Raises:
        ConfigError: the config cannot be taken.
        WeightsError: the checkpoint cannot be read or does not fit the config.
    """
    config = configs.load(config_path)
    return from_weights(config, read_checkpoint(checkpoint_path, config), origin=str(checkpoint_path))


def segment_modules(network: Network, schedule: Schedule) -> dict[str, SegmentModule]:
    """The module of every segment of a schedule, by the segment's name; they share the network's blocks and its mode."""
    return {segment.name: SegmentModule(segment, network) for segment in schedule.segments}


def _conv(block: Stem | Head, config: ModelConfig) -> ConvNorm:
    out_c = block.out_c if isinstance(block, Stem) else block.hidden_c
    return ConvNorm(block.in_c, out_c, kernel=block.kernel, stride=block.stride, act=block.act, momentum=config.bn_momentum, eps=config.eps)


def _stage(stage: Stage, config: ModelConfig) -> nn.Module:
    branches = [
        nn.Sequential(*(InvertedResidual(block, momentum=config.bn_momentum, eps=config.eps) for block in blocks))
        for blocks in stage.branches
    ]
    return BranchedStage(branches) if config.is_collaborative else BaseStage(branches[0])


def _synced(features: list[Tensor], sync: str | None) -> list[Tensor]:
    if sync == "a":
        return [_added(features)] * len(features)
    if sync == "c":
        return [_concatenated(features, 1)] * len(features)
    return features


def _added(features: Sequence[Tensor]) -> Tensor:
    # Chained from branch 0 on: every unit, and every export, adds in this order and so computes the same bits.
    return list(accumulate(features, torch.add))[-1]


def _concatenated(features: Sequence[Tensor], dim: int) -> Tensor:
    return torch.cat(list(features), dim=dim)


def _logits(x: Tensor, head_conv: nn.Module, classifier: nn.Module) -> Tensor:
    # The mean over dimensions 2 and 3 computes the same, but litert-torch leaves a TRANSPOSE in front of it.
    pooled = functional.adaptive_avg_pool2d(head_conv(x), 1)
    return cast(Tensor, classifier(torch.flatten(pooled, 1)))
