"""``python -m exporters.run``: split a model into per-unit segments and write its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from collab import config as configs
from collab.cli import keeping, make_app, print_json, run_app
from collab.command_line.progress import work_bar
from collab.errors import ConfigError
from collab.networks.weights import DEFAULT_SEED
from collab.options import EXPERT, AsJson, PlacementText, PlanFile, models, option, whole
from collab.wording.commands import command_named
from exporters.bundle import FORMATS, ROUTES
from exporters.export import export_model
from exporters.manifests.manifest import Manifest
from graph.plan_file import PLAN_SUFFIX

NETWORK_SUFFIX: Final = ".tflite"


def main(
    model: Annotated[
        str,
        option(value="MODEL", complete=models, help="A model of the zoo, the path of a config, or the .tflite of any network."),
    ],
    out: Annotated[Path, option(value="FOLDER", help="The bundle to write, a folder.")],
    placement: PlacementText = "",
    plan: PlanFile = None,
    weights: Annotated[
        Path | None, option(value="FILE", help="A checkpoint (.pth, .pt or .npz). Default: weights drawn from the seed.")
    ] = None,
    format: Annotated[str, option(value="FORMAT", complete=FORMATS, help="tflite, onnx or both.")] = "tflite",
    json: AsJson = False,
    route: Annotated[
        str,
        option(
            value="ROUTE", complete=ROUTES, panel=EXPERT, help="Who makes the TFLite models: direct (the toolkit itself) or litert-torch."
        ),
    ] = "direct",
    seed: Annotated[
        int, whole(least=0, most=(1 << 63) - 1, panel=EXPERT, help="Seed of the weights and of the reference input.")
    ] = DEFAULT_SEED,
) -> None:
    """Split a model into segments, one model file for each, and write them as a bundle.

    A segment is what one unit runs between two hand-overs.
    """
    if Path(model).suffix == NETWORK_SUFFIX or plan is not None:
        _export_network(
            Path(model), plan, out, seed=seed, json=json, others=placement or weights or format != "tflite" or route != "direct"
        )
        return
    config = configs.load(model)
    with keeping(f"{out} is as it was before."), work_bar(f"Exporting {config.name}", "models", quiet=json) as show:
        manifest = export_model(config, out, placement=placement, weights=weights, format=format, route=route, seed=seed, on_progress=show)
    if json:
        print_json({"out": str(out), **manifest.to_document()})
    else:
        _print(manifest, out)


def _export_network(model: Path, plan: Path | None, out: Path, *, seed: int, json: bool, others: object) -> None:
    """Writes the bundle of a network that is no config.

    Raises:
        ConfigError: there is no plan, the model is no .tflite, or there are options that only configs take.
    """
    from exporters.network_export import export_network

    if plan is None:
        command = command_named("place", "--lut", "FOLDER", "--model", model, "--out", f"{model.stem}{PLAN_SUFFIX}")
        raise ConfigError(f"{model} needs --plan, which says which unit runs what; to make one: {command}")
    if model.suffix != NETWORK_SUFFIX:
        raise ConfigError(f"--plan goes with a network's .tflite, and {model} is none")
    if others:
        raise ConfigError(f"{model} is exported as it is: leave out placement, weights, format and route, which are for configs")
    with keeping(f"{out} is as it was before."), work_bar(f"Exporting {model.name}", "models", quiet=json) as show:
        manifest = export_network(model, plan, out, seed=seed, on_progress=show)
    if json:
        print_json({"out": str(out), **manifest.to_document()})
    else:
        _print(manifest, out)


def _print(manifest: Manifest, out: Path) -> None:
    from rich.table import Table

    from collab.console import result_console

    table = Table(title=f"{manifest.model}  ({manifest.placed})", title_justify="left")
    for column in ("segment", "inputs from", "blocks", "output", "KiB"):
        table.add_column(column, justify="right" if column in ("blocks", "KiB") else "left")
    for segment in manifest.segments:
        table.add_row(
            segment.name,
            ", ".join(segment.senders),
            str(len(segment.blocks)),
            ", ".join(entry.type.text for entry in segment.outputs),
            f"{segment.model_bytes / 1024:.0f}" if segment.model else "-",
        )
    console = result_console(wraps=True)
    console.print(table)
    console.print(f"Bundle: {out}")


app = make_app(
    main,
    examples=(
        "syncnas export --model mobilenet_v2 --out bundles/base",
        "syncnas export --model face_landmark.tflite --plan face.plan.json \\\n    --out bundles/face",
        "syncnas export --model syncnas_mobilenet_v2_100 \\\n    --placement 0=gpu0,1=cpu0 --out bundles/on-gpu",
    ),
)

if __name__ == "__main__":
    run_app(app)
