"""``python -m android_harness.deploy``: a split model on a device, run with all its units at once, its output checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from android_harness.options import Clean, DeviceName, TraceFile, path_option, wait_option, with_harness_options
from android_harness.protocol.phases import MOST_RUNS
from android_harness.targets.options import HarnessOptions
from collab.cli import keeping, make_app, print_json, run_app
from collab.command_line.progress import sending_bar, work_bar
from collab.console import result_console, tell
from collab.files import holding
from collab.options import EXPERT, PHONE, UNITS, AsJson, flag, option, place, whole
from collab.wording.commands import command_named

if TYPE_CHECKING:
    from android_harness.bundles.deployment import Deployed


@with_harness_options
def main(
    bundle: Annotated[Path, place("BUNDLE", help="The folder that export has written.")],
    device: DeviceName = "",
    lut: Annotated[Path | None, option(value="FOLDER", help="Tables of this device: prints predictions beside what is measured.")] = None,
    unit: Annotated[
        list[str] | None,
        option(
            value="UNIT",
            complete=UNITS,
            help="A unit of the bundle, e.g. cpu:cluster=big; one for each, in order. Default: the tables'.",
        ),
    ] = None,
    runs: Annotated[int, whole(least=1, most=MOST_RUNS, help="Inferences that are measured.")] = 100,
    json: AsJson = False,
    trace: TraceFile = None,
    wait: Annotated[str, wait_option("the tables', else spin")] = "",
    path: Annotated[str, path_option("the tables', else shared")] = "",
    journal: Annotated[
        Path | None, option(value="FILE", panel=EXPERT, help="Where the raw samples go. Default: deploy.jsonl beside the bundle.")
    ] = None,
    keep: Annotated[bool, flag("--keep/--no-keep", panel=PHONE, help="Leave the model and its run script on the device.")] = True,
    clean: Clean = False,
    *,
    harness: HarnessOptions,
) -> None:
    """Put a bundle on a device, run it and check what it computes.

    The script with which it runs there stays, so that it can be run again without this computer.
    """
    from dataclasses import replace
    from functools import partial

    from android_harness.bundles.deployment import DeployOptions, deploy, journal_beside
    from android_harness.bundles.recording import Recording
    from android_harness.bundles.result import require_right
    from android_harness.bundles.traces import measured_trace
    from android_harness.device.layout import layout_of
    from android_harness.targets.find import closing, default_device, device_of, open_device, remote_target
    from exporters.manifests.reading import load_manifest
    from lut.meta import META_FILE
    from lut.tables import load_tables
    from lut.traces.events import require_free, write_trace

    journal = journal or journal_beside(bundle)
    if trace is not None:
        require_free(trace, taken=(journal,))
    manifest = load_manifest(bundle)
    tables = load_tables(lut) if lut is not None else None
    cluster = harness.cluster
    if tables is None or lut is None:
        name = default_device(device, cluster=cluster)
    else:
        name = device_of(device, tables.meta.device, lut / META_FILE, cluster=cluster)
    sending = partial(sending_bar, quiet=json)
    options = DeployOptions(units=tuple(unit or ()), runs=runs, wait=wait, path=path, keep=keep and not clean)
    recording = Recording(lambda _: True)
    with (
        keeping("What was sent stays on the device; the same command sends nothing twice."),
        holding(journal),
        closing(remote_target(open_device(name, cluster=cluster), replace(harness, layout=layout_of(name)), sending=sending)) as target,
        work_bar(f"Running {manifest.model}", "visits", quiet=json) as show,
    ):
        target.prepare(tell)
        deployed = deploy(target, bundle, manifest, tables, options, journal=journal, notice=tell, on_progress=show, on_event=recording.add)
        if clean:
            target.clean()
    if json:
        print_json(document(deployed))
    else:
        _print(deployed)
    # Behind the result, which a full disk must not take with it.
    if trace is not None:
        write_trace(trace, measured_trace(recording, deployed.prediction, model=deployed.model))
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
        console.print(
            f"Predicted: {prediction.total_us / 1e3:.3f} ms ({100 * error:+.1f} %, raw; {command_named('verify')} corrects for drift)"
        )
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


app = make_app(
    main,
    examples=(
        "syncnas deploy bundles/base --device local",
        "syncnas deploy bundles/found --lut luts/phone \\\n    --unit gpu --unit cpu:cluster=big --runs 300",
    ),
)

if __name__ == "__main__":
    run_app(app)
