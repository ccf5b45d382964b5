from __future__ import annotations

from collab import config as configs
from profiler.plan import COARSE, plan_model
from profiler.request import load_request
from tests.profiler.made_events import request


def test_requests_are_read_as_they_were_saved(tmp_path) -> None:  # type: ignore[no-untyped-def]
    asked = request(plan_model(configs.load("mini_v2"), COARSE))
    asked.save(tmp_path)
    assert load_request(tmp_path) == asked
