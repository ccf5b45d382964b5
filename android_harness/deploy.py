"""``python -m android_harness.deploy``: a split model on a device, run with all its units at once, its output checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import MOST_RUNS, Aars, Clean, CpuMhz, DeviceName, GpuMhz, Root, StorageMb, harness_options
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, tell
from collab.errors import RunnerError
from collab.files import holding

if TYPE_CHECKING:
    from android_harness.bundles.deployment import Deployed


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
    aar: Aars = None,
    storage_mb: StorageMb = 1024,
    root: Root = False,
    cpu_mhz: CpuMhz = 0,
    gpu_mhz: GpuMhz = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put a bundle on a device, run it there, prove that it computes the reference's numbers, and leave a script that runs it again."""
    from dataclasses import replace

    from android_harness.bundles.deployment import Wishes, deploy
    from android_harness.device.layout import layout_of
    from android_harness.targets.find import closing, default_device, device_of, open_device, remote_target
    from exporters.checking import MAX_ERROR
    from exporters.manifest import load_manifest
    from lut.meta import META_FILE
    from lut.tables import load

    journal = journal or bundle.resolve().parent / "deploy.jsonl"
    manifest = load_manifest(bundle)
    tables = load(lut) if lut is not None else None
    name = default_device(device) if tables is None or lut is None else device_of(device, tables.meta.device, lut / META_FILE)
    options = harness_options(aar=aar, storage_mb=storage_mb, root=root, cpu_mhz=cpu_mhz, gpu_mhz=gpu_mhz)
    wishes = Wishes(units=tuple(unit or ()), runs=runs, wait=wait, path=path, keep=keep and not clean)
    with holding(journal), closing(remote_target(open_device(name), replace(options, layout=layout_of(name)))) as target:
        result = deploy(target, bundle, manifest, tables, wishes, journal=journal, notice=tell)
        if clean:
            target.clean()
    if json:
        print_json(document(result))
    else:
        _print(result)
    if result.output_error > MAX_ERROR or result.distinct_outputs != 1:
        raise RunnerError(
            f"the output is wrong: it differs from the reference by {result.output_error:.1e} of its range, and the runs gave"
            f" {result.distinct_outputs} different outputs"
        )


def document(result: Deployed) -> dict[str, Any]:
    """What came of a deployment as a JSON object, times in microseconds."""
    from android_harness.bundles.timeline import pair_steps

    prediction = result.prediction
    return {
        "model": result.model,
        "device": result.device,
        "units": {name: spec.text for name, spec in result.units.items()},
        "measured_us": {
            "median": round(result.measured.median_us, 3),
            "p95": round(result.measured.p95_us, 3),
            "mad": round(result.measured.mad_us, 3),
            "n": result.measured.n,
        },
        "predicted_us": round(prediction.total_us, 3) if prediction else None,
        "output_error": result.output_error,
        "distinct_outputs": result.distinct_outputs,
        "accelerated": result.accelerated,
        "paths": dict(result.paths),
        "pushed_bytes": result.pushed.bytes,
        "script": result.script,
        "steps": [step.to_document() for step in pair_steps(result.steps, prediction.steps if prediction else ())],
    }


def _print(result: Deployed) -> None:
    from android_harness.bundles.timeline import pair_steps, step_table

    console = result_console()
    units = "  ".join(f"{name} = {spec}" for name, spec in result.units.items())
    console.print(f"Device: {result.device}  ({result.described})")
    console.print(f"Units: {units}")
    console.print(f"Sent: {result.pushed.bytes / 1e6:.1f} MB in {result.pushed.files} files")
    steps = pair_steps(result.steps, result.prediction.steps if result.prediction else ())
    console.print(step_table(f"{result.model}", steps))
    measured = result.measured
    if result.prediction is not None:
        error = result.prediction.total_us / measured.median_us - 1
        console.print(
            f"Predicted: {result.prediction.total_us / 1e3:.3f} ms ({100 * error:+.1f} %, raw; profiler.verify corrects for drift)"
        )
    console.print(
        f"Measured:  {measured.median_us / 1e3:.3f} ms median, {measured.p95_us / 1e3:.3f} ms p95, MAD {measured.mad_us / 1e3:.3f} ms"
        f" (n = {measured.n})"
    )
    if result.unpredicted:
        console.print(f"Not predicted: {result.unpredicted}")
    if not result.accelerated:
        console.print("Partial: a unit did not take its whole model; the rest ran on the CPU, so this is not that unit's latency")
    console.print(f"Output: differs from the reference by {result.output_error:.1e} of its range, {result.distinct_outputs} distinct")
    if result.script:
        console.print(f"Run it again without this computer, on the device: sh {result.script}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
