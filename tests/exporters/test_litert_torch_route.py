"""The litert-torch route, with the real converter: layouts, names, numbers, refusals."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from collab.errors import ExportError
from collab.model import ModelConfig
from collab.networks import network, weights
from collab.networks.weights import Array
from collab.placement import Placement
from collab.schedule import Schedule, Segment, build_schedule
from collab.variants import collaborative
from exporters import litert_torch_route as route
from exporters.checking import MAX_ERROR, reference_input, relative_error
from exporters.interpret import run_model, run_segments
from exporters.tflite_graph import operator_names
from tests.models import tiny

pytest.importorskip("litert_torch")

ROOT = Path(route.__file__).parents[1]
Cut = tuple[network.Network, Schedule, dict[str, network.SegmentModule]]


def cut(config: ModelConfig, placement: Placement, *, seed: int = 0) -> Cut:
    net = network.from_weights(config, weights.seeded(config, seed=seed))
    schedule = build_schedule(config, placement)
    return net, schedule, network.segment_modules(net, schedule)


def signature(model: bytes) -> dict[str, Any]:
    from ai_edge_litert.interpreter import Interpreter

    signatures: dict[str, Any] = Interpreter(model_content=model).get_signature_list()
    return signatures


@pytest.mark.parametrize(("strategy", "branches", "stem"), [("cna", 2, 0), ("anc", 3, None)], ids=["stem handed over", "three branches"])
def test_segments_equal_torch_and_hold_no_transpose(strategy: str, branches: int, stem: int | None) -> None:
    config = collaborative(tiny(), strategy, branches=branches)
    net, schedule, modules = cut(config, Placement(("cpu0", "cpu1", "gpu0")[:branches], stem=stem, head=branches - 1))
    models = {segment.name: route.convert_segment(modules[segment.name], segment.in_shapes) for segment in schedule.segments}
    assert len(models) == 2 * branches + 1 + (stem is not None)
    openings = set()
    for segment in schedule.segments:
        check_segment(segment, models[segment.name])
        openings.add(operator_names(models[segment.name])[0])
    assert {"ADD", "CONCATENATION"} <= openings
    x = reference_input(config.stem.in_shapes[0], seed=9)
    with torch.no_grad():
        expected = net(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    [actual] = run_segments(schedule, models, [x])
    assert relative_error(actual, expected) < MAX_ERROR
    assert relative_error(run_segments(schedule, models, [x[:, ::-1].copy()])[0], expected) > 100 * MAX_ERROR


def check_segment(segment: Segment, model: bytes) -> None:
    names = [f"in{index}" for index in range(len(segment.sources))]
    assert signature(model) == {"serving_default": {"inputs": names, "outputs": ["out"]}}
    assert "TRANSPOSE" not in operator_names(model)
    # Shapes stand in the order of the sources, and the output is NHWC as well.
    [output] = run_model(model, [reference_input(shape, seed=1) for shape in segment.in_shapes])
    assert output.shape == segment.outputs[0].shape


@pytest.fixture(scope="module")
def head_cut() -> Cut:
    return cut(collaborative(tiny(), "nna"), Placement(("cpu0", "cpu1")))


@pytest.fixture(scope="module")
def head_segment(head_cut: Cut) -> tuple[network.SegmentModule, Segment]:
    """The smallest segment of all: an ADD and the head."""
    _, schedule, modules = head_cut
    return modules[schedule.segments[-1].name], schedule.segments[-1]


def test_module_in_training_mode_is_converted_in_inference_mode(head_segment: tuple[network.SegmentModule, Segment]) -> None:
    module, segment = head_segment
    in_inference = route.convert_segment(module, segment.in_shapes)
    module.train()
    try:
        assert route.convert_segment(module, segment.in_shapes) == in_inference
        assert all(part.training for part in module.modules())
    finally:
        module.eval()


def test_a_model_that_differs_from_torch_is_refused(
    head_segment: tuple[network.SegmentModule, Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    import litert_torch

    module, segment = head_segment
    convert = litert_torch.convert

    def slightly_wrong(wrapped: nn.Module, **options: Any) -> Any:
        weight, bias = (wrapped.get_parameter(f"module.0.classifier.1.{name}") for name in ("weight", "bias"))
        with torch.no_grad():
            bias[3] += 2e-4 * float(weight.abs().sum(1).max())
        return convert(wrapped, **options)

    monkeypatch.setattr(litert_torch, "convert", slightly_wrong)
    with pytest.raises(ExportError, match=r"segment cpu0\.1: by litert-torch its output differs from torch's by .*; at most 1e-04 passes"):
        route.convert_segment(module, segment.in_shapes)


class Turned(nn.Module):
    """Mixes a spatial axis with the channels, which no layout can do without a transposition."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).contiguous().relu()


def test_a_segment_with_a_transpose_is_refused(head_cut: Cut) -> None:
    net, schedule, _ = head_cut
    module = network.SegmentModule(schedule.segments[-1], net)
    module.body = nn.Sequential(Turned())
    with pytest.raises(ExportError, match="left a TRANSPOSE"):
        route.convert_segment(module, schedule.segments[-1].in_shapes)


class Attention(nn.Module):
    """Squeeze-and-excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Sequential(nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, channels, 1), nn.Hardsigmoid())

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.gate(self.pool(x))
        return x * gate


def test_any_module_squeeze_excitation_hard_swish_grouped_convolution() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(8, 24, 3, 2, 1, groups=4, bias=False), nn.BatchNorm2d(24), nn.Hardswish(), Attention(24), nn.Conv2d(24, 12, 1)
    )
    x = reference_input((1, 20, 20, 8), seed=3)
    model = route.convert_module(module, [reference_input((1, 20, 20, 8))])
    assert module.training
    with torch.no_grad():
        expected: Array = module.eval()(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).permute(0, 2, 3, 1).numpy()
    assert expected.shape == (1, 10, 10, 12)
    assert relative_error(run_model(model, [x])[0], expected) < MAX_ERROR
    operators = operator_names(model)
    assert "HARD_SWISH" in operators
    assert operators.count("CONV_2D") >= 4
    assert "TRANSPOSE" not in operators


class Scaled(nn.Module):
    """Two inputs of different ranks."""

    def forward(self, x: Tensor, factor: Tensor) -> Tensor:
        return (x * factor[:, :, None, None]).amax((2, 3))


def test_inputs_that_are_no_images_pass_as_they_are() -> None:
    x = reference_input((1, 6, 5, 4), seed=1)
    factor = np.array([[1, 2, 3, 4]], dtype=np.float32)
    model = route.convert_module(Scaled(), [x, factor])
    assert signature(model)["serving_default"]["inputs"] == ["in0", "in1"]
    assert np.allclose(run_model(model, [x, factor])[0], (x * factor[:, None, None, :]).max((1, 2)), atol=1e-6)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x + 1


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


class NotANumber(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x - 100)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Pair(), "tiny: litert-torch cannot convert it: TypeError: a module of one output"),
        (Branching(), "tiny: litert-torch cannot convert it"),
        (NotANumber(), "tiny: torch itself computes values that are not finite"),
        (nn.Conv2d(3, 4, 1), "tiny: litert-torch cannot convert it: RuntimeError"),
    ],
    ids=["two outputs", "data-dependent", "not finite", "wrong input"],
)
def test_refusals_of_modules(module: nn.Module, reason: str) -> None:
    with pytest.raises(ExportError) as caught:
        route.convert_module(module, [reference_input((1, 4, 4, 2))], name="tiny")
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)


def test_zeros_do_not_pass_as_a_comparison() -> None:
    with pytest.raises(ExportError, match="differs from torch's by inf"):
        route.convert_module(nn.Conv2d(2, 1, 1), [np.zeros((1, 4, 4, 2), dtype=np.float32)])


def test_operator_names() -> None:
    assert "TRANSPOSE" in operator_names(route.convert_module(Turned(), [reference_input((1, 4, 6, 3))]))
    with pytest.raises(ExportError, match="not a TFLite model"):
        operator_names(b"no model at all")


def test_missing_converter_is_a_sentence(head_segment: tuple[network.SegmentModule, Segment], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    module, segment = head_segment
    with pytest.raises(ExportError, match=r"needs litert_torch, .*pip install '\.\[litert\]'"):
        route.convert_segment(module, segment.in_shapes)


_IN_ANOTHER_PROCESS = """
import hashlib, os, sys
from collab.networks import network, weights
from collab.placement import Placement
from collab.schedule import build_schedule
from exporters.litert_torch_route import convert_segment
from exporters.quiet import quiet
from collab.variants import collaborative
from tests.models import tiny

config = collaborative(tiny(), "nna")
schedule = build_schedule(config, Placement(("cpu0", "cpu1")))
modules = network.segment_modules(network.from_weights(config, weights.seeded(config)), schedule)
print("begin")
model = convert_segment(modules[schedule.segments[-1].name], schedule.segments[-1].in_shapes)
with quiet():
    print("swallowed")
    print("swallowed", file=sys.stderr)
    os.system("echo swallowed; echo swallowed >&2")
print(hashlib.sha256(model).hexdigest())
print("after", file=sys.stderr)
"""


def test_conversion_is_silent_and_gives_the_same_bytes_in_any_process(
    head_segment: tuple[network.SegmentModule, Segment], tmp_path: Path
) -> None:
    module, segment = head_segment
    model = route.convert_segment(module, segment.in_shapes)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    result = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert (result.stdout, result.stderr) == (f"begin\n{hashlib.sha256(model).hexdigest()}\n", "after\n")
    for path in (ROOT, tmp_path, Path(sys.prefix), Path.home()):
        assert str(path).encode() not in model
