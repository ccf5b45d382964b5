"""Tables of this project as others write theirs: which rows go out under which names, and which cannot.

What a block adds inside a segment goes out as its latency, as the sum over a network's blocks is taken for its latency there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from collab.blocks import AnyBlock, Block, Head, parse_any_key
from collab.errors import TableError
from collab.tensors.opaque import Opaque
from collab.wording.options import option_named
from lut.foreign.entries import LeftOut
from lut.foreign.layer_names import CHANNELS, RATIO, names_of
from lut.foreign.nn_meter import kernel_of
from lut.statistics import MAD_TO_SD
from lut.tables import BLOCKS_FILE, USABLE, BlockRow, Tables

PROXYLESSNAS: Final = "proxylessnas"
ONCE_FOR_ALL: Final = "once-for-all"
NN_METER: Final = "nn-meter"
CSV: Final = "csv"
PARQUET: Final = "parquet"
DIALECTS: Final[Mapping[str, str]] = {PROXYLESSNAS: RATIO, ONCE_FOR_ALL: CHANNELS}
FORMATS: Final = (PROXYLESSNAS, ONCE_FOR_ALL, NN_METER, CSV, PARQUET)
ONE_UNIT: Final = (PROXYLESSNAS, ONCE_FOR_ALL, NN_METER)
"""Formats whose files are of one unit, and of blocks alone."""


@dataclass(frozen=True)
class Exported:
    """A document in another's format, with an account of what of the tables is not in it."""

    document: Mapping[str, Any]
    rows: int
    left_out: tuple[LeftOut, ...]
    assumed: tuple[str, ...]

    @property
    def account(self) -> dict[str, Any]:
        return {"rows": self.rows, "left_out": [asdict(entry) for entry in self.left_out], "assumed": list(self.assumed)}


def usable_rows(tables: Tables, left_out: list[LeftOut]) -> list[tuple[BlockRow, float]]:
    """Returns the rows whose latency is known, each with what it adds to a segment, in microseconds."""
    found = []
    for row in tables.blocks:
        if row.status in USABLE and row.marginal_us is not None:
            found.append((row, row.marginal_us))
        else:
            left_out.append(LeftOut(f"{row.block} on {row.unit}", BLOCKS_FILE, row.reason or "what it adds to a segment is not known"))
    return found


def config_block(key: str) -> Block:
    """Returns the block of a config that a key stands for.

    Raises:
        TableError: it is a piece of another network, which formats of layers and kernels have no name for.
    """
    block: AnyBlock = parse_any_key(key)
    if isinstance(block, Opaque):
        raise TableError("it is a piece of a network that is no config, for which there is no layer or kernel there")
    return block


def unit_to_export(tables: Tables, unit: str) -> str:
    """Returns the unit whose rows go out: the one that is named, or the only one.

    Raises:
        TableError: the tables have no such unit, or several and none is named.
    """
    if unit in tables.meta.units:
        return unit
    names = ", ".join(tables.meta.units)
    if unit:
        raise TableError(f"the tables have no unit {unit[:60]!r}, only {names}")
    if len(tables.meta.units) > 1:
        raise TableError(f"a file of this format is of one unit; name it with {option_named('--unit', argument='unit')}, one of {names}")
    return next(iter(tables.meta.units))


def yaml_document(tables: Tables, *, unit: str, dialect: str, act: str) -> Exported:
    """Returns the mapping of layers that ProxylessNAS' and once-for-all's readers ask for: per name `mean` (ms) and `count`.

    Args:
        act: the activation of the rows that go out; empty where each layer has the same latency with all of them, or one alone.

    Raises:
        TableError: no row has a layer there, or two rows with different activations have one layer.
    """
    left_out: list[LeftOut] = []
    layers: dict[str, dict[str, Any]] = {}
    of: dict[str, tuple[str, float]] = {}
    split = False
    for row, us in usable_rows(tables, left_out):
        if row.unit != unit:
            continue
        try:
            block = config_block(row.block)
            if act and getattr(block, "act", act) != act:
                raise TableError(f"its activation is not {act}, as {option_named('--act')} has it")
            named = _shares(block, us, names_of(block, dialect=dialect))
        except TableError as error:
            left_out.append(LeftOut(row.block, BLOCKS_FILE, str(error)))
            continue
        taken = next((name for name, share_us in named.items() if name in of and of[name][1] != share_us), None)
        if taken is not None:
            other = of[taken][0]
            if row.block.rpartition("_")[0] == other.rpartition("_")[0]:
                raise TableError(
                    f"{row.block} and {other} are both {taken} there, with different latencies; choose one with {option_named('--act')}"
                )
            left_out.append(LeftOut(row.block, BLOCKS_FILE, f"its layer {taken} is also one of {other}, where it takes otherwise"))
            continue
        split = split or len(named) > 1
        for name, share_us in named.items():
            of[name] = (row.block, share_us)
            layers[name] = {"mean": share_us / 1e3} | ({"count": row.n} if row.n is not None else {})
    if not layers:
        raise TableError(f"no row of {unit} has a layer in this format{_first(left_out)}")
    assumed = ["a layer's latency is what its block adds to a segment: the cost of a call, copies and hand-overs have no place there"]
    if split:
        assumed.append("a head was measured as a whole; it is shared out to Conv_1 and Logits by their multiply-accumulates")
    return Exported(layers, len(layers), tuple(left_out), tuple(assumed))


def _shares(block: Block, us: float, names: tuple[str, ...]) -> dict[str, float]:
    """Returns each layer's share of a block's latency: all of it, or of a head by multiply-accumulates."""
    if not isinstance(block, Head):
        return dict.fromkeys(names, us)
    of_classifier = block.hidden_c * block.classes / block.macs
    mix, logits = names
    return {mix: us * (1 - of_classifier), logits: us * of_classifier}


def nn_meter_document(tables: Tables, *, unit: str) -> Exported:
    """Returns profiled kernels as nn-Meter has them: by kernel and number, configuration and latency (ms, mean and standard deviation).

    Raises:
        TableError: no row of the unit has a kernel.
    """
    left_out: list[LeftOut] = []
    kernels: dict[str, dict[str, Any]] = {}
    count = 0
    for row, us in usable_rows(tables, left_out):
        if row.unit != unit:
            continue
        try:
            block = config_block(row.block)
            kernel, config = kernel_of(block)
        except TableError as error:
            left_out.append(LeftOut(row.block, BLOCKS_FILE, str(error)))
            continue
        spread = f"{MAD_TO_SD * row.mad_us / 1e3!r}" if row.mad_us is not None else "nan"
        kernels.setdefault(kernel, {})[f"id_{count}"] = {
            "model": row.block,
            "shapes": [list(shape[1:]) for shape in block.in_shapes],
            "config": config,
            "latency": f"{us / 1e3!r} +- {spread}",
        }
        count += 1
    if not count:
        raise TableError(f"no row of {unit} is a kernel of nn-Meter{_first(left_out)}")
    assumed = (
        "a kernel's latency is the median of what its block adds to a segment, where nn-Meter has a mean",
        "its standard deviation is 1.4826 times the median absolute deviation, nan where that is not known",
    )
    return Exported(kernels, count, tuple(left_out), assumed)


def _first(left_out: list[LeftOut]) -> str:
    return f"; the first, {left_out[0].name}: {left_out[0].reason}" if left_out else ""
