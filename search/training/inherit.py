"""Initial weights for a collaborative model out of those of its base model, or of another collaborative one, by slicing. numpy only.

A branch's block takes the expansion channels that matter most in the source's block, by the L1 norm of what projects them (Cai et al.,
"Once-for-All", ICLR 2020). Branches take different ones first: two branches of half the width hold each channel once, and their sum is
what the base's block computes. Where a stage is concatenated, a branch takes the rows of its place among the output channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collab.errors import WeightsError
from collab.model import ModelConfig, Stage
from collab.networks.weights import Array

Tensors = Mapping[str, npt.NDArray[Any]]

_NORM: Final = ("weight", "bias", "running_mean", "running_var")
_APART: Final = 0.1
"""Share of the initial weights that stays in the convolutions of branches after the first: branches that start equal, and add up, would
get equal gradients and stay equal for ever."""


def branch_offsets(stage: Stage) -> tuple[int, ...]:
    """Returns the first row of each branch among the stage's output channels: its place in a concatenation, 0 without one."""
    outs = [blocks[-1].out_c for blocks in stage.branches]
    return (0, *accumulate(outs[:-1])) if stage.sync == "c" else (0,) * len(outs)


def inherited(config: ModelConfig, initial: Mapping[str, Array], source: Tensors, *, origin: str) -> dict[str, Array]:
    """Returns the initial weights of a collaborative model, named as in `collab.networks.weights`, with the source's in place of them.

    What the source lacks stays initial: channels beyond its width, the expansion of a block that has none there. BatchNorm statistics
    are taken along, but are worth nothing before `search.training.judge.recalibrate`.

    Args:
        source: tensors of a base or a collaborative model of the same stages and blocks; widths may differ.
        origin: names the source in errors.

    Raises:
        WeightsError: the source is of another model: blocks, kernels or channels differ.
    """
    weights = {name: np.array(array, dtype=np.float32) for name, array in initial.items()}
    reader = _Source(source, origin)
    for name, array in weights.items():
        if name.startswith(("stem_conv.", "head_conv.")):
            array[...] = reader.whole(name, array.shape)
        elif name.startswith("classifier."):
            _fill(array, reader.rows(name, array.shape))
    for index, stage in enumerate(config.stages):
        for branch, offset in enumerate(branch_offsets(stage)):
            for number in range(len(stage.branches[branch])):
                _inherit_block(weights, reader, config, _Place(index, branch, number, offset))
    return weights


@dataclass(frozen=True)
class _Place:
    """A block of the model that inherits, and the first row of its branch among the stage's output channels."""

    stage: int
    branch: int
    number: int
    offset: int


def _inherit_block(weights: dict[str, Array], reader: _Source, config: ModelConfig, place: _Place) -> None:
    stage = config.stages[place.stage]
    block = stage.branches[place.branch][place.number]
    if config.is_collaborative:
        prefix = f"stage{place.stage + 1}.branch{place.branch + 1}.{place.number}"
    else:
        prefix = f"stages.{place.stage}.blocks.{place.number}"
    is_last = place.number == len(stage.branches[place.branch]) - 1
    theirs, their_offset = reader.block(place.stage, place.branch, place.number, stage.out_c if is_last else block.out_c)
    reader.check_block(theirs, prefix, weights)
    has_expansion = f"{theirs}.pw1.0.weight" in reader.tensors
    if has_expansion and not block.has_expansion:
        return  # Their channels are mixtures of the input's, ours the input's own: nothing of theirs would fit.
    chosen = reader.channels(theirs, block.exp_c, branch=place.branch, branches=config.branches, is_ordered=not has_expansion)
    count = len(chosen)
    apart = _APART if place.branch else 0.0
    if has_expansion:
        _put(weights, reader, f"{prefix}.pw1", f"{theirs}.pw1", (slice(count),), (chosen,), apart=apart)
    _put(weights, reader, f"{prefix}.dw", f"{theirs}.dw", (slice(count),), (chosen,), apart=apart)
    ours, rows = _overlap(place.offset if is_last else 0, block.out_c, their_offset, len(reader.tensors[f"{theirs}.pw2.0.weight"]))
    columns = np.ix_(np.arange(ours.start, ours.stop), np.arange(count)), np.ix_(np.arange(rows.start, rows.stop), chosen)
    _put(weights, reader, f"{prefix}.pw2", f"{theirs}.pw2", (ours, columns[0]), (rows, columns[1]), apart=apart)


def _overlap(ours: int, our_count: int, theirs: int, their_count: int) -> tuple[slice, slice]:
    """Returns the rows that two runs of the stage's output channels share, counted from the beginning of each."""
    start, stop = max(ours, theirs), min(ours + our_count, theirs + their_count)
    stop = max(start, stop)
    return slice(start - ours, stop - ours), slice(start - theirs, stop - theirs)


def _put(
    weights: dict[str, Array],
    reader: _Source,
    ours: str,
    theirs: str,
    our_places: tuple[Any, ...],
    their_places: tuple[Any, ...],
    *,
    apart: float,
) -> None:
    """Sets places of a convolution (the last of the given ones) and of its BatchNorm (the first)."""
    kernel = weights[f"{ours}.0.weight"]
    taken = reader.tensors[f"{theirs}.0.weight"][their_places[-1]]
    kernel[our_places[-1]] = (1 - apart) * taken + apart * kernel[our_places[-1]]
    for name in _NORM:
        weights[f"{ours}.1.{name}"][our_places[0]] = reader.tensors[f"{theirs}.1.{name}"][their_places[0]]


def _fill(ours: Array, theirs: npt.NDArray[Any]) -> None:
    """Copies the rows that both have; classes that the source does not have keep their initial weights."""
    count = min(len(ours), len(theirs))
    ours[:count] = theirs[:count]


class _Source:
    """The tensors that are inherited, with the names of a base or of a collaborative model."""

    def __init__(self, tensors: Tensors, origin: str) -> None:
        self.tensors = tensors
        self._origin = origin
        self._is_collaborative = any(name.startswith("stage1.") for name in tensors)

    def whole(self, name: str, shape: tuple[int, ...]) -> Array:
        """Returns a tensor that must have this shape."""
        tensor = self._tensor(name)
        if tensor.shape != shape:
            raise self._other_model(f"{name} has shape {list(tensor.shape)}, the model's is {list(shape)}")
        return tensor.astype(np.float32)

    def rows(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Returns a tensor that must have this shape but for its first dimension."""
        tensor = self._tensor(name)
        if tensor.shape[1:] != shape[1:]:
            raise self._other_model(f"{name} has shape {list(tensor.shape)}, the model's is {list(shape)}")
        return tensor

    def block(self, stage: int, branch: int, number: int, out_c: int) -> tuple[str, int]:
        """Returns the prefix of the block that a branch inherits, and the first row of its output among the stage's `out_c` channels."""
        if not self._is_collaborative:
            return f"stages.{stage}.blocks.{number}", 0
        prefixes = list(self._branches(stage, number))
        if not prefixes:
            raise self._other_model(f"stage{stage + 1}.branch1.{number} is missing")
        chosen = branch % len(prefixes)
        outs = [len(self._tensor(f"{prefix}.pw2.0.weight")) for prefix in prefixes]
        is_concatenated = sum(outs) == out_c
        return prefixes[chosen], sum(outs[:chosen]) if is_concatenated else 0

    def _branches(self, stage: int, number: int) -> Iterator[str]:
        branch = 1
        while f"stage{stage + 1}.branch{branch}.{number}.pw2.0.weight" in self.tensors:
            yield f"stage{stage + 1}.branch{branch}.{number}"
            branch += 1

    def check_block(self, theirs: str, ours: str, weights: Mapping[str, Array]) -> None:
        """Refuses a block whose kernel or input channels are not the model's, or that lacks a tensor."""
        parts = [part for part in ("pw1", "dw", "pw2") if part != "pw1" or f"{theirs}.pw1.0.weight" in self.tensors]
        for part in parts:
            for name in (f"{part}.0.weight", *(f"{part}.1.{norm}" for norm in _NORM)):
                tensor, own = self._tensor(f"{theirs}.{name}"), weights.get(f"{ours}.{name}")
                same_as_ours = slice(1, 2) if part == "pw1" else slice(2, 4)
                if own is not None and (tensor.ndim != own.ndim or tensor.shape[same_as_ours] != own.shape[same_as_ours]):
                    raise self._other_model(f"{theirs}.{name} has shape {list(tensor.shape)}, the model's is {list(own.shape)}")

    def channels(self, theirs: str, exp_c: int, *, branch: int, branches: int, is_ordered: bool) -> npt.NDArray[np.intp]:
        """Returns the expansion channels, at most `exp_c`, that a branch takes, in their order.

        `is_ordered`: of a block without expansion, whose channels are the input's own; it gives its first ones.
        """
        importance = np.abs(self.tensors[f"{theirs}.pw2.0.weight"].astype(np.float64)).sum(axis=(0, 2, 3))
        if is_ordered:
            return np.arange(min(exp_c, len(importance)))
        ranked = np.argsort(-importance, kind="stable")
        own = ranked[branch % branches :: branches]
        rest = ranked[~np.isin(ranked, own)]
        return np.sort(np.concatenate([own, rest])[:exp_c])

    def _tensor(self, name: str) -> npt.NDArray[Any]:
        if name not in self.tensors:
            raise self._other_model(f"{name} is missing")
        return self.tensors[name]

    def _other_model(self, reason: str) -> WeightsError:
        return WeightsError(f"{self._origin}: {reason}; give a checkpoint of the base model of the search, or of a model found from it")
