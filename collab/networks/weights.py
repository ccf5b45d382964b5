"""Weights as numpy arrays under the names and in the layouts of a torch checkpoint.

Names of a collaborative model: ``stem_conv.{0,1}.*``, ``stage{1..}.branch{1,2..}.{i}.{pw1,dw,pw2}.{0,1}.*``, ``head_conv.{0,1}.*``,
``classifier.1.*``; in a base model the stages are ``stages.{s}.blocks.{i}.*``. ``.0`` is a convolution without bias
(O, I/groups, kH, kW), ``.1`` its BatchNorm. float32 throughout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import Head, MBConv, Stem, check_memory
from collab.errors import WeightsError
from collab.model import ModelConfig
from collab.names import shown
from collab.placement import default_placement
from collab.schedule import Layer, build_schedule
from collab.tensors.types import Shape

Array: TypeAlias = npt.NDArray[np.float32]
Weights: TypeAlias = Mapping[str, Array]

DEFAULT_SEED: Final = 0
_NORM: Final = ("weight", "bias", "running_mean", "running_var")


def conv_names(layer: Layer) -> tuple[tuple[str, Shape], ...]:
    """Each convolution of a layer with its BatchNorm: ``(prefix, weight shape)`` in the order of execution."""
    block, prefix = layer.block, layer.weights
    if isinstance(block, Stem):
        return ((prefix, (block.out_c, block.in_c, block.kernel, block.kernel)),)
    if isinstance(block, Head):
        return (("head_conv", (block.hidden_c, block.in_c, block.kernel, block.kernel)),)
    if isinstance(block, MBConv):
        expansion = ((f"{prefix}.pw1", (block.exp_c, block.in_c, 1, 1)),) if block.has_expansion else ()
        return (
            *expansion,
            (f"{prefix}.dw", (block.exp_c, 1, block.kernel, block.kernel)),
            (f"{prefix}.pw2", (block.out_c, block.exp_c, 1, 1)),
        )
    return ()


def layer_tensors(layer: Layer) -> dict[str, Shape]:
    """Name and shape of every tensor that a layer needs."""
    tensors: dict[str, Shape] = {}
    for prefix, shape in conv_names(layer):
        tensors[f"{prefix}.0.weight"] = shape
        tensors.update({f"{prefix}.1.{name}": (shape[0],) for name in _NORM})
    if isinstance(layer.block, Head):
        tensors["classifier.1.weight"] = (layer.block.classes, layer.block.hidden_c)
        tensors["classifier.1.bias"] = (layer.block.classes,)
    return tensors


def model_tensors(config: ModelConfig) -> dict[str, Shape]:
    """Name and shape of every tensor of a model."""
    tensors: dict[str, Shape] = {}
    for segment in build_schedule(config, default_placement(config.branches)).segments:
        for layer in segment.layers:
            tensors.update(layer_tensors(layer))
    return tensors


def seeded_layer(layer: Layer, *, seed: int = DEFAULT_SEED) -> dict[str, Array]:
    """Seeded weights of one layer; a tensor's values depend on its name, its shape and the seed alone.

    Raises:
        ConfigError: they, or the layer's features, are larger than any runtime takes.
    """
    check_memory(layer.block)
    return {name: _seeded_tensor(name, shape, seed) for name, shape in layer_tensors(layer).items()}


def seeded(config: ModelConfig, *, seed: int = DEFAULT_SEED) -> dict[str, Array]:
    """Seeded weights of a whole model, scaled so that features keep their size from block to block and logits vary."""
    return {name: _seeded_tensor(name, shape, seed) for name, shape in model_tensors(config).items()}


def _seeded_tensor(name: str, shape: Shape, seed: int) -> Array:
    digest = hashlib.sha256(f"{seed}/{name}/{shape}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))
    values = generator.random(shape, dtype=np.float32)
    low, high = _bounds(name, shape)
    values *= np.float32(high - low)
    values += np.float32(low)
    return values


def _bounds(name: str, shape: Shape) -> tuple[float, float]:
    """Range of the uniform distribution: He et al. 2015 for convolutions that an activation follows, Glorot-like for linear ones."""
    kind = name.rsplit(".", 1)[1]
    is_norm = len(shape) == 1 and not name.startswith("classifier.")
    if kind == "running_var" or (is_norm and kind == "weight"):
        return 0.6, 1.4
    if len(shape) == 1:
        return -0.2, 0.2
    fan_in = int(np.prod(shape[1:]))
    gain = 1.0 if ".pw2." in name or name.startswith("classifier.") else 2.0
    limit = float(np.sqrt(3.0 * gain / fan_in))
    return -limit, limit


def check(config: ModelConfig, weights: Mapping[str, npt.NDArray[np.generic]], *, origin: str) -> dict[str, Array]:
    """The model's tensors taken from a state dict, as contiguous float32.

    A prefix ``module.`` (torch's DataParallel) is dropped, ``num_batches_tracked`` ignored.

    Raises:
        WeightsError: a tensor is missing, has another shape, is not finite, or belongs to no block of the model.
    """
    given = {name.removeprefix("module."): value for name, value in weights.items()}
    check_shapes(config, {name: np.shape(value) for name, value in given.items()}, origin=origin)
    return dict(_checked_arrays(model_tensors(config), given, origin))


def check_shapes(config: ModelConfig, given: Mapping[str, Shape], *, origin: str) -> None:
    """Compares names and shapes of tensors with the model's, before any of them need be loaded.

    Raises:
        WeightsError: a tensor is missing, has another shape, or belongs to no block of the model.
    """
    expected = model_tensors(config)
    missing = [name for name in expected if name not in given]
    if missing:
        raise WeightsError(
            f"{origin}: {len(missing)} of {len(expected)} tensors of {config.name} are missing, first {missing[0]};"
            " is it a checkpoint of this very config?"
        )
    extra = [name for name in given if name not in expected and not name.endswith("num_batches_tracked")]
    if extra:
        raise WeightsError(
            f"{origin}: {len(extra)} tensors belong to no block of {config.name}, first {shown(extra[0])};"
            " is it a checkpoint of this very config?"
        )
    for name, shape in expected.items():
        if given[name] != shape:
            raise WeightsError(f"{origin}: {name} has shape {shown(str(list(given[name])))}, the config asks for {list(shape)}")


def _checked_arrays(
    expected: Mapping[str, Shape], given: Mapping[str, npt.NDArray[np.generic]], origin: str
) -> Iterator[tuple[str, Array]]:
    for name in expected:
        array = np.asarray(given[name])
        if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise WeightsError(f"{origin}: {name} holds values that are not finite floating-point numbers")
        yield name, np.ascontiguousarray(array, dtype=np.float32)
