"""DataFrames of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def frame(rows: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """Returns rows, tuples in the order of the columns or dictionaries with them, as a DataFrame."""
    import pandas as pd

    made: pd.DataFrame = pd.DataFrame(list(rows), columns=list(columns))
    return made
