"""Verifications, out of files that may be anybody's."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from collab.errors import TableError
from report.data.runs import measured_run
from report.data.verification import read_verification

VERIFIED = Path(__file__).parents[3] / "docs" / "pictures" / "timeline" / "verified.json"


def test_steps_without_a_begin_follow_each_other(tmp_path: Path) -> None:
    """Earlier versions did not print when steps begin."""
    document = json.loads(VERIFIED.read_text())
    for step in document["steps"]:
        del step["measured_begin_us"], step["predicted_begin_us"]
    (tmp_path / "verify.json").write_text(json.dumps(document))
    found = read_verification(tmp_path / "verify.json")
    assert found.measured.median == document["measured_us"]["median"]
    run = measured_run(found.measured.median, found.steps, {})
    assert run.units == ("cpu0", "cpu1")
    for unit in run.units:
        own = [activity for activity in run.activities if activity.unit == unit]
        assert [activity.begin_us for activity in own[1:]] == pytest.approx([activity.end_us for activity in own[:-1]])
        assert [activity.took_us for activity in own] == [step["measured_us"] for step in document["steps"] if step["unit"] == unit]
    assert run.waiting_us("cpu1") == sum(
        step["measured_us"] for step in document["steps"] if step["unit"] == "cpu1" and step["step"] == "wait"
    )


@given(some.recursive(some.none() | some.booleans() | some.floats() | some.text(), lambda inner: some.dictionaries(some.text(), inner)))
def test_anything_else_is_refused_in_a_sentence(document: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "verify.json"
        path.write_text(json.dumps(document))
        with pytest.raises(TableError, match=r"verify\.json"):
            read_verification(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"predicted_us": 0}, "predicted_us"),
        ({"predicted_us": 1e12}, "predicted_us"),
        ({"model": 3}, "model"),
        ({"steps": [{"unit": "cpu0"}]}, "steps"),
        ({"measured_us": {"median": -1, "p95": 1, "mad": 0, "n": 1}}, "measured_us.median"),
    ],
)
def test_impossible_values_are_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "verify.json"
    path.write_text(json.dumps({**json.loads(VERIFIED.read_text()), **change}))
    with pytest.raises(TableError, match=says):
        read_verification(path)
