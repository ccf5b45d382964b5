"""One set of weights for all strategies and widths: trained once, after which any found model's accuracy takes seconds.

The supernet holds the tensors of the widest collaborative model, under the names of `collab.networks.weights`. A model's weights are
slices of them: its blocks take the leading expansion channels, and where a stage is concatenated a branch projects to its place
among the stage's output channels. The forward pass is that of `collab.networks.network`, on slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from collab.blocks import MBConv
from collab.model import ModelConfig
from collab.networks import network as networks
from collab.networks.network import Network
from collab.networks.weights import Array
from collab.variants import CHANNEL_STEP
from search.data.base import Data
from search.evaluators.base import EvaluationError
from search.supernet.family import ModelFamily
from search.supernet.skeletons import Skeletons
from search.training.inherit import branch_offsets
from search.training.judge import recalibrate
from search.training.torch_device import seeded
from search.training.train import numpy_weights


@dataclass
class Supernet:
    """The tensors of all models of a family, by the names of `collab.networks.weights`; make it with `initial_supernet` or `load`.

    Every block has the tensors of an expansion, also where the base has none: a found model may have one there.
    """

    family: ModelFamily
    tensors: dict[str, Tensor]
    _skeletons: Skeletons = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._skeletons = Skeletons(self.family.widest_model())

    def slices(self, config: ModelConfig) -> dict[str, Tensor]:
        """Returns the model's learned tensors as views of the supernet's: gradients flow through them.

        Raises:
            EvaluationError: the model is not of the supernet's family.
        """
        self._check(config)
        views = {name: tensor for name, tensor in self.tensors.items() if not name.startswith("stage")}
        for index, stage in enumerate(config.stages):
            for branch, offset in enumerate(branch_offsets(stage)):
                blocks = stage.branches[branch]
                for number, block in enumerate(blocks):
                    is_last = number == len(blocks) - 1
                    views.update(self._block_slices(block, _prefix(index, branch, number), offset if is_last else 0))
        return views

    def _block_slices(self, block: MBConv, prefix: str, first: int) -> Iterator[tuple[str, Tensor]]:
        """Yields a block's tensors by name; its output channels begin at the row `first` of the supernet's."""
        rows_of = {"pw1": slice(block.exp_c), "dw": slice(block.exp_c), "pw2": slice(first, first + block.out_c)}
        if not block.has_expansion:
            del rows_of["pw1"]
        for part, rows in rows_of.items():
            for name in (f"{prefix}.{part}.{tensor}" for tensor in ("0.weight", "1.weight", "1.bias")):
                view = self.tensors[name][rows]
                yield name, view[:, : block.exp_c] if name == f"{prefix}.pw2.0.weight" else view

    def forward(self, config: ModelConfig, images: Tensor) -> Tensor:
        """Returns the logits (batch, classes) of the model in training mode, BatchNorm by the batch's own statistics; images NCHW."""
        logits: Tensor = torch.func.functional_call(self._skeletons(config), self.slices(config), (images,))
        return logits

    def subnet(self, config: ModelConfig) -> Network:
        """Returns the model as a network of its own, with copied weights, in inference mode; `recalibrate` it before use.

        Raises:
            EvaluationError: the model is not of the supernet's family.
        """
        with torch.device("meta"):
            network = networks.build(config)
        state = {name: view.detach().clone() for name, view in self.slices(config).items()}
        device = self.tensors["stem_conv.0.weight"].device
        for name, buffer in network.named_buffers():
            full = torch.ones if name.endswith("running_var") else torch.zeros
            state[name] = full(buffer.shape, dtype=buffer.dtype, device=device)
        network.load_state_dict(state, assign=True)
        return network.requires_grad_().eval()

    def _check(self, config: ModelConfig) -> None:
        """Refuses a model that is not of the supernet's family."""
        base = self.family.base
        frame = (config.branches, len(config.stages), config.stem, config.head)
        if not config.is_collaborative or frame != (self.family.branches, len(base.stages), base.stem, base.head):
            raise EvaluationError(
                f"{config.name}: the supernet is for {self.family.branches} branches of {base.name}, whose stages, stem and head this"
                " is not"
            )
        for index, (stage, base_stage) in enumerate(zip(config.stages, base.stages, strict=True)):
            if stage.out_c != base_stage.out_c:
                raise EvaluationError(f"{config.name}: stage {index} gives {stage.out_c} channels, that of the supernet {base_stage.out_c}")
            for branch, blocks in enumerate(stage.branches):
                if [_frame(block) for block in blocks] != [_frame(block) for block in base_stage.branches[0]]:
                    raise EvaluationError(f"{config.name}: the blocks of stage {index}, branch {branch}, are not those of {base.name}")
                self._check_widths(config.name, blocks, index, branch)

    def _check_widths(self, name: str, blocks: Sequence[MBConv], index: int, branch: int) -> None:
        """Refuses blocks with more expansion channels than the supernet holds for them."""
        for number, block in enumerate(blocks):
            held = len(self.tensors[f"{_prefix(index, branch, number)}.dw.0.weight"])
            if block.exp_c > held:
                raise EvaluationError(
                    f"{name}: block {number} of stage {index}, branch {branch}, has {block.exp_c} expansion channels,"
                    f" the supernet at most {held}; train one with wider blocks"
                )


def _prefix(stage: int, branch: int, number: int) -> str:
    """Returns how the names of a block's tensors begin."""
    return f"stage{stage + 1}.branch{branch + 1}.{number}"


def _frame(block: MBConv) -> tuple[int, int, int, int]:
    """Returns all of a block that its width does not change."""
    return block.in_size, block.kernel, block.stride, block.in_c


def initial_supernet(family: ModelFamily, *, seed: int) -> Supernet:
    """Makes a supernet with torch's initial weights, drawn from the seed."""
    # Built with an expansion in every block, so that all tensors are there.
    config = family.model("a" * len(family.base.stages), family.mapped(_held))
    with seeded(seed):
        network = networks.build(config)
    held = {name: parameter.detach() for name, parameter in network.named_parameters()}
    return Supernet(family, {name: tensor.clone().requires_grad_() for name, tensor in held.items()})


def _held(widest: int, in_c: int, exp_c: int) -> int:
    """Returns the width of a block's tensors. A block as wide as its input is built one step wider, to have an expansion at all."""
    least = max(widest, in_c) if in_c == exp_c else widest
    return least + CHANNEL_STEP if least == in_c else least


def inherited_weights(supernet: Supernet, config: ModelConfig, data: Data, *, batches: int = 8) -> dict[str, Array]:
    """Returns a found model's weights out of the supernet, with BatchNorm statistics of its own, by the names of `collab.networks.weights`.

    Raises:
        EvaluationError: the model is not of the supernet's family.
    """
    network = supernet.subnet(config)
    recalibrate(network, data, batches=batches)
    return numpy_weights(network)
