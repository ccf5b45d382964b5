"""``python -m exporters.run``: split a model into per-unit segments and write its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collab import config as configs
from collab.cli import make_app, print_json, run_app
from collab.errors import ConfigError, ExportError
from collab.model import ModelConfig
from collab.names import shown
from collab.networks.weights import DEFAULT_SEED, Weights, check
from collab.placement import parse_placement
from exporters.bundle import FORMATS, ROUTES, write_bundle
from exporters.manifest import Manifest
from exporters.publish import check_target


def main(
    model: Annotated[str, typer.Option(help="A model of the zoo, or the path of a config.")],
    out: Annotated[Path, typer.Option(help="The bundle to write (a folder).")],
    weights: Annotated[Path | None, typer.Option(help="Checkpoint (.pth, .pt or .npz); without it: seeded weights.")] = None,
    placement: Annotated[str, typer.Option(help="Which unit runs what, e.g. 0=cpu0,1=cpu1,stem=all,head=0.")] = "",
    format: Annotated[str, typer.Option(help="tflite, onnx or both.")] = "tflite",
    route: Annotated[str, typer.Option(help="How TFLite segments are made: direct (own writer) or litert-torch.")] = "direct",
    seed: Annotated[int, typer.Option(min=0, max=(1 << 63) - 1, help="Seed of the weights and of the reference input.")] = DEFAULT_SEED,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Split a model into segments, one model file for each, and write them as a bundle.

    A segment is what one unit runs between two hand-overs.
    """
    if format not in FORMATS:
        raise ConfigError(f"--format {shown(format)}: one of {', '.join(FORMATS)}")
    if route not in ROUTES:
        raise ConfigError(f"--route {shown(route)}: one of {', '.join(ROUTES)}")
    check_target(out)
    config = configs.load(model)
    placed = parse_placement(placement, branches=config.branches)
    try:
        manifest = write_bundle(config, placed, out, weights=_read_weights(config, weights), format=format, route=route, seed=seed)
    except MemoryError:
        raise ExportError(f"{config.name} takes more memory than there is; export a smaller model, or on a larger machine") from None
    if json:
        print_json({"out": str(out), **manifest.to_document()})
    else:
        _print(manifest, out)


def _read_weights(config: ModelConfig, path: Path | None) -> Weights | None:
    if path is None:
        return None
    from collab.networks.checkpoint import read_checkpoint

    return check(config, read_checkpoint(path, config), origin=str(path))


def _print(manifest: Manifest, out: Path) -> None:
    from rich.table import Table

    from collab.console import result_console

    table = Table(title=f"{manifest.model}  ({manifest.placement})", title_justify="left")
    for column in ("segment", "inputs from", "blocks", "output", "KiB"):
        table.add_column(column, justify="right" if column in ("blocks", "KiB") else "left")
    for segment in manifest.segments:
        table.add_row(
            segment.name,
            ", ".join(entry.source for entry in segment.inputs),
            str(len(segment.blocks)),
            "x".join(map(str, segment.output_shape)),
            f"{segment.model_bytes / 1024:.0f}" if segment.model else "-",
        )
    console = result_console(wraps=True)
    console.print(table)
    console.print(f"Bundle: {out}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
