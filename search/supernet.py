"""One set of weights for all strategies and widths: trained once, after which any found model's accuracy takes seconds.

The supernet holds the tensors of the widest collaborative model, under the names of `collab.networks.weights`. A model's weights are
slices of them: its blocks take the leading expansion channels, and where a stage is concatenated a branch projects to its place among
the stage's output channels. The forward pass is that of `collab.networks.network`, on slices.

Training follows the sandwich rule with in-place distillation (Yu & Huang, "Universally Slimmable Networks and Improved Training
Techniques", ICCV 2019): in each step the widest model learns from the labels, and the narrowest and a few random ones from the widest.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from collab import config as configs
from collab.blocks import MBConv
from collab.config import SYNCS, from_document
from collab.errors import ConfigError, SyncNasError
from collab.files import write_whole
from collab.model import ModelConfig
from collab.names import derived_name
from collab.networks import network as networks
from collab.networks.network import BranchedStage, InvertedResidual, Network
from collab.networks.weights import Array
from collab.variants import CHANNEL_STEP, collaborative
from search.data.base import Data
from search.evaluators.base import EvaluationError
from search.inherit import branch_offsets
from search.recipe import SupernetRecipe
from search.training import (
    Progress,
    Say,
    checked_loss,
    grad_scaler,
    labels_to,
    looks_at_loss,
    mixed_precision,
    numpy_weights,
    pick_device,
    recalibrate,
    seeded,
    set_learning_rate,
    sgd,
    to_device,
    total_steps,
    train_stream,
)

Widths: TypeAlias = tuple[tuple[tuple[int, ...], ...], ...]
"""Expansion channels by branch, stage and block."""

FORMAT: Final = 1
FILE: Final = "supernet.pth"
_PARTIAL: Final = "supernet.partial.pth"
_MOST_BYTES: Final = 8 << 30
_MOST_BLOCKS: Final = 8192
"""Skeletons of blocks that are kept, of about ten kilobytes each."""


class SupernetError(SyncNasError):
    """A supernet that cannot be made, or a file that holds none or another one."""


@dataclass(frozen=True)
class ModelFamily:
    """The models that a supernet is for: a base model's stages in several branches, each block up to a widest expansion.

    Raises:
        SupernetError: `widest` is not of the base's branches, stages and blocks, or a width is below one step of channels.
    """

    base: ModelConfig
    branches: int
    widest: Widths

    def __post_init__(self) -> None:
        blocks = [len(stage.branches[0]) for stage in self.base.stages]
        if self.base.is_collaborative or self.branches < 2:
            raise SupernetError(f"a supernet needs a base model and two branches or more, got {self.base.name} and {self.branches}")
        if len(self.widest) != self.branches or any([len(stage) for stage in branch] != blocks for branch in self.widest):
            raise SupernetError(f"the widest expansions must be {self.branches} branches of stages with {blocks} blocks each")
        if min(width for branch in self.widest for stage in branch for width in stage) < CHANNEL_STEP:
            raise SupernetError(f"the widest expansions must be {CHANNEL_STEP} channels or more in every block")

    @property
    def letters(self) -> tuple[str, ...]:
        """The syncs that each stage can have."""
        last = len(self.base.stages) - 1
        return tuple("".join(s for s in SYNCS if self._has(index, s) and (s != "n" or index < last)) for index in range(last + 1))

    def _has(self, index: int, sync: str) -> bool:
        strategy = "a" * index + sync + "a" * (len(self.base.stages) - index - 1)
        if sync != "c":
            return True
        try:
            collaborative(self.base, strategy, branches=self.branches)
        except ConfigError:
            return False
        return True

    def model(self, strategy: str, widths: Widths) -> ModelConfig:
        """The model of a strategy and widths, with even shares where it concatenates. A width equal to in_c means no expansion."""
        frame = collaborative(self.base, strategy, branches=self.branches)
        document = {**frame.document, "name": derived_name(f"{self.base.name}_{strategy}")}
        for index in range(len(self.base.stages)):
            document[str(index)] = {
                branch: [[*row[:4], width, row[5]] for row, width in zip(rows, widths[int(branch)][index], strict=True)]
                for branch, rows in frame.document[str(index)].items()
            }
        return from_document(document, origin=document["name"])

    def widest_model(self) -> ModelConfig:
        """The model with the most to compute: all widths at their widest, a sum after every stage."""
        return self.model("a" * len(self.base.stages), self.mapped(_widest))

    def narrowest_model(self, generator: np.random.Generator, *, low: float) -> ModelConfig:
        """The least widths, with a random strategy: which one computes least depends on the device."""

        def width(widest: int, in_c: int, exp_c: int) -> int:
            return in_c if in_c == exp_c else _rounded(widest * low, widest, in_c)

        return self.model(self.random_strategy(generator), self.mapped(width))

    def random_model(self, generator: np.random.Generator, *, low: float) -> ModelConfig:
        """A random strategy and random widths, from `low` times the widest up to it."""

        def width(widest: int, in_c: int, exp_c: int) -> int:
            # What the base computes without an expansion may stay so, or be given one: both must be trained.
            if in_c == exp_c and (widest == in_c or generator.random() < 0.5):
                return in_c
            return _rounded(widest * generator.uniform(low, 1), widest, in_c)

        return self.model(self.random_strategy(generator), self.mapped(width))

    def random_strategy(self, generator: np.random.Generator) -> str:
        """One letter per stage, each as likely as the others."""
        return "".join(str(generator.choice(list(letters))) for letters in self.letters)

    def mapped(self, width: Callable[[int, int, int], int]) -> Widths:
        """Widths made from the widest and from the base block's input and expansion channels, block by block."""
        stages = [stage.branches[0] for stage in self.base.stages]
        return tuple(
            tuple(
                tuple(width(widest, block.in_c, block.exp_c) for widest, block in zip(widths, blocks, strict=True))
                for widths, blocks in zip(branch, stages, strict=True)
            )
            for branch in self.widest
        )


def _widest(widest: int, in_c: int, exp_c: int) -> int:
    return widest if in_c == exp_c else _rounded(widest, widest, in_c, step=1)


def _rounded(width: float, widest: int, in_c: int, *, step: int = CHANNEL_STEP) -> int:
    """A multiple of `step` up to the widest, that does not mean a block without expansion."""
    rounded = min(max(CHANNEL_STEP, step * round(width / step)), widest)
    if rounded != in_c:
        return rounded
    return rounded + CHANNEL_STEP if rounded + CHANNEL_STEP <= widest else max(CHANNEL_STEP, rounded - CHANNEL_STEP)


@dataclass
class Supernet:
    """The tensors of all models of a space, by the names of `collab.networks.weights`; make it with `initial_supernet` or `load`.

    Every block has the tensors of an expansion, also where the base has none: a found model may have one there.
    """

    space: ModelFamily
    tensors: dict[str, Tensor]
    _skeletons: Skeletons = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._skeletons = Skeletons(self.space.widest_model())

    def slices(self, config: ModelConfig) -> dict[str, Tensor]:
        """The model's learned tensors as views of the supernet's: gradients flow through them.

        Raises:
            EvaluationError: the model is not of the supernet's space.
        """
        views = {name: tensor for name, tensor in self.tensors.items() if not name.startswith("stage")}
        self._check(config)
        for index, stage in enumerate(config.stages):
            for branch, offset in enumerate(branch_offsets(stage)):
                blocks = stage.branches[branch]
                for number, block in enumerate(blocks):
                    prefix = f"stage{index + 1}.branch{branch + 1}.{number}"
                    start = offset if number == len(blocks) - 1 else 0
                    widths = {"pw1": slice(block.exp_c), "dw": slice(block.exp_c), "pw2": slice(start, start + block.out_c)}
                    for part, rows in widths.items():
                        if part == "pw1" and not block.has_expansion:
                            continue
                        for name in ("0.weight", "1.weight", "1.bias"):
                            view = self.tensors[f"{prefix}.{part}.{name}"][rows]
                            is_projection = part == "pw2" and name == "0.weight"
                            views[f"{prefix}.{part}.{name}"] = view[:, : block.exp_c] if is_projection else view
        return views

    def forward(self, config: ModelConfig, images: Tensor) -> Tensor:
        """Logits (batch, classes) of the model in training mode, BatchNorm by the batch's own statistics; images NCHW."""
        logits: Tensor = torch.func.functional_call(self._skeletons(config), self.slices(config), (images,))
        return logits

    def subnet(self, config: ModelConfig) -> Network:
        """The model as a network of its own, with copied weights, in inference mode; `recalibrate` it before use.

        Raises:
            EvaluationError: the model is not of the supernet's space.
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
        base = self.space.base
        frame = (config.branches, len(config.stages), config.stem, config.head)
        if not config.is_collaborative or frame != (self.space.branches, len(base.stages), base.stem, base.head):
            raise EvaluationError(
                f"{config.name}: the supernet is for {self.space.branches} branches of {base.name}, whose stages, stem and head this is not"
            )
        for index, (stage, base_stage) in enumerate(zip(config.stages, base.stages, strict=True)):
            if stage.out_c != base_stage.out_c:
                raise EvaluationError(f"{config.name}: stage {index} gives {stage.out_c} channels, that of the supernet {base_stage.out_c}")
            for branch, blocks in enumerate(stage.branches):
                base_blocks = base_stage.branches[0]
                if [(b.in_size, b.kernel, b.stride, b.in_c) for b in blocks] != [
                    (b.in_size, b.kernel, b.stride, b.in_c) for b in base_blocks
                ]:
                    raise EvaluationError(f"{config.name}: the blocks of stage {index}, branch {branch}, are not those of {base.name}")
                for number, block in enumerate(blocks):
                    held = len(self.tensors[f"stage{index + 1}.branch{branch + 1}.{number}.dw.0.weight"])
                    if block.exp_c > held:
                        raise EvaluationError(
                            f"{config.name}: block {number} of stage {index}, branch {branch}, has {block.exp_c} expansion channels,"
                            f" the supernet at most {held}; train one with wider blocks"
                        )


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
        """The network of a config that has the stem, the head and the number of stages of that given at first."""
        self._network.config = config
        for index, stage in enumerate(config.stages):
            branches = [
                nn.Sequential(*(self._block((index, branch, number, block), config) for number, block in enumerate(blocks)))
                for branch, blocks in enumerate(stage.branches)
            ]
            self._network.add_module(f"stage{index + 1}", BranchedStage(branches))
        return self._network

    def _block(self, place: tuple[int, int, int, MBConv], config: ModelConfig) -> nn.Module:
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
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.track_running_stats = False
    return module


def initial_supernet(space: ModelFamily, *, seed: int) -> Supernet:
    """A supernet with torch's initial weights, drawn from the seed."""
    # Built with an expansion in every block, so that all tensors are there.
    config = space.model("a" * len(space.base.stages), space.mapped(_held))
    with seeded(seed):
        network = networks.build(config)
    held = {name: parameter.detach() for name, parameter in network.named_parameters()}
    return Supernet(space, {name: tensor.clone().requires_grad_() for name, tensor in held.items()})


def _held(widest: int, in_c: int, exp_c: int) -> int:
    """Expansion channels of a block's tensors. A block as wide as its input is built one step wider, to have an expansion at all."""
    least = max(widest, in_c) if in_c == exp_c else widest
    return least + CHANNEL_STEP if least == in_c else least


def train_supernet(
    space: ModelFamily,
    data: Data,
    recipe: SupernetRecipe,
    folder: Path,
    *,
    seed: int,
    device: torch.device | None = None,
    say: Say | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Supernet:
    """The trained supernet of ``supernet.pth`` in `folder`; trains it if it is not there, going on where an earlier call was cut off.

    Args:
        on_step: called with the number of steps done and the widest model's loss, as often as that is looked at.

    Raises:
        SupernetError: the folder holds a supernet of another base, data, recipe or seed.
        EvaluationError: the loss is no longer a number.
    """
    device = device or pick_device()
    about = _about(space, data.name, recipe, seed)
    if (folder / FILE).is_file():
        tensors = _fitting(folder / FILE, _read(folder / FILE, about)["tensors"], space)
        return Supernet(space, {name: tensor.to(device) for name, tensor in tensors.items()})
    supernet = initial_supernet(space, seed=seed)
    supernet.tensors = {name: tensor.detach().to(device).requires_grad_() for name, tensor in supernet.tensors.items()}
    training = _Training(supernet, recipe, seed, device, total_steps(data, recipe.training))
    start = 0
    if (folder / _PARTIAL).is_file():
        content = _read(folder / _PARTIAL, about)
        _fitting(folder / _PARTIAL, content["tensors"], space)
        try:
            start = training.restore(content)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise SupernetError(f"{folder / _PARTIAL}: is no state of this training; delete it to train anew") from error
        if say is not None:
            say(f"supernet: going on from step {start} of {training.total}")
    saved = time.monotonic()
    progress = Progress("supernet", training.total, say, start)
    for step, (images, labels) in enumerate(train_stream(data, recipe.training, seed=seed, start=start), start=start):
        loss = training.step(step, to_device(images, device), labels_to(labels, device))
        if looks_at_loss(step, training.total):
            value = checked_loss(loss, step, "supernet", recipe.training)
            progress(step + 1, value)
            if on_step is not None:
                on_step(step + 1, value)
            # Only after a look at the loss: what is saved is known to be sound.
            if time.monotonic() - saved >= recipe.save_every_s:
                _write(folder / _PARTIAL, {"about": about, **training.state(step + 1)})
                saved = time.monotonic()
    _write(folder / FILE, {"about": about, "tensors": _plain(supernet.tensors)})
    (folder / _PARTIAL).unlink(missing_ok=True)
    return Supernet(space, {name: tensor.detach() for name, tensor in supernet.tensors.items()})


def load(folder: Path, *, device: torch.device | None = None) -> Supernet:
    """The finished supernet in a folder, whatever it was trained with.

    Raises:
        SupernetError: there is none, or it is damaged.
    """
    path = folder / FILE
    content = _read(path, None)
    about = json.loads(content["about"])
    try:
        space = ModelFamily(configs.from_document(about["base"], origin=str(path)), about["branches"], _as_widths(about["widest"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SupernetError(f"{path}: does not say what it was trained for; delete it to train anew") from error
    tensors = _fitting(path, content["tensors"], space)
    target = device or pick_device()
    return Supernet(space, {name: tensor.to(target) for name, tensor in tensors.items()})


def inherited_weights(supernet: Supernet, config: ModelConfig, data: Data, *, batches: int = 8) -> dict[str, Array]:
    """A found model's weights out of the supernet, with BatchNorm statistics of its own, by the names of `collab.networks.weights`.

    Raises:
        EvaluationError: the model is not of the supernet's space.
    """
    network = supernet.subnet(config)
    recalibrate(network, data, batches=batches)
    return numpy_weights(network)


@dataclass
class _Training:
    """The state of a training. All random numbers follow from the seed and the step: a resumed training goes on bit by bit."""

    supernet: Supernet
    recipe: SupernetRecipe
    seed: int
    device: torch.device
    total: int
    _optimizer: torch.optim.SGD = field(init=False)
    _scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        self._optimizer = sgd(self.supernet.tensors.items(), self.recipe.training)
        self._scaler = grad_scaler(self.device)
        self._widest = self.supernet.space.widest_model()

    def step(self, step: int, images: Tensor, labels: Tensor) -> Tensor:
        """One step on a batch; the widest model's loss."""
        training = self.recipe.training
        set_learning_rate(self._optimizer, training, step, self.total)
        self._optimizer.zero_grad()
        with seeded(_step_seed(self.seed, step)):
            with mixed_precision(self.device):
                logits = self.supernet.forward(self._widest, images)
                loss = functional.cross_entropy(logits, labels, label_smoothing=training.label_smoothing)
            self._backward(loss)
            taught = logits.detach().float().softmax(1)
            for config in self._students(step):
                with mixed_precision(self.device):
                    student_loss = functional.cross_entropy(self.supernet.forward(config, images), taught)
                self._backward(student_loss)
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self.supernet.tensors.values(), self.recipe.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return loss

    def _backward(self, loss: Tensor) -> None:
        # Each model's graph is freed before the next one's is built.
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def _students(self, step: int) -> Iterator[ModelConfig]:
        generator = np.random.default_rng([self.seed, step])
        space, low = self.supernet.space, self.recipe.low
        yield space.narrowest_model(generator, low=low)
        for _ in range(self.recipe.samples):
            yield space.random_model(generator, low=low)

    def state(self, step: int) -> dict[str, Any]:
        """Tensors and plain values from which `restore` goes on, after so many steps."""
        momenta = {
            name: self._optimizer.state[tensor]["momentum_buffer"]
            for name, tensor in self.supernet.tensors.items()
            if self._optimizer.state[tensor].get("momentum_buffer") is not None
        }
        return {"step": step, "tensors": _plain(self.supernet.tensors), "momenta": _plain(momenta), "scaler": self._scaler.state_dict()}

    def restore(self, content: Mapping[str, Any]) -> int:
        """Takes over a state and gives the number of steps done."""
        with torch.no_grad():
            for name, tensor in self.supernet.tensors.items():
                tensor.copy_(content["tensors"][name])
        for name, momentum in content["momenta"].items():
            self._optimizer.state[self.supernet.tensors[name]]["momentum_buffer"] = momentum.to(self.device)
        self._scaler.load_state_dict(content["scaler"])
        step = int(content["step"])
        if not 0 <= step <= self.total:
            raise ValueError(f"step {step} of {self.total}")
        return step


def _step_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _as_widths(nested: list[list[list[int]]]) -> Widths:
    return tuple(tuple(tuple(stage) for stage in branch) for branch in nested)


def _about(space: ModelFamily, data: str, recipe: SupernetRecipe, seed: int) -> str:
    """What a supernet was trained with, as JSON. How often it is saved makes no difference to it."""
    settings = {key: value for key, value in asdict(recipe).items() if key != "save_every_s"}
    return json.dumps(
        {
            "format": FORMAT,
            "base": space.base.document,
            "branches": space.branches,
            "widest": space.widest,
            "data": data,
            "recipe": settings,
            "seed": seed,
        }
    )


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Writes the whole file or leaves what was there, also if the process or the machine dies in between."""
    # By way of memory: of a full disk, torch tells something that is no OSError.
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    write_whole(path, buffer.getvalue())


def _fitting(path: Path, tensors: Mapping[str, Any], space: ModelFamily) -> Mapping[str, Tensor]:
    """The tensors, if they are all that the space's supernet has, and finite.

    Raises:
        SupernetError: they are not.
    """
    wanted = {name: tensor.shape for name, tensor in initial_supernet(space, seed=0).tensors.items()}
    found = {name: getattr(tensor, "shape", None) for name, tensor in tensors.items()}
    wrong = next((name for name in sorted({*wanted, *map(str, found)}) if wanted.get(name) != found.get(name)), None)
    if wrong is None:
        wrong = next(
            (
                name
                for name, tensor in tensors.items()
                if (tensor.dtype, tensor.layout) != (torch.float32, torch.strided) or not tensor.isfinite().all()
            ),
            None,
        )
    if wrong is not None:
        raise SupernetError(f"{path}: its tensor {wrong[:80]} is not there, not of this supernet, or no numbers; delete it to train anew")
    return tensors


def _read(path: Path, about: str | None) -> dict[str, Any]:
    """The content of a supernet's file; with `about`, one that was trained with just that."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SupernetError(f"{path}: is larger than {_MOST_BYTES >> 30} GiB, which no supernet is; delete it to train anew")
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
        stored = json.loads(content["about"])
        if stored["format"] != FORMAT:
            raise SupernetError(f"{path}: has format {stored['format']}, this version reads {FORMAT}; delete it to train anew")
        dict(content["tensors"])
    except SupernetError:
        raise
    except FileNotFoundError as error:
        raise SupernetError(f"{path}: no such file; train a supernet first") from error
    except Exception as error:  # a damaged pickle makes torch raise almost anything
        raise SupernetError(f"{path}: cannot be read as a supernet; delete it to train anew") from error
    if about is not None:
        wanted = json.loads(about)
        differing = [key for key in wanted if stored.get(key) != wanted[key]]
        if differing:
            raise SupernetError(
                f"{path}: was trained with another {' and another '.join(differing)}; choose another folder, or delete it to train anew"
            )
    return dict(content)
