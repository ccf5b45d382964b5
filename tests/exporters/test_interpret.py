"""The interpreter that computes references: one model, all segments of a schedule, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from collab.blocks import Add, Concat
from collab.errors import ExportError
from collab.networks import weights
from collab.placement import parse_placement
from collab.schedule import build_schedule
from collab.variants import collaborative
from exporters.checking import reference_input
from exporters.interpret import interpreter_name, run_model, run_segments
from exporters.tflite_route import write_block, write_relu, write_segment
from tests.models import tiny


def test_a_model_gets_its_inputs_in_their_order() -> None:
    first, second = (np.full((1, 2, 2, channels), value, np.float32) for channels, value in ((4, 1.0), (8, 2.0)))
    [output] = run_model(write_block(Concat(2, (4, 8))), [first, second])
    assert output[0, 0, 0].tolist() == [1.0] * 4 + [2.0] * 8


def test_outputs_are_copies_that_later_runs_do_not_change() -> None:
    model, x = write_relu((1, 2, 2, 4)), np.ones((1, 2, 2, 4), np.float32)
    [output] = run_model(model, [x])
    run_model(model, [3 * x])
    assert (output == 1).all()


@pytest.mark.parametrize("placement", ["", "stem=1,head=1"])
def test_features_are_handed_over_as_the_schedule_says(placement: str) -> None:
    config = collaborative(tiny(), "cna")
    tensors = weights.seeded(config)
    image = reference_input(config.stem.in_shapes[0])
    outputs = []
    for text in ("", placement):
        schedule = build_schedule(config, parse_placement(text, branches=2))
        models = {segment.name: write_segment(segment, tensors, eps=config.eps) for segment in schedule.segments}
        outputs += run_segments(schedule, models, [image])
    assert outputs[0].shape == config.head.out_shape
    assert (outputs[0] == outputs[1]).all(), "where a segment runs does not change its bits"


@pytest.mark.parametrize(
    ("model", "inputs", "reason"),
    [
        (b"no model", [np.ones((1, 2, 2, 4), np.float32)], "rejects the model"),
        (write_relu((1, 2, 2, 4)), [np.ones((1, 3, 2, 4), np.float32)], "rejects the model"),
        (write_block(Add(2, 4)), [np.ones((1, 2, 2, 4), np.float32)], "has 2 inputs, 1 are given"),
    ],
    ids=["no model", "another shape", "an input too few"],
)
def test_what_does_not_fit_is_a_sentence(model: bytes, inputs: list[np.ndarray], reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        run_model(model, inputs)


def test_its_name_has_a_version() -> None:
    name, version, what = interpreter_name().split()
    assert (name, what) == ("ai-edge-litert", "interpreter")
    assert version[0].isdigit()
