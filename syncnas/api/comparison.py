"""Two folders of tables, held against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, load_tables, rows_of
from syncnas.api.values import require

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from report.comparing.comparison import Comparison as Compared


@dataclass(frozen=True, repr=False)
class Comparison:
    """Differences between two folders of tables, and which differences are more than chance.

    Attributes:
        differences: sentences on what their origins differ in: device, runtime, settings.
        margin: the difference, as a fraction, up to which they count as alike.
        only_first: rows that only the first has.
        only_second: rows that only the second has.
    """

    differences: tuple[str, ...]
    margin: float
    only_first: int
    only_second: int
    _compared: Compared = field(repr=False)

    def is_slower(self, *, by: float = 0.0) -> bool:
        """Tells whether a row, or a unit as a whole, is proven to be slower in the second tables by more than this fraction."""
        return self._compared.exceeds(by)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per cost that both have.

        Columns: ``what``, ``unit``, ``name``, ``first_us``, ``first_se_us``, ``second_us``, ``second_se_us``, ``ratio`` of the second to
        the first, ``p``, and ``proven``: whether the difference is more than chance and the margin.
        """
        rows = [
            (p.what, p.unit, p.name, p.first.us, p.first.se_us, p.second.us, p.second.se_us, row.ratio, row.p, row.is_proven)
            for row in self._compared.rows
            for p in (row.pair,)
        ]
        columns = ["what", "unit", "name", "first_us", "first_se_us", "second_us", "second_se_us", "ratio", "p", "proven"]
        return frame(rows, columns)

    def units(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per unit and kind of cost: the mean ``ratio``, its interval of 95 %, and rows proven to differ."""
        rows = [(c.what, c.unit, c.rows, c.ratio, *(c.interval or (math.nan, math.nan)), c.slower, c.faster) for c in self._compared.wholes]
        return frame(rows, ["what", "unit", "rows", "ratio", "ratio_low", "ratio_high", "slower", "faster"])

    def plot(self) -> go.Figure:
        """Draws the second tables' costs against the first's, a colour for each unit; on the line they are equal."""
        from syncnas.api.showing.plots import points

        groups: dict[str, list[tuple[float, float, str]]] = {}
        pairs = [row.pair for row in self._compared.rows]
        for pair in pairs:
            groups.setdefault(pair.unit, []).append((pair.first.us, pair.second.us, f"{pair.what} {pair.name}"))
        costs = [pair.first.us for pair in pairs]
        ends = [(end, end) for end in (min(costs), max(costs))]
        return points("Costs of both tables", groups, x="first, us", y="second, us", log=True, line=ends, line_name="equal")

    def __repr__(self) -> str:
        proven = sum(row.is_proven for row in self._compared.rows)
        return f"Comparison({len(self._compared.rows)} rows, {proven} proven to differ by more than {100 * self.margin:g} %)"

    def _repr_html_(self) -> str:
        rows = [
            (
                c.unit,
                c.what,
                c.rows,
                c.ratio,
                "" if c.interval is None else f"{c.interval[0]:.3f} to {c.interval[1]:.3f}",
                c.slower,
                c.faster,
            )
            for c in self._compared.wholes
        ]
        columns = ("unit", "what", "rows", "second / first", "interval of 95 %", "slower", "faster")
        facts = {
            "margin": f"{100 * self.margin:g} %",
            "not compared": f"{self.only_first} rows of the first alone, {self.only_second} of the second",
        }
        return html.card("Comparison of tables", facts, html.table(columns, rows), notes=self.differences)


def compare(first: Tables | Path | str, second: Tables | Path | str, *, margin: float = 0.02) -> Comparison:
    """Says where two tables differ, unit by unit and row by row, and which differences are more than chance.

    Args:
        first: tables, or their folder.
        second: those that may be slower or faster.
        margin: difference, as a fraction, up to which they count as alike: what another day brings by itself.

    Raises:
        TableError: one of them cannot be loaded, or they have no row in common.
        ConfigError: the margin is no fraction from 0 to 10.

    Examples:
        >>> comparison = syncnas.compare("luts/local", "luts/local")
        >>> comparison.is_slower()
        False
    """
    from report.comparing.tables_side import compare_tables

    require(0, 10, margin=margin)
    found = compare_tables(rows_of(load_tables(first)), rows_of(load_tables(second)), margin=margin)
    return Comparison(found.differences, found.margin, found.only_first, found.only_second, found)
