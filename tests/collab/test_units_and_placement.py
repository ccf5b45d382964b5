from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ConfigError
from collab.placement import Placement, parse_placement
from collab.units import UnitSpec, format_cores, name_units, parse_cores, parse_unit

CORES = st.frozensets(st.integers(0, 40), min_size=1, max_size=8).map(lambda cores: tuple(sorted(cores)))
UNITS = st.one_of(
    st.builds(
        UnitSpec, st.just("cpu"), st.sampled_from(["litert", "classic"]), st.sampled_from(["fp32", "fp16"]), st.integers(1, 8), CORES
    ),
    st.builds(lambda name: UnitSpec("cpu", cluster=name), st.sampled_from(["big", "little", "0"])),
    st.builds(lambda driver: UnitSpec("gpu", driver=driver), st.sampled_from(["0", "1"])),
    st.builds(lambda name: UnitSpec("nnapi", engine="classic", accelerator=name), st.sampled_from(["qti-dsp", "google-edgetpu"])),
)


@given(UNITS)
def test_units_parse_back_from_their_canonical_form(unit: UnitSpec) -> None:
    assert parse_unit(unit.text) == unit


@given(CORES)
def test_cores_parse_back(cores: tuple[int, ...]) -> None:
    assert parse_cores(format_cores(cores)) == cores


def test_equal_units_are_equal_text_however_they_were_written() -> None:
    assert parse_unit("cpu:cores=5-6+4,threads=2").text == parse_unit("cpu:threads=2,cores=4-6").text
    assert parse_unit("cpu:threads=2,cores=4-7").text == "cpu:threads=2,cores=4-7,precision=fp32,engine=litert"
    assert parse_unit("nnapi").text == "nnapi:precision=fp32,engine=classic"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tpu",
        "cpu:cores=",
        "cpu:cores=7-4",
        "cpu:cores=a",
        "cpu:threads=0",
        "cpu:threads=x",
        "cpu:threads=1,threads=2",
        "cpu:speed=9",
        "cpu:cores=1,cluster=big",
        "gpu:cores=1",
        "nnapi:engine=litert",
        "cpu:engine=onnx",
        "cpu:precision=int4",
        "cpu:cores=99999",
        "gpu:driver=$(reboot)",
    ],
)
def test_units_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_unit(text)


def test_units_are_named_by_kind_and_number() -> None:
    specs = [parse_unit(text) for text in ("cpu:cores=0", "gpu", "cpu:cores=1")]
    assert list(name_units(specs)) == ["cpu0", "gpu0", "cpu1"]


def test_what_a_placement_leaves_out_takes_its_default() -> None:
    assert parse_placement("", branches=2) == Placement(("cpu0", "cpu1"), None, 0)
    assert parse_placement("1=gpu0,head=gpu0", branches=2) == Placement(("cpu0", "gpu0"), None, 1)
    assert parse_placement("stem=1", branches=3) == Placement(("cpu0", "cpu1", "cpu2"), 1, 0)


@given(
    units=st.permutations(["cpu0", "cpu1", "gpu0", "nnapi0"]), branches=st.integers(2, 4), stem=st.integers(-1, 1), head=st.integers(0, 1)
)
def test_placements_parse_back(units: list[str], branches: int, stem: int, head: int) -> None:
    placement = Placement(tuple(units[:branches]), None if stem < 0 else stem, head)
    assert parse_placement(placement.text, branches=branches) == placement


@pytest.mark.parametrize(
    "text",
    [
        "2=cpu2",
        "0=cpu1",
        "0=gpu",
        "0=cpu0;1=cpu1",
        "stem=2",
        "head=all",
        "head=",
        "0=cpu0,0=cpu2",
        "tail=0",
        "0=cpu0 1=cpu1",
        "²=cpu0",
    ],
)
def test_placements_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="placement"):
        parse_placement(text, branches=2)
