"""Latency tables of a device: schema, interpolation, and prediction by replaying a schedule.

`load` opens a folder of tables for people, as pandas DataFrames. The toolkit itself works on `lut.tables.load_tables`, whose rows are
typed and checked, and which needs no pandas.
"""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)

from typing import TYPE_CHECKING  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from lut.frames import Frames


def load(folder: "Path | str") -> "Frames":
    """Returns the tables of a folder, checked: ``.blocks`` and ``.transfers`` are DataFrames with typed columns, ``.meta`` is a `Meta`.

    Raises:
        TableError: see `lut.tables.load_tables`.
    """
    # Here, so that commands that only predict do not wait for pandas.
    from lut.frames import load_frames

    return load_frames(folder)
