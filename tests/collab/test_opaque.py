"""Keys of opaque blocks: written and read back, and refused where they claim what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.blocks import parse_any_key
from collab.errors import ConfigError
from collab.tensors.opaque import Opaque

IDENTITY = "0123456789abcdef" * 2
SIZES = st.integers(0, 1 << 40)
BLOCKS = st.builds(
    Opaque,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(0, 10**15),
    SIZES,
    SIZES,
    st.integers(1, 255),
    SIZES,
    st.integers(1, 255),
    SIZES,
)


@given(block=BLOCKS)
def test_a_key_is_read_back(block: Opaque) -> None:
    assert parse_any_key(block.key) == block
    assert len(block.key) <= 240, "it names the file of a model"


@pytest.mark.parametrize(
    "key",
    [
        f"opaque_{IDENTITY}_1-2-3_1x4_0x4",
        f"opaque_{IDENTITY}_1-2-3_1x4_256x4",
        f"opaque_{IDENTITY}_01-2-3_1x4_1x4",
        f"opaque_{IDENTITY}_9999999999999999-2-3_1x4_1x4",
        f"opaque_{IDENTITY}_1-9999999999999999-3_1x4_1x4",
        f"opaque_{IDENTITY[1:]}_1-2-3_1x4_1x4",
        f"opaque_{IDENTITY}_1-2-3_1x4_1x4\n",
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="is no block key"):
        parse_any_key(key)
