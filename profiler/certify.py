"""``python -m profiler.certify``: the error of predictions from some tables, on strategies that the tables have never seen."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from android_harness.options import DeviceOfTables, with_harness_options
from android_harness.protocol.phases import MOST_ROUNDS
from android_harness.targets.options import HarnessOptions
from collab.cli import keeping, make_app, print_json, run_app
from collab.command_line.progress import sending_bar
from collab.console import result_console, tell
from collab.options import EXPERT, AsJson, models, option, whole
from profiler.options import RunsPerVisit, hot_sentence

if TYPE_CHECKING:
    from android_harness.targets.base import Target
    from lut.tables import Tables
    from profiler.trials import Certified

_WORST = 5
_NAMES = {
    "corrected": "replay, drift-corrected",
    "raw": "replay, raw",
    "isolated_sum": "sum of isolated blocks",
    "macs": "MACs-proportional",
}


@with_harness_options
def main(
    lut: Annotated[Path, option(value="FOLDER", help="Folder of the tables; the certificate goes into its meta.json.")],
    device: DeviceOfTables = "",
    strategies: Annotated[int, whole("-n", "--strategies", least=1, most=100_000, help="How many random strategies to measure.")] = 60,
    model: Annotated[
        str,
        option(
            value="MODEL",
            complete=models,
            help="Whose strategies: of the zoo, a config or a .tflite. Default: what the tables were made for.",
        ),
    ] = "",
    json: AsJson = False,
    rounds: Annotated[
        int | None,
        whole(
            least=2,
            most=MOST_ROUNDS,
            panel=EXPERT,
            help="Visits of each of the two measurements of a strategy. Default: 12, and more of short ones, for a minute in all.",
        ),
    ] = None,
    runs: RunsPerVisit = 3,
    seed: Annotated[int, whole(least=0, panel=EXPERT, help="Seed of the strategies and of the order of visits.")] = 0,
    journal: Annotated[
        Path | None, option(value="FILE", panel=EXPERT, help="Where the raw samples go. Default: certify.jsonl beside the tables.")
    ] = None,
    *,
    harness: HarnessOptions,
) -> None:
    """Find out how far the predictions from some tables hold.

    Random strategies, or placements of a network, run on all units at once, and are held against their predictions; the tables then carry
    the result.
    """
    from android_harness.targets.find import closing, device_of, open_target
    from lut.meta import META_FILE
    from profiler.progress import phase_bar
    from profiler.trials import CertificationOptions, certify_tables

    def opened(tables: Tables) -> AbstractContextManager[Target]:
        name = device_of(device, tables.meta.device, lut / META_FILE, cluster=harness.cluster)
        return closing(open_target(name, harness, sending=partial(sending_bar, quiet=json)))

    with keeping("The tables are as they were."):
        certified = certify_tables(
            lut,
            CertificationOptions(strategies, model, rounds, runs, seed),
            opened,
            lambda count: phase_bar(f"Running {count} strategies", quiet=json),
            journal=journal,
            notice=tell,
        )
    if json:
        print_json(certified.to_document())
    else:
        _print(certified, lut)


def _print(certified: Certified, lut: Path) -> None:
    from rich.table import Table

    from lut.certificate import CERTIFICATE_FILE
    from profiler.certification import bias_line

    certificate, comparisons = certified.certificate, certified.comparisons
    console = result_console()
    table = Table(title=f"{certificate.n} strategies that the tables had not seen", title_justify="left", box=None, pad_edge=False)
    table.add_column("prediction")
    for column in ("median error", "p95 error", "within 5 %", "within 10 %"):
        table.add_column(column, justify="right")
    rows = {"corrected": certificate.corrected, "raw": certificate.raw, **certificate.baselines}
    for name, found in rows.items():
        shares = [f"{100 * value:.1f} %" for value in (found.median_error, found.p95_error)]
        shares += [f"{100 * value:.0f} %" for value in (found.within_5, found.within_10)]
        table.add_row(_NAMES[name], *shares)
    console.print(table)
    drift = ", ".join(f"{unit} {100 * (slowness - 1):+.1f} %" for unit, slowness in certificate.drift.items())
    spread = f"{100 * certificate.repeatability:.1f} % median, {100 * certificate.repeatability_p95:.1f} % p95"
    console.print(f"Repeatability: {spread} (each strategy twice, interleaved)")
    console.print(f"Drift since the tables: {drift}")
    console.print(bias_line(certificate.bias, certified.terms, certified.trends))
    for comparison in sorted(comparisons, key=lambda comparison: -abs(comparison.error_drift_corrected))[:_WORST]:
        console.print(
            f"  {100 * comparison.error_drift_corrected:+6.1f} %  {comparison.prediction.model} ({comparison.prediction.placement}):"
            f" {comparison.result.measured.median_us / 1e3:.3f} ms, predicted {comparison.corrected_us / 1e3:.3f}"
        )
    if comparisons[0].dropped_hot:
        console.print(hot_sentence(comparisons[0].dropped_hot))
    for sentence in comparisons[0].notes:
        console.print(sentence)
    console.print(f"The certificate is in {lut}/meta.json, every strategy in {lut}/{CERTIFICATE_FILE}")


app = make_app(
    main,
    examples=(
        "syncnas certify --lut luts/phone",
        "syncnas certify --lut luts/phone -n 20 --json",
    ),
)

if __name__ == "__main__":
    run_app(app)
