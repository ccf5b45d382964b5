"""``python -m android_harness.deploy``: a split model on a device, run with all its units at once, its output checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import Clean, DeviceName, with_harness_options
from android_harness.protocol.phases import MOST_RUNS
from android_harness.targets.options import HarnessOptions
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, tell
from collab.files import holding

if TYPE_CHECKING:
    from android_harness.bundles.deployment import Deployed


@with_harness_options
def main(
    bundle: Annotated[Path, typer.Argument(help="The folder that exporters.run has written.")],
    device: DeviceName = "",
    lut: Annotated[Path | None, typer.Option(help="Tables of this device: prints predictions beside what is measured.")] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(help="A unit of the bundle, e.g. cpu:cluster=big; one for each, in order. Default: the tables'."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="Inferences that are measured.")] = 100,
    wait: Annotated[
        str, typer.Option(help="How units wait for each other: spin, condvar or hybrid. Default: the tables', else spin.")
    ] = "",
    path: Annotated[str, typer.Option(help="How units hand features over: shared or memcpy. Default: the tables', else shared.")] = "",
    journal: Annotated[Path | None, typer.Option(help="Where the raw samples go; default: deploy.jsonl beside the bundle.")] = None,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Leave the model and its run script on the device.")] = True,
    clean: Clean = False,
    *,
    harness: HarnessOptions,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put a bundle on a device, run it and check what it computes.

    The script with which it runs there stays, so that it can be run again without this computer.
    """
    from dataclasses import replace

    from android_harness.bundles.deployment import DeployOptions, deploy
    from android_harness.bundles.result import require_right
    from android_harness.device.layout import layout_of
    from android_harness.targets.find import closing, default_device, device_of, open_device, remote_target
    from exporters.manifest_file import load_manifest
    from lut.meta import META_FILE
    from lut.tables import load_tables

    journal = journal or bundle.resolve().parent / "deploy.jsonl"
    manifest = load_manifest(bundle)
    tables = load_tables(lut) if lut is not None else None
    cluster = harness.cluster
    if tables is None or lut is None:
        name = default_device(device, cluster=cluster)
    else:
        name = device_of(device, tables.meta.device, lut / META_FILE, cluster=cluster)
    options = DeployOptions(units=tuple(unit or ()), runs=runs, wait=wait, path=path, keep=keep and not clean)
    with holding(journal), closing(remote_target(open_device(name, cluster=cluster), replace(harness, layout=layout_of(name)))) as target:
        target.prepare(tell)
        deployed = deploy(target, bundle, manifest, tables, options, journal=journal, notice=tell)
        if clean:
            target.clean()
    if json:
        print_json(document(deployed))
    else:
        _print(deployed)
    require_right(deployed.result)


def document(deployed: Deployed) -> dict[str, Any]:
    """Returns a deployment as a JSON object, times in microseconds."""
    prediction = deployed.prediction
    shared = deployed.result.to_document(prediction.steps if prediction else ())
    return {
        "model": deployed.model,
        "device": deployed.device,
        "units": {name: spec.text for name, spec in deployed.units.items()},
        **shared,
        "predicted_us": round(prediction.total_us, 3) if prediction else None,
        "accelerated": deployed.result.accelerated,
        "pushed_bytes": deployed.pushed.bytes,
        "script": deployed.script,
        "notes": list(deployed.notes),
    }


def _print(deployed: Deployed) -> None:
    from android_harness.bundles.result import latency_line, output_line
    from android_harness.bundles.steps import pair_steps, step_table

    console = result_console()
    result, prediction = deployed.result, deployed.prediction
    console.print(f"Device: {deployed.device}  ({deployed.described})")
    console.print(f"Units: {'  '.join(f'{name} = {spec}' for name, spec in deployed.units.items())}")
    console.print(f"Sent: {deployed.pushed.bytes / 1e6:.1f} MB in {deployed.pushed.files} files")
    console.print(step_table(deployed.model, pair_steps(result.steps, prediction.steps if prediction else ())))
    if prediction is not None:
        error = prediction.total_us / result.measured.median_us - 1
        console.print(f"Predicted: {prediction.total_us / 1e3:.3f} ms ({100 * error:+.1f} %, raw; profiler.verify corrects for drift)")
    console.print(latency_line(result))
    if deployed.unpredicted:
        console.print(f"Not predicted: {deployed.unpredicted}")
    if not result.accelerated:
        console.print("Partly delegated: a unit did not take its whole model; the rest ran on the CPU, so this is not that unit's latency")
    console.print(output_line(result))
    for sentence in deployed.notes:
        console.print(sentence)
    if deployed.script:
        console.print(f"Run it again without this computer, on the device: sh {deployed.script}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
