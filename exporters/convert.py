"""``python -m exporters.convert``: make a ``.tflite`` of a torch module, a Keras model or a SavedModel."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from collab.cli import FAILED, keeping, make_app, print_json, run_app
from collab.console import tell
from collab.errors import ExportError, NetworkError, StorageError
from collab.files import require_own, write_own, write_whole
from collab.networks.weights import Array
from collab.options import AsJson, flag, option, place
from collab.wording.commands import command_named
from exporters.doors.converted import Converted, differences
from exporters.tflite_graph import operator_names
from graph.comparing import compare
from graph.cuts import Cutter
from graph.document import check_document
from graph.format.source import Source
from graph.reading import network_of
from graph.slicing import slice_bytes

if TYPE_CHECKING:
    from exporters.doors.branches import Branches

_IDENTIFIER: Final = b"tfl3"
_BEFORE_IDENTIFIER: Final = 4
_WHAT: Final = "TFLite model"
_CHECK_GRAIN_US: Final = 1.0
_DOORS: Final = "give a Python file with get_model() and get_args(), a .keras or .h5 file, or the folder of a SavedModel"


def main(
    source: Annotated[Path, place("SOURCE", help="A Python file with get_model() and get_args(), a .keras or .h5 file, or a SavedModel.")],
    out: Annotated[Path, option(value="FILE", help="The .tflite to write.")],
    keep_layout: Annotated[
        bool, flag("--keep-layout", help="Leave a torch module's images as they are, channels first. Default: channels last.")
    ] = False,
    check: Annotated[bool, flag("--check", help="Cut the model into blocks as well, run them, and hold them against the whole.")] = False,
    json: AsJson = False,
) -> None:
    """Make a .tflite of a torch module, a Keras model or a SavedModel.

    What the model computes is held against its source before anything is written. The source is run: convert only what you trust.
    """
    _require_place(source, out)
    with keeping(f"{out} is as it was before."):
        if not json:
            tell(f"Converting {source}, which may take a minute.")
        converted, branches = _through_a_door(source, keep_layout=keep_layout)
        try:
            shares = differences(converted)
        except ExportError as error:
            raise ExportError(f"{source}: {error}") from error
        document = {**_document(source, out, converted, shares), **cut_document(converted.model, check=check), **branches}
        write_own(out, converted.model, begin=_IDENTIFIER, what=_WHAT, skipped=_BEFORE_IDENTIFIER)
    if json:
        print_json(document)
    else:
        _print(document)
    if check and not document.get("check", {}).get("equal", False):
        raise typer.Exit(FAILED)


def _require_place(source: Path, out: Path) -> None:
    """Refuses before the work what could not be written after it.

    Raises:
        ExportError: the source is not there, or nothing that can be converted.
        StorageError: the file to write has no folder, or something else is there.
    """
    if not source.exists():
        raise ExportError(f"{source} is not there; {_DOORS}")
    if out.suffix != ".tflite":
        raise ExportError(f"--out {out}: name a file that ends with .tflite")
    if not out.parent.is_dir():
        raise StorageError(f"{out.parent} is no folder; make it, or name another")
    require_own(out, begin=_IDENTIFIER, what=_WHAT, skipped=_BEFORE_IDENTIFIER)


def _through_a_door(source: Path, *, keep_layout: bool) -> tuple[Converted, dict[str, Any]]:
    from exporters.doors import modules, saved_models

    if source.is_dir():
        if not (source / "saved_model.pb").is_file():
            raise ExportError(f"{source} is a folder without saved_model.pb, and so no SavedModel; {_DOORS}")
        return saved_models.convert_saved_model(source), {}
    if source.suffix in (".keras", ".h5"):
        return saved_models.convert_keras(source), {}
    if source.suffix == ".py":
        converted, branches = modules.convert_file(source, keep_layout=keep_layout)
        return converted, {} if branches is None else {"branches": branches_document(branches)}
    raise ExportError(f"{source} is none of what can be converted; {_DOORS}")


def branches_document(branches: Branches) -> dict[str, Any]:
    """Describes the branches of a collaborative network, operators by their numbers in the file."""
    return {
        "stem": list(branches.stem),
        "stretches": [
            {
                "stages": list(stretch.stages),
                "branches": [list(operators) for operators in stretch.branches],
                "sync": list(stretch.sync),
                "given": stretch.given,
                "gives": stretch.gives,
            }
            for stretch in branches.stretches
        ],
        "head": list(branches.head),
    }


def _document(source: Path, out: Path, converted: Converted, shares: Mapping[str, float]) -> dict[str, Any]:
    names = operator_names(converted.model)
    return {
        "source": str(source),
        "computed_by": converted.source,
        "out": str(out),
        "bytes": len(converted.model),
        "operators": len(names),
        "transposes": names.count("TRANSPOSE"),
        "inputs": [_end(name, array, converted) for name, array in converted.inputs.items()],
        "outputs": [{**_end(name, array, converted), "difference": shares[name]} for name, array in converted.expected.items()],
    }


def _end(name: str, array: Array, converted: Converted) -> dict[str, Any]:
    return {"name": name, "shape": list(array.shape), "dtype": str(array.dtype), "turned": name in converted.turned}


def cut_document(model: bytes, *, check: bool) -> dict[str, Any]:
    """Reads a model as one of others, and tells whether it can be cut; with `check`, cuts it and runs the blocks."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "model.tflite"
        write_whole(whole, model)
        try:
            network = network_of(Source("the model", memoryview(model)))
            if not check:
                return {"cuttable": True}
            blocks = Cutter(network, grain_us=_CHECK_GRAIN_US).blocks()
            files = [Path(scratch) / f"{at}.tflite" for at in range(len(blocks))]
            for block, file in zip(blocks, files, strict=True):
                write_whole(file, slice_bytes(network, block))
            compared = check_document(network, compare(network, whole, blocks, files, Path(scratch)))
        except NetworkError as error:
            return {"cuttable": False, "reason": str(error)}
    return {"cuttable": True, "blocks": len(blocks), "check": dict(compared)}


def _print(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    from collab.console import print_titled, result_console

    title = f"{document['out']}: {document['operators']} operators, {document['bytes'] / 1024:.0f} KiB"
    table = Table()
    for column in ("", "name", "shape", "type", "layout", f"difference to {document['computed_by']}"):
        table.add_column(column, overflow="fold")
    for side in ("input", "output"):
        for end in document[f"{side}s"]:
            layout = "NHWC, the module's is NCHW" if end["turned"] else "the source's"
            share = f"{end['difference']:.1e} of its range" if "difference" in end else ""
            table.add_row(side, end["name"], "x".join(map(str, end["shape"])), end["dtype"], layout, share)
    console = result_console(wraps=True)
    print_titled(console, title, table)
    if "branches" in document:
        for stretch in document["branches"]["stretches"]:
            counts = " and ".join(str(len(operators)) for operators in stretch["branches"])
            console.print(f"Stages {', '.join(map(str, stretch['stages']))}: {counts} operators by branch, {len(stretch['sync'])} to meet.")
    if document["transposes"]:
        console.print(f"TRANSPOSE stands {document['transposes']} times in it, and takes time with the rest.")
    if not document["cuttable"]:
        console.print(f"It is whole and runs, but cannot be cut: {document['reason']}.")
    elif "check" in document:
        equal = "the same as the whole, to the bit" if document["check"]["equal"] else "not the same as the whole"
        console.print(f"Cut into {document['blocks']} blocks, it computes {equal}.")
    else:
        console.print(f"It can be cut: {command_named('cut', document['out'])}")


app = make_app(
    main,
    examples=(
        "syncnas convert net.py --out net.tflite --check",
        "syncnas convert classifier.keras --out classifier.tflite",
        "syncnas convert saved/ --out saved.tflite --json",
    ),
)

if __name__ == "__main__":
    run_app(app)
