"""Exports as users ask for them: a model, where its weights come from, and what each unit runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collab.errors import ConfigError, ExportError
from collab.model import ModelConfig
from collab.names import shown
from collab.networks.weights import DEFAULT_SEED, Weights, check
from collab.placement import parse_placement
from collab.wording.options import option_named
from exporters.bundle import FORMATS, ROUTES, write_bundle
from exporters.manifests.manifest import Manifest
from exporters.publish import check_target


def export_model(
    config: ModelConfig,
    out: Path,
    *,
    placement: str = "",
    weights: Path | None = None,
    format: str = "tflite",
    route: str = "direct",
    seed: int = DEFAULT_SEED,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Manifest:
    """Splits a model into segments and writes them as a bundle.

    Args:
        placement: text of a placement; what is left out of it takes its default.
        weights: a checkpoint; None: seeded weights.
        format, route, on_progress: see `exporters.bundle.write_bundle`.

    Raises:
        ConfigError: there is no such format, route or placement.
        ExportError: `out` is no place for a bundle, or the model cannot be written.
        WeightsError: the checkpoint does not fit the model.
    """
    if format not in FORMATS:
        raise ConfigError(f"{option_named('--format', shown(format))}: one of {', '.join(FORMATS)}")
    if route not in ROUTES:
        raise ConfigError(f"{option_named('--route', shown(route))}: one of {', '.join(ROUTES)}")
    check_target(out)
    placed = parse_placement(placement, branches=config.branches)
    tensors = _read_weights(config, weights)
    try:
        return write_bundle(config, placed, out, weights=tensors, format=format, route=route, seed=seed, on_progress=on_progress)
    except MemoryError:
        raise ExportError(f"{config.name} takes more memory than there is; export a smaller model, or on a larger machine") from None


def _read_weights(config: ModelConfig, path: Path | None) -> Weights | None:
    if path is None:
        return None
    from collab.networks.checkpoint import read_checkpoint

    return check(config, read_checkpoint(path, config), origin=str(path))
