"""Hand-overs that others published, from a CSV to the prediction of a model on two units."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab import config as configs
from collab.errors import MissingEntryError, TableError
from collab.placement import parse_placement
from collab.units import name_units, parse_unit
from collab.variants import collaborative
from lut.foreign.handover_sheets import read_handovers
from lut.foreign.importing import Imported
from lut.foreign.reading import read_source
from lut.foreign.sheets import csv_sheet
from lut.prediction.costs import Costs
from lut.prediction.model_latency import Prediction, predict
from lut.tables import load_tables, save
from tests.lut.foreign.made_sources import imported, reasons, write

UNITS = name_units([parse_unit("cpu:threads=1"), parse_unit("gpu")])
HEADER = "from,to,bytes,copy_out_us,wakeup_us,copy_in_us"
PUBLISHED = f"{HEADER}\ncpu0,gpu0,4,0,20,300\ncpu0,gpu0,4000000,0,20,1300\ngpu0,cpu0,4,300,70,0\ngpu0,cpu0,4000000,1300,70,0\n"
TWO = collaborative(configs.load("mini_v2"), "naannna")


def blocks_of_two(folder: Path) -> Path:
    """A CSV with all blocks of both units but those of syncs."""
    keys = dict.fromkeys(block.key for block in (TWO.stem, *TWO.blocks, TWO.head))
    lines = [f"{key},{unit},{us}" for key in keys for unit, us in (("cpu0", 100), ("gpu0", 50))]
    return write(folder, "block,unit,latency_us\n" + "\n".join(lines), "blocks.csv")


def tables_of(folder: Path, handovers: str = PUBLISHED) -> Imported:
    return imported(read_source(blocks_of_two(folder)), read_source(write(folder, handovers, "handovers.csv")), units=UNITS)


def predicted(folder: Path, handovers: str = PUBLISHED) -> Prediction:
    save(tables_of(folder, handovers).tables, folder / "lut")
    costs = Costs(load_tables(folder / "lut"), source="lut")
    return predict(TWO, parse_placement("0=cpu0,1=gpu0,stem=0,head=0", branches=2), costs)


def test_blocks_and_hand_overs_of_others_together_predict_a_model_on_two_units(tmp_path: Path) -> None:
    found = predicted(tmp_path)
    assert {step.unit for step in found.steps} == {"cpu0", "gpu0"}
    assert {step.step for step in found.steps} >= {"run", "wait", "read", "write"}
    dearer = predicted(tmp_path, PUBLISHED.replace(",20,", ",520,").replace(",70,", ",570,"))
    assert dearer.total_us > found.total_us + 499, "each sync waits for a wake-up"
    size_bytes = 4 * 1_000_000 // 2 + 2
    cost = Costs(load_tables(tmp_path / "lut"), source="lut").handover("cpu0", "gpu0", size_bytes)
    assert (cost.path, cost.read_us, cost.wakeup_us, cost.write_us) == ("upload", 0.0, 520.0, pytest.approx(800.0))


def test_what_is_lacking_is_named_and_what_is_there_is_not(tmp_path: Path) -> None:
    meta = tables_of(tmp_path).tables.meta
    assert "hand-overs between units" not in meta.lacks
    assert {"how much units slow each other down", "additions and concatenations of syncs"} <= set(meta.lacks)
    assert {pair: found.path for pair, found in meta.paths.items()} == {"cpu0>gpu0": "upload", "gpu0>cpu0": "readback"}
    assert "hand-overs between units" in imported(read_source(blocks_of_two(tmp_path)), units=UNITS).tables.meta.lacks


def test_a_direction_that_nobody_published_says_so(tmp_path: Path) -> None:
    one_way = "\n".join(line for line in PUBLISHED.splitlines() if not line.startswith("gpu0"))
    with pytest.raises(MissingEntryError, match="from gpu0 to cpu0"):
        predicted(tmp_path, one_way)


def test_rows_that_are_no_hand_overs_are_named(tmp_path: Path) -> None:
    rows = ["cpu0,gpu0,4,0,20,300", "cpu0,gpu0,8,0,20,300", "cpu0,gpu0,8,0,21,300", "cpu0,cpu0,4,0,1,1", "cpu0,npu0,4,0,1,1"]
    rows += ["cpu0,gpu0,4,0,-1,1", "cpu0,gpu0,0,0,1,1", "cpu0,gpu0,4,0,0,0", ",gpu0,4,0,1,1", "cpu0,gpu0,4"]
    result = tables_of(tmp_path, "\n".join([HEADER, *rows]))
    assert [row.bytes for row in result.tables.transfers] == [4]
    said = " ".join(reasons(result).values())
    assert len(result.left_out) == 9
    for reason in ("several costs", "both ends", "none of cpu0, gpu0", "nothing of it costs"):
        assert reason in said or any(reason in entry.reason for entry in result.left_out)


@pytest.mark.parametrize(
    ("column", "said"),
    [("wait", "spin"), ("pacing", "hot"), ("path", "memcpy")],
)
def test_what_a_row_leaves_open_is_no_second_hand_over_beside_one_that_says_it(column: str, said: str, tmp_path: Path) -> None:
    rows = ["cpu0,gpu0,4,1,2,3,", f"cpu0,gpu0,4,1,2,4,{said}", "cpu0,gpu0,8,1,2,3,"]
    result = tables_of(tmp_path, "\n".join([f"{HEADER},{column}", *rows]))
    save(result.tables, tmp_path / "lut")
    assert [row.bytes for row in load_tables(tmp_path / "lut").transfers] == [8]
    assert sum("several costs" in entry.reason for entry in result.left_out) == 2


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("from,to,bytes,copy_out_us,wakeup_us", "no column copy_in_us"),
        ("from,to,bytes,copy_out,wakeup_us,copy_in_us", "does not say its unit of time"),
        (f"{HEADER},copy_in_ms", "same thing twice"),
        (f"{HEADER},to", "two columns are named to"),
    ],
)
def test_headers_that_leave_something_open_are_refused(header: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=reason):
        read_source(write(tmp_path, f"{header}\n", "handovers.csv"))


CELL = st.sampled_from(["cpu0", "gpu0", "4", "1e9", "-1", "nan", "", "x", "0", "spin", "9" * 30])


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(CELL, min_size=1, max_size=8), max_size=6))
def test_whatever_cells_hold_comes_out_as_a_hand_over_or_a_reason(rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    text = "\n".join([HEADER, *(",".join(row) for row in rows)])
    source = read_handovers(csv_sheet(write(tmp_path_factory.mktemp("sheet"), text, "h.csv")))
    assert len(source.handovers) + len(source.left_out) <= len(rows)
    assert all(entry.bytes > 0 and entry.copy_out_us + entry.wakeup_us + entry.copy_in_us > 0 for entry in source.handovers)
