"""The panel of hand-overs, of tables that lack what measured ones have."""

from __future__ import annotations

from pathlib import Path

from collab.units import name_units, parse_unit
from lut.foreign.reading import read_source
from lut.prediction.costs import Costs
from report.data.sources import Profile
from report.panels.handovers import section
from tests.lut.foreign.made_sources import imported, write


def test_numbers_of_samples_that_a_source_does_not_say_are_left_empty(tmp_path: Path) -> None:
    blocks = write(tmp_path, "block,unit,latency_us\nadd_8_4x2,cpu0,1\n", "blocks.csv")
    handovers = write(tmp_path, "from,to,bytes,copy_out_us,wakeup_us,copy_in_us\ncpu0,gpu0,4096,1,2,3\n", "handovers.csv")
    units = name_units([parse_unit("cpu:threads=1"), parse_unit("gpu")])
    tables = imported(read_source(blocks), read_source(handovers), units=units).tables
    drawn = section([Profile(tmp_path, tables, Costs(tables, source="lut"))], "lut").drawing.html
    assert "<td>4,096</td>" in drawn
    assert "None" not in drawn
