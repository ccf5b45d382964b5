"""The profile that a demo makes or goes on with; the whole demo runs in `tests/syncnas/test_schemas.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.errors import StorageError
from profiler.request import PLAN_FILE
from report.demo import _profile, main


def test_a_file_in_the_folders_place_is_found_before_anything_is_built(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    place.write_text("mine")
    for out in (place, place / "inside"):
        with pytest.raises(StorageError, match="demo is no folder that may be written; name another with --out"):
            main(out)
    assert place.read_text() == "mine"


def test_a_demo_in_the_folder_of_another_goes_on_with_its_own_model(tmp_path: Path) -> None:
    first = _profile(tmp_path, "micro_v2")
    assert "--resume" not in first
    (tmp_path / PLAN_FILE).write_text("{}")
    second = _profile(tmp_path, "mobilenet_v2")
    assert second[second.index("--model") + 1] == "mobilenet_v2"
    assert {"--resume", "--quick"} <= set(second)
