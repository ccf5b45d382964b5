"""``python -m graph.cut``: cut any ``.tflite`` into blocks, each of which can be run by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from collab.cli import FAILED, make_app, print_json, run_app
from collab.errors import NetworkError
from collab.files import FolderLock, holds_nothing, write_whole
from collab.names import counted
from collab.options import AsJson, flag, number, option, place
from graph.comparing import compare
from graph.cuts import DEFAULT_GRAIN_US, Block, Cutter
from graph.document import check_document, document_of, split_document
from graph.network import Network
from graph.reading import read_network
from graph.slicing import slice_bytes
from graph.splitting.rewriting import split_network
from graph.splitting.shares import parse_shares
from graph.splitting.stretches import apart, stretches_of

BLOCKS_FILE: Final = "blocks.json"


def main(
    model: Annotated[Path, place("MODEL", help="The .tflite file of a network.")],
    out: Annotated[Path | None, option(value="FOLDER", help="Where each block is written as a model of its own.")] = None,
    grain: Annotated[
        float, number(least=0, most=1e9, value="MICROSECONDS", help="What a block is worth at least, in microseconds of a nominal core.")
    ] = DEFAULT_GRAIN_US,
    split: Annotated[
        str,
        option(value="SHARES", help="Split every stretch that algebra allows over so many units, in these shares, e.g. 2,1; then cut."),
    ] = "",
    check: Annotated[bool, flag("--check", help="Run all blocks one after the other, and hold their outputs against the whole's.")] = False,
    json: AsJson = False,
) -> None:
    """Cut any .tflite into blocks, each of which can be run by itself.

    Blocks are stretches between places where few bytes cross, and the arms of forks. Split by channels, a stretch is such a fork.
    """
    network = read_network(model)
    said: dict[str, Any] = {}
    if split:
        shares, stretches = parse_shares(split), apart(stretches_of(network))
        said = {"split": split_document(network, stretches, shares)}
        network = split_network(network, stretches, shares)
    blocks = Cutter(network, grain_us=grain).blocks()
    document = document_of(network, blocks, grain_us=grain) | said
    if out is not None and not holds_nothing(out):
        raise NetworkError(f"{out} is not empty; name another folder, or empty it")
    if out is not None or check:
        with nullcontext(out) if out is not None else tempfile.TemporaryDirectory() as folder:
            document |= _write(network, blocks, document, Path(folder), model=model, check=check)
    if json:
        print_json(document)
    else:
        _print(document)
    if check and not document["check"]["within_rounding" if split else "equal"]:
        raise typer.Exit(FAILED)


def _write(
    network: Network, blocks: Sequence[Block], document: dict[str, Any], folder: Path, *, model: Path, check: bool
) -> dict[str, Any]:
    """Writes a file for each block, runs them where that is asked for, and writes the document; returns what it has more then."""
    with FolderLock(folder):
        files = [folder / f"{at:04}.tflite" for at in range(len(blocks))]
        described = []
        for block, file, entry in zip(blocks, files, document["blocks"], strict=True):
            write_whole(file, slice_bytes(network, block, description=entry["label"]))
            described.append(entry | {"file": file.name})
        more: dict[str, Any] = {"blocks": described}
        if check:
            with tempfile.TemporaryDirectory() as scratch:
                more["check"] = check_document(network, compare(network, model, blocks, files, Path(scratch)))
        write_whole(folder / BLOCKS_FILE, dumps({"schema_version": 1, **document, **more}, indent=1, allow_nan=False) + "\n")
    return more


def _print(document: dict[str, Any]) -> None:
    from rich.table import Table

    from collab.console import print_titled, result_console

    blocks = document["blocks"]
    table = Table()
    for column in ("block", "identity", "operators", "million MACs", "KiB in", "KiB out"):
        table.add_column(column, justify="left" if column in ("block", "identity") else "right", overflow="fold")
    for block in blocks:
        table.add_row(
            block["label"],
            block["identity"][:8],
            str(len(block["operators"])),
            f"{block['macs'] / 1e6:.2f}",
            *(f"{sum(tensor['bytes'] for tensor in block[side]) / 1024:.1f}" for side in ("inputs", "outputs")),
        )
    console = result_console(wraps=True)
    print_titled(console, f"{document['model']}: {document['operators']} operators, {counted(len(blocks), 'block')}", table)
    console.print(f"{len({block['identity'] for block in blocks})} of {len(blocks)} blocks differ in what decides their time.")
    if "split" in document:
        console.print(_split_said(document["split"]))
    if "check" in document:
        console.print(_verdict(document["check"]))


def _split_said(split: dict[str, Any]) -> str:
    stretches = split["stretches"]
    operators = sum(len(stretch["operators"]) for stretch in stretches)
    sums, joins = (sum(len(stretch[what]) for stretch in stretches) for what in ("sums", "joins"))
    shares = ":".join(f"{share:g}" for share in split["shares"])
    ends = f"put together by {counted(sums, 'sum')} and {counted(joins, 'join')}"
    stretched = "1 stretch" if len(stretches) == 1 else f"{len(stretches)} stretches"
    return f"Split {shares}: {counted(operators, 'operator')} in {stretched}, {ends}."


def _verdict(check: dict[str, Any]) -> str:
    if check["equal"]:
        return "Run one after the other they compute the same as the whole, to the bit."
    differing = [output for output in check["outputs"] if not output["equal"]]
    largest = [output["largest_difference"] for output in differing if "largest_difference" in output]
    said = f"by up to {max(largest):.3g}" if largest else "by what is no number"
    said += ", no more than sums in another order do" if check["within_rounding"] else ""
    return f"Run one after the other they differ from the whole in {len(differing)} of {len(check['outputs'])} outputs, {said}."


app = make_app(
    main,
    examples=(
        "syncnas cut face_landmark.tflite --check",
        "syncnas cut face_landmark.tflite --grain 200 --out blocks/face",
        "syncnas cut mobilenet.tflite --split 1,1 --check",
    ),
)

if __name__ == "__main__":
    run_app(app)
