"""Tables of this project as plain sheets: one of blocks, one of hand-overs, under the names of columns that importing reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from collab.blocks import AnyBlock, parse_any_key
from collab.errors import TableError
from collab.files import write_whole, writing
from lut.foreign.entries import LeftOut
from lut.foreign.exporting import CSV, Exported, usable_rows
from lut.foreign.sheets import require_parquet
from lut.tables import HANDOVERS_FILE, USABLE, HandoverRow, Tables

BLOCKS: Final = "blocks"
HANDOVERS: Final = "handovers"
_EXTENTS: Final = ("in_size", "kernel", "stride", "in_c", "exp_c", "hidden_c", "out_c", "classes", "act", "size", "channels")
"""Parts of a block that have columns of their own, where it has them."""


def sheets(tables: Tables) -> Exported:
    """Returns both sheets, by name, each a list of rows that all have the same columns.

    Latencies of blocks are what they add to a segment (`latency_us`); what they take alone has other names (`alone_median_us` ...).

    Raises:
        TableError: no row can be used.
    """
    left_out: list[LeftOut] = []
    blocks = [
        {
            "unit": row.unit,
            "block": row.block,
            "latency_us": us,
            "n": row.n,
            "visits": row.visits,
            "alone_median_us": row.median_us,
            "alone_median_se_us": row.median_se_us,
            "alone_p95_us": row.p95_us,
            "alone_mad_us": row.mad_us,
            "write_us": row.write_us,
            "read_us": row.read_us,
            "engine": row.engine,
            "runtime": row.runtime,
            "status": row.status,
            **_parts(parse_any_key(row.block)),
        }
        for row, us in usable_rows(tables, left_out)
    ]
    handovers = [row for entry in tables.transfers if (row := _handover(entry, left_out)) is not None]
    if not blocks:
        raise TableError("no row of the tables can be used" + (f"; the first: {left_out[0].reason}" if left_out else ""))
    assumed = ("latency_us of a block is what it adds to a segment, without the cost of a call",)
    return Exported({BLOCKS: blocks, HANDOVERS: handovers}, len(blocks) + len(handovers), tuple(left_out), assumed)


def _parts(block: AnyBlock) -> dict[str, Any]:
    shares = getattr(block, "shares", ())
    return {
        "kind": type(block).__name__.lower(),
        **{name: getattr(block, name, None) for name in _EXTENTS},
        "branches": getattr(block, "branches", None),
        "shares": "+".join(map(str, shares)),
        "macs": block.macs,
    }


def _handover(row: HandoverRow, left_out: list[LeftOut]) -> dict[str, Any] | None:
    costs = (row.read_us, row.wakeup_us, row.write_us)
    if row.status not in USABLE or None in costs:
        reason = row.reason or "a part of it is not known"
        left_out.append(LeftOut(f"{row.bytes} bytes from {row.from_unit} to {row.to_unit}", HANDOVERS_FILE, reason))
        return None
    return {
        "from": row.from_unit,
        "to": row.to_unit,
        "bytes": row.bytes,
        "copy_out_us": row.read_us,
        "wakeup_us": row.wakeup_us,
        "copy_in_us": row.write_us,
        "n": row.n,
        "path": row.path,
        "wait": row.wait,
        "pacing": row.pacing,
        "shape": row.shape,
        "visits": row.visits,
        "claim_us": row.claim_us,
    }


def write_sheets(exported: Exported, folder: Path, form: str, meta: Mapping[str, str]) -> list[Path]:
    """Writes both sheets as CSV or Parquet, and returns their files; there is none of hand-overs without any.

    Args:
        meta: the words that a Parquet file carries along, by key.

    Raises:
        TableError: Parquet takes a library that is not installed.
        StorageError: a file cannot be written.
    """
    write = _as_csv if form == CSV else _as_parquet
    contents = {folder / f"{name}.{form}": write(rows, meta) for name, rows in exported.document.items() if rows}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        write_whole(path, content)
    return list(contents)


def _as_csv(rows: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _as_parquet(rows: Sequence[Mapping[str, Any]], meta: Mapping[str, str]) -> bytes:
    parquet = require_parquet()
    import pyarrow

    table = pyarrow.Table.from_pylist([dict(row) for row in rows]).replace_schema_metadata(dict(meta))
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()
