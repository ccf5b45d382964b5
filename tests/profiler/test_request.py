from __future__ import annotations

import json
from pathlib import Path

from collab import config as configs
from profiler.plan import COARSE, plan_model
from profiler.request import PLAN_FILE, load_request
from tests.profiler.made_events import request


def test_requests_are_read_as_they_were_saved(tmp_path: Path) -> None:
    asked = request(plan_model(configs.load("mini_v2"), COARSE))
    asked.save(tmp_path)
    assert load_request(tmp_path) == asked


def test_requests_of_format_2_are_read_which_listed_some_of_their_blocks_again(tmp_path: Path) -> None:
    asked = request(plan_model(configs.load("mini_v2"), COARSE))
    asked.save(tmp_path)
    document = json.loads((tmp_path / PLAN_FILE).read_text())
    older = {**document, "format": 2, "probe": document["blocks"][:3], "partials": document["blocks"][2:5]}
    (tmp_path / PLAN_FILE).write_text(json.dumps(older))
    assert load_request(tmp_path) == asked
    load_request(tmp_path).save(tmp_path)
    assert json.loads((tmp_path / PLAN_FILE).read_text()) == document
