"""Names of layers in others' tables, read as blocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.blocks import MBConv, Stem, parse_key
from collab.errors import TableError
from lut.foreign.layer_names import CHANNELS, RATIO, FeatureMix, Logits, dialect, names_of, read_name
from tests.lut.foreign.made_sources import PIECES, V3_BLOCK, layer_name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{V3_BLOCK}-se:1-hs:0", "squeeze-and-excitation"),
        (f"{V3_BLOCK}-se:0-hs:1", "h-swish"),
        ("expanded_conv-input:7x7x96-output:7x7x96-expand:6-kernel:3-stride:1-idskip:0", "without a residual"),
        ("expanded_conv-input:7x7x96-output:7x7x192-expand:6-kernel:3-stride:1-idskip:1", "with a residual"),
        ("expanded_conv-input:7x7x96-output:7x7x192-expand:6-kernel:3-stride:1-idskip:2", "idskip"),
        ("expanded_conv-input:28x28x96-output:7x7x96-expand:6-kernel:3-stride:2-idskip:0", "does not follow"),
        ("expanded_conv-input:28x14x96-output:14x7x96-expand:6-kernel:3-stride:2-idskip:0", "not square"),
        ("expanded_conv-input:96x28-output:14x14x96-expand:6-kernel:3-stride:2-idskip:0", "height x width x channels"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:1.5-kernel:3-stride:2-idskip:0", "not whole"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:6-kernel:4-stride:2-idskip:0", "such a kernel"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:6-kernel:3-stride:2", "this one does not"),
        ("expanded_conv-input:28x28x96-output:14x14x96-expand:6-expand:6-kernel:3-stride:2-idskip:0", "this one does not"),
        ("expanded_conv-input:28x28x96000-output:14x14x96-expand:6-kernel:3-stride:2-idskip:0", "so many channels"),
        ("Conv-input:224x224x3-output:224x224x32", "stride 2"),
        ("Conv-input:224x224x3-output:112x112x32-hs:1", "more than its shapes"),
        ("Conv_1-input:7x7x320-output:4x4x1280", "1x1 convolution"),
        ("AvgPool2D-input:7x7x960-output:1x1x960", "AvgPool2D"),
        ("Logits-input:7x7x1280-output:1x1000", "not whole"),
        ("mbconv_28_k4s1_8-8-8_relu6", "neither"),
        ("concat_7_" + "9" * 5000 + "+1", "neither"),
        ("", "neither"),
    ],
)
def test_what_is_no_block_here_says_why(name: str, reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        read_name(name, dialect=RATIO, act="relu6")


def test_mobilenet_v3_counts_channels_and_has_no_stem_or_head_here() -> None:
    assert dialect([V3_BLOCK]) == RATIO
    assert dialect([f"{V3_BLOCK}-se:0-hs:0"]) == CHANNELS
    assert read_name(f"{V3_BLOCK}-se:0-hs:0", dialect=CHANNELS, act="relu") == parse_key("mbconv_56_k5s2_24-72-40_relu")
    assert read_name(f"{V3_BLOCK}-se:0-hs:0", dialect=CHANNELS, act="relu6") == parse_key("mbconv_56_k5s2_24-72-40_relu6")
    for layer in ("Conv-input:224x224x3-output:112x112x16", "Conv_1-input:7x7x160-output:7x7x960", "Logits-input:1x1x1280-output:1000"):
        with pytest.raises(TableError, match="h-swish"):
            read_name(layer, dialect=CHANNELS, act="relu")


CHANNELS_OF = st.integers(1, 2000)


@given(
    block=st.builds(
        lambda size, kernel, stride, in_c, ratio, out_c: MBConv(size, 2 * kernel + 1, stride, in_c, in_c * ratio, out_c, "relu6"),
        st.integers(1, 512),
        st.integers(0, 5),
        st.integers(1, 4),
        CHANNELS_OF,
        st.integers(1, 10),
        CHANNELS_OF,
    )
)
def test_any_mbconv_is_read_back_from_its_layer(block: MBConv) -> None:
    assert read_name(layer_name(block), dialect=RATIO, act="relu6") == block
    assert read_name(block.key, dialect=CHANNELS, act="relu") == block


@given(size=st.integers(1, 1024), in_c=CHANNELS_OF, out_c=CHANNELS_OF, act=st.sampled_from(["relu", "relu6"]))
def test_any_stem_and_both_parts_of_a_head_are_read_back(size: int, in_c: int, out_c: int, act: str) -> None:
    stem = Stem(size, 3, 2, in_c, out_c, act)
    assert read_name(layer_name(stem), dialect=RATIO, act=act) == stem
    mix = f"Conv_1-input:{size}x{size}x{in_c}-output:{size}x{size}x{out_c}"
    assert read_name(mix, dialect=RATIO, act=act) == FeatureMix(size, in_c, out_c)
    assert read_name(f"Logits-input:{size}x{size}x{in_c}-output:{out_c}", dialect=RATIO, act=act) == Logits(size, in_c, out_c)


@given(
    block=st.builds(
        lambda size, kernel, stride, channels, act: MBConv(size, 2 * kernel + 1, stride, *channels, act),
        st.integers(1, 512),
        st.integers(0, 5),
        st.integers(1, 4),
        st.tuples(CHANNELS_OF, CHANNELS_OF, CHANNELS_OF),
        st.sampled_from(["relu", "relu6"]),
    ),
    of=st.sampled_from([RATIO, CHANNELS]),
)
def test_names_of_blocks_are_read_back(block: MBConv, of: str) -> None:
    try:
        [name] = names_of(block, dialect=of)
    except TableError:
        assert of == RATIO
        assert block.exp_c % block.in_c
        return
    assert read_name(name, dialect=of, act=block.act) == block


GARBAGE = st.one_of(st.text(), st.lists(PIECES, max_size=14).map("".join))


@given(name=GARBAGE, of=st.sampled_from([RATIO, CHANNELS]))
@settings(max_examples=400)
def test_no_name_gives_anything_but_a_part_or_a_reason(name: str, of: str) -> None:
    try:
        read_name(name, dialect=of, act="relu")
    except TableError as error:
        assert "\n" not in str(error)
