from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.blocks import Add, Block, Concat, Head, MBConv, Stem, conv_out_size, parse_key
from collab.errors import ConfigError

SIZES = st.integers(1, 512)
CHANNELS = st.integers(1, 4096)
KERNELS = st.sampled_from([1, 3, 5, 7])
STRIDES = st.integers(1, 3)
ACTS = st.sampled_from(["relu", "relu6"])

BLOCKS = st.one_of(
    st.builds(Stem, SIZES, KERNELS, STRIDES, CHANNELS, CHANNELS, ACTS),
    st.builds(MBConv, SIZES, KERNELS, STRIDES, CHANNELS, CHANNELS, CHANNELS, ACTS),
    st.builds(Head, SIZES, KERNELS, STRIDES, CHANNELS, CHANNELS, CHANNELS, ACTS),
    st.builds(Add, SIZES, CHANNELS, st.integers(2, 5)),
    st.builds(Concat, SIZES, st.lists(CHANNELS, min_size=2, max_size=5).map(tuple)),
)


@given(BLOCKS)
def test_every_key_parses_back(block: Block) -> None:
    assert parse_key(block.key) == block


@given(st.text(max_size=60))
def test_any_other_text_is_refused_or_canonical(text: str) -> None:
    try:
        block = parse_key(text)
    except ConfigError:
        return
    assert block.key == text


@pytest.mark.parametrize(
    "key",
    [
        "",
        "mbconv",
        "mbconv_28_k3s1_32-192-32_swish",
        "mbconv_028_k3s1_32-192-32_relu6",
        "mbconv_28_k4s1_32-192-32_relu6",
        "mbconv_28_k3s1_32-0-32_relu6",
        "add_28_32x1",
        "concat_28_16",
        "concat_28_16+0",
        "concat_28_16+016",
        "stem_224_k3s2_3-999999_relu",
        "mbconv_28_k3s1_32-192-32_relu6\n",
        "mbconv_28_k3s1_32-192-32_relu6 ",
        "add_२८_32x2",
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError):
        parse_key(key)


def test_macs_and_params_of_a_block_by_hand() -> None:
    block = MBConv(28, 3, 2, 32, 192, 64, "relu6")
    assert block.out_size == 14
    assert block.macs == 28 * 28 * 32 * 192 + 14 * 14 * 192 * 9 + 14 * 14 * 192 * 64
    assert block.params == (32 * 192 + 2 * 192) + (9 * 192 + 2 * 192) + (192 * 64 + 2 * 64)


def test_macs_of_mobilenet_v2_are_those_of_its_paper() -> None:
    # Sandler et al. 2018, table 4: 300 M multiply-adds, 3.4 M parameters.
    model = configs.load("mobilenet_v2")
    assert model.macs == pytest.approx(300e6, rel=0.01)
    assert model.params == pytest.approx(3.4e6, rel=0.04)


@given(size=SIZES, kernel=KERNELS, stride=STRIDES)
def test_output_size_is_the_number_of_places_of_the_kernel(size: int, kernel: int, stride: int) -> None:
    padded = size + 2 * (kernel // 2)
    assert conv_out_size(size, kernel=kernel, stride=stride) == len(range(0, padded - kernel + 1, stride))
