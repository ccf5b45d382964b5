"""Files of others' tables, whatever is in them, and the numbers of their entries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.errors import TableError
from lut.foreign.plain_csv import read_csv
from lut.foreign.yaml_tables import read_yaml
from tests.lut.foreign.made_sources import PIECES, write


@given(
    text=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.one_of(PIECES, st.sampled_from(["\n", ": ", "mean: ", "{", "}", "[", "&a ", "*a", "!!x ", "'", "? ", "- ", "---\n"])),
            max_size=30,
        ).map(lambda parts: "".join(parts).encode()),
    )
)
@settings(max_examples=400)
def test_no_file_gives_anything_but_a_source_or_a_reason(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, read in (("any.yaml", read_yaml), ("any.csv", read_csv)):
        try:
            source = read(write(folder, text, name))
        except TableError as error:
            assert "\n" not in str(error)
        else:
            assert all(entry.name.isprintable() for entry in (*source.entries, *source.left_out))
