"""A resumed profile takes seed and grid from the profile before it. Only the requests are looked at; none is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from android_harness.targets.local import LocalTarget
from collab.errors import TableError
from collab.wording.options import writing_for_command_line
from profiler.effort import BUDGETED, FULL, QUICK
from profiler.plan import COARSE, plan_model
from profiler.profiling import ProfileOptions, profile_into
from profiler.progress import PhaseProgress
from profiler.request import Request
from tests.models import tiny

BLOCK: Final = "add_28_32x2"
UNITS: Final = ("cpu:cores=0", "cpu:cores=1")
OPTIONS: Final[Mapping[str, Any]] = {"blocks": (BLOCK,), "quick": True, "seed": 5, "wait": "condvar", "units": UNITS}


class Asked(Exception):  # noqa: N818
    """The request of a profile that is about to be measured."""

    def __init__(self, request: Request) -> None:
        super().__init__("asked")
        self.request = request


def request_of(device: LocalTarget, out: Path, **options: Any) -> Request:
    """Returns what a profile would measure."""

    @contextmanager
    def observed(request: Request) -> Iterator[PhaseProgress]:
        raise Asked(request)
        yield

    with pytest.raises(Asked) as asked:
        profile_into(out, ProfileOptions(**options), "local", lambda _: nullcontext(device), observed, notice=lambda _: None)
    return asked.value.request


@pytest.fixture(name="begun")
def profile_that_was_begun(device: LocalTarget, tmp_path: Path) -> Path:
    """A profile's folder, as it is once its plan is kept."""
    out = tmp_path / "begun"
    request_of(device, out, **OPTIONS).save(out)
    return out


def test_the_folder_tells_all_that_a_profile_was_begun_with(device: LocalTarget, begun: Path) -> None:
    gone_on = request_of(device, begun, resume=True)
    assert [block.key for block in gone_on.plan.blocks] == [BLOCK]
    assert (gone_on.effort, gone_on.seed, gone_on.handover.wait, gone_on.budget_s) == (QUICK, 5, "condvar", None)
    assert [unit.text for unit in gone_on.units.values()] == [
        "cpu:threads=1,cores=0,precision=fp32,engine=litert",
        "cpu:threads=1,cores=1,precision=fp32,engine=litert",
    ]


def test_the_options_that_it_was_begun_with_may_be_given_again(device: LocalTarget, begun: Path) -> None:
    again = request_of(
        device, begun, resume=True, blocks=(BLOCK,), quick=True, seed=5, wait="condvar", units=("cpu:cores=0", "cpu:cores=1")
    )
    assert again == request_of(device, begun, resume=True)


def test_models_are_added_on_the_grid_that_it_was_begun_with(device: LocalTarget, begun: Path, tmp_path: Path) -> None:
    model = tmp_path / "tiny.json"
    model.write_text(tiny().to_json())
    added = request_of(device, begun, resume=True, models=(str(model),))
    assert set(added.plan.blocks[1:]) == set(plan_model(tiny(), COARSE).blocks)


def test_a_seed_that_differs_is_named(device: LocalTarget, begun: Path) -> None:
    with (
        writing_for_command_line(),
        pytest.raises(TableError, match=r"was measured with --seed 5, not 0; leave it out, or use another"),
    ):
        request_of(device, begun, resume=True, seed=0)
    with pytest.raises(TableError, match=r"was measured with seed=5, not 0"):
        request_of(device, begun, resume=True, seed=0)


def test_a_full_profile_takes_no_quick_one(device: LocalTarget, begun: Path) -> None:
    replace(request_of(device, begun, resume=True), effort=FULL).save(begun)
    assert request_of(device, begun, resume=True).effort == FULL
    with writing_for_command_line(), pytest.raises(TableError, match=r"was measured without --quick; leave it out, or use another --out"):
        request_of(device, begun, resume=True, quick=True)


def test_time_may_be_added(device: LocalTarget, begun: Path) -> None:
    replace(request_of(device, begun, resume=True), effort=BUDGETED, budget_s=30).save(begun)
    assert request_of(device, begun, resume=True).budget_s == 30
    assert request_of(device, begun, resume=True, budget_s=60).budget_s == 60
