"""NNAPI: deprecated from Android 15 on, and nowhere else."""

from __future__ import annotations

import pytest

from android_harness.device.info import DeviceInfo
from android_harness.device.nnapi import NNAPI_ADVICE, NNAPI_DEPRECATED, nnapi_is_deprecated
from android_harness.device.state import parse_state
from tests.android_harness.device.made_states import PHONE


@pytest.mark.parametrize(("api_level", "deprecated"), [(None, False), (27, False), (34, False), (35, True), (36, True)])
def test_android_15_is_the_first_that_deprecates_it(api_level: int | None, deprecated: bool) -> None:
    assert nnapi_is_deprecated(DeviceInfo("S1", {}, (), api_level=api_level)) is deprecated


@pytest.mark.parametrize(("sdk", "deprecated"), [("34", False), ("35", True), ("", False), ("VanillaIceCream", False)])
def test_a_phone_s_own_words_decide(sdk: str, deprecated: bool) -> None:
    assert nnapi_is_deprecated(parse_state("S1", PHONE.replace("sdk=35", f"sdk={sdk}")).info) is deprecated


def test_the_sentences_name_the_version_and_what_to_do_meanwhile() -> None:
    assert "Android 15" in NNAPI_DEPRECATED
    assert "CPU and GPU" in NNAPI_ADVICE
