"""Units: texts that parse back, and those that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ConfigError
from collab.units import UnitSpec, format_cores, name_units, parse_cores, parse_unit, shared_cores

CORES = st.frozensets(st.integers(0, 40), min_size=1, max_size=8).map(lambda cores: tuple(sorted(cores)))
UNITS = st.one_of(
    st.builds(
        UnitSpec, st.just("cpu"), st.sampled_from(["litert", "classic"]), st.sampled_from(["fp32", "fp16"]), st.integers(1, 8), CORES
    ),
    st.builds(lambda name: UnitSpec("cpu", cluster=name), st.sampled_from(["big", "little", "0"])),
    st.builds(lambda driver: UnitSpec("gpu", driver=driver), st.sampled_from(["0", "1"])),
    st.builds(lambda backend: UnitSpec("gpu", backend=backend), st.sampled_from(["opencl", "opengl", "webgpu"])),
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
        "gpu:backend=metal",
        "cpu:backend=opencl",
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


def test_units_share_the_cores_that_both_may_run_on() -> None:
    def shared(one: str, other: str) -> set[int]:
        return shared_cores(parse_unit(one), parse_unit(other))

    assert shared("cpu:threads=2,cores=0-2", "cpu:cores=2+5") == {2}
    assert shared("cpu:cores=0", "cpu:cores=1") == set()
    assert shared("cpu:cores=0", "gpu") == shared("cpu", "cpu") == set()


def test_units_are_named_by_kind_and_number() -> None:
    specs = [parse_unit(text) for text in ("cpu:cores=0", "gpu", "cpu:cores=1")]
    assert list(name_units(specs)) == ["cpu0", "gpu0", "cpu1"]
