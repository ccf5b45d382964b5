"""``python -m lut.import_tables``: tables of this project from latencies that others measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.options import UNITS, AsJson, option, place
from collab.wording.commands import command_named

if TYPE_CHECKING:
    from lut.foreign.entries import LeftOut
    from lut.foreign.importing import Imported

_NAMED: Final = 3
"""The number of entries that are named for each reason in the text; ``--json`` and the account name all."""


def main(
    sources: Annotated[list[Path], place("FILE", help="Blocks: of once-for-all, ProxylessNAS, nn-Meter, CSV. Hand-overs: CSV.")],
    device: Annotated[str, option(value="DEVICE", help="The device that the latencies are of, e.g. pixel1.")],
    unit: Annotated[
        list[str], option(value="UNIT", complete=UNITS, help="The unit that they are of, e.g. cpu:threads=1. Repeat it for several.")
    ],
    out: Annotated[Path, option(value="FOLDER", help="Folder for the tables; new or empty.")],
    act: Annotated[
        str, option(value="NAME", help="relu or relu6: the one that latencies serve whose names leave it open. Default: both.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Make tables of block latencies that others measured.

    It says what of them could not be taken, and what they lack.
    """
    from lut.foreign.from_files import import_files

    imported = import_files(sources, out, device=device, units=unit, act=act)
    if json:
        print_json({"out": str(out), **imported.document})
    else:
        _print(imported, out)


def _print(imported: Imported, out: Path) -> None:
    from lut.foreign.from_files import ACCOUNT_FILE

    account = imported.document
    for name, spec in account["units"].items():
        say(f"{out}: {account['blocks'].get(name, 0)} blocks on {name} ({spec}) of {account['device']}, from {account['source']}")
    for pair, count in account["handovers"].items():
        path = imported.tables.meta.paths.get(pair)
        say(f"{out}: {count} hand-overs {pair}" + (f", by {path.path}: {path.why}" if path else ""))
    for entry in imported.combined:
        say(f"Combined: {entry.block} on {entry.unit} = {' + '.join(entry.entries)}")
    if imported.left_out:
        say(f"Left out: {len(imported.left_out)}, all of them named in {out / ACCOUNT_FILE}")
        for reason, entries in _by_reason(imported.left_out).items():
            more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
            say(f"  {reason}:")
            say("\n".join(f"    {entry.name} ({entry.where})" for entry in entries[:_NAMED]) + more)
    for sentence in imported.assumed:
        say(f"Taken for granted: {sentence}")
    for what in imported.tables.meta.lacks:
        say(f"Lacking: {what}")
    models = "Models, also collaborative ones," if account["handovers"] else "Models on one unit"
    say(f"{models} can be predicted: {command_named('predict', '--lut', out, '--model', 'mobilenet_v2')}")
    profiling = command_named("profile", "--device", "SERIAL", "--model", "MODEL", "--out", "ANOTHER_FOLDER")
    say(f"What is lacking is measured by: {profiling}")


def _by_reason(left_out: tuple[LeftOut, ...]) -> dict[str, list[LeftOut]]:
    grouped: dict[str, list[LeftOut]] = {}
    for entry in left_out:
        grouped.setdefault(entry.reason, []).append(entry)
    return grouped


app = make_app(
    main,
    examples=(
        "syncnas import pixel1.yaml --device pixel1 \\\n    --unit cpu:threads=1 --out luts/pixel1",
        "syncnas import blocks.csv handovers.csv --device p40 \\\n    --unit cpu --unit gpu --out luts/p40",
        "syncnas import times.csv --device board --unit cpu \\\n    --out luts/board",
    ),
)

if __name__ == "__main__":
    run_app(app)
