"""`lut.predict` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.variants import collaborative
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables
from tests.lut.prediction.made_costs import BASE, linear_cost
from tests.lut.traces.trace_checks import checked


def test_predict_prints_and_gives_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import json

    from lut.predict import app
    from lut.tables import save

    plan = plan_model(BASE, COARSE)
    save(made_tables(plan.blocks, plan.transfers, linear_cost), tmp_path)
    config, model = tmp_path / "model.json", collaborative(BASE, "ncnnnna")
    config.write_text(model.to_json())
    arguments = ["--lut", str(tmp_path), "--model", str(config)]
    trace = tmp_path / "trace.json"
    app([*arguments, "--json", "--trace", str(trace)], standalone_mode=False)
    document = json.loads(capfd.readouterr().out)
    assert document["predicted_us"] == max(step["end_us"] for step in document["steps"])
    assert checked(trace.read_text())["otherData"]["predicted_us"] == document["predicted_us"]
    app([*arguments, "--blocks"], standalone_mode=False)
    text = capfd.readouterr().out
    assert f"Predicted: {document['predicted_us'] / 1e3:.3f} ms" in text
    assert "fetch cpu1.0" in text
    for block in model.blocks:
        assert block.key in text
