"""The ONNX route, with the real exporter and onnxruntime: numbers, names, clean and repeatable files, refusals."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from collab import config as configs
from collab.errors import ExportError, WeightsError
from collab.model import ModelConfig
from collab.networks import network, weights
from collab.networks.weights import Array
from collab.placement import Placement, default_placement
from collab.schedule import Schedule, build_schedule
from collab.variants import collaborative
from exporters import onnx_route as route
from exporters.checking import MAX_ERROR, reference_input, relative_error
from tests.models import tiny

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
MINI = configs.load("mini_v2")
THREE = collaborative(tiny(), "cna", branches=3)
ROOT = Path(route.__file__).parents[1]


def image(config: ModelConfig, *, seed: int = 5) -> Array:
    return np.ascontiguousarray(reference_input(config.stem.in_shapes[0], seed=seed).transpose(0, 3, 1, 2))


def torch_logits(config: ModelConfig, x: Array, *, seed: int = 0) -> Array:
    with torch.no_grad():
        logits: Array = network.from_weights(config, weights.seeded(config, seed=seed))(torch.from_numpy(x)).numpy()
    return logits


def check_models(config: ModelConfig, schedule: Schedule, models: dict[str, bytes]) -> None:
    assert list(models) == [segment.name for segment in schedule.segments]
    x = image(config)
    expected = torch_logits(config, x)
    assert relative_error(route.run_segments(schedule, models, x), expected) < MAX_ERROR
    assert relative_error(route.run_segments(schedule, models, image(config, seed=6)), expected) > 100 * MAX_ERROR
    for segment in schedule.segments:
        proto = onnx.load_from_string(models[segment.name])
        assert [entry.version for entry in proto.opset_import if not entry.domain] == [route.OPSET]
        given = {entry.name: [dim.dim_value for dim in entry.type.tensor_type.shape.dim] for entry in proto.graph.input}
        assert given == {f"in{i}": [b, c, h, w] for i, (b, h, w, c) in enumerate(segment.in_shapes)}
        assert [entry.name for entry in proto.graph.output] == ["out"]
        assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in proto.graph.initializer)


@pytest.mark.parametrize("name", configs.zoo_names())
def test_segments_of_every_zoo_model_equal_torch(name: str) -> None:
    config = configs.load(name)
    schedule = build_schedule(config, default_placement(config.branches))
    assert len(schedule.segments) == (1 if not config.is_collaborative else 1 + 2 * sum(s != "n" for s in config.strategy))
    check_models(config, schedule, route.export_schedule(config, schedule, weights.seeded(config)))


@pytest.fixture(scope="module")
def three() -> tuple[Schedule, dict[str, bytes]]:
    schedule = build_schedule(THREE, Placement(("cpu0", "cpu1", "gpu0"), stem=1, head=2))
    return schedule, route.export_schedule(THREE, schedule, weights.seeded(THREE))


def test_three_branches_and_a_stem_that_is_handed_over(three: tuple[Schedule, dict[str, bytes]]) -> None:
    schedule, models = three
    assert len(models) == 1 + 3 + 3 + 1
    check_models(THREE, schedule, models)


_IN_ANOTHER_PROCESS = """
import hashlib
from collab.networks import weights
from collab.placement import parse_placement
from collab.schedule import build_schedule
from exporters.onnx_route import export_schedule
from collab.variants import collaborative
from tests.models import tiny

config = collaborative(tiny(), "cna", branches=3)
schedule = build_schedule(config, parse_placement("2=gpu0,stem=1,head=2", branches=3))
for name, model in export_schedule(config, schedule, weights.seeded(config)).items():
    print(name, hashlib.sha256(model).hexdigest())
"""


def test_bytes_are_the_same_in_any_process_and_place(three: tuple[Schedule, dict[str, bytes]], tmp_path: Path) -> None:
    models = three[1]
    # Another place for the sources too: their paths are what torch would write into the file.
    for folder in ("collab", "exporters", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": "77"}
    result = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
    )
    assert result.stdout.splitlines() == [f"{name} {hashlib.sha256(model).hexdigest()}" for name, model in models.items()]
    assert result.stderr == ""


def test_nothing_of_the_machine_is_in_the_files(three: tuple[Schedule, dict[str, bytes]]) -> None:
    traces = [str(ROOT).encode(), sys.prefix.encode(), str(Path.home()).encode(), b"site-packages", b"stack_trace", b"network.py"]
    for model in three[1].values():
        assert not [trace for trace in traces if trace in model]
        assert len(onnx.load_from_string(model).graph.node) >= 2


def test_notes_are_removed_from_inner_graphs_as_well() -> None:
    helper = onnx.helper
    out = helper.make_tensor_value_info("inner_out", onnx.TensorProto.FLOAT, [1], doc_string="SECRET")
    inner = helper.make_graph([helper.make_node("Abs", ["x"], ["inner_out"], doc_string="SECRET")], "inner", [], [out], doc_string="SECRET")
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner, doc_string="SECRET")
    for note in (node, inner):
        assert note.doc_string
    ends = [helper.make_tensor_value_info(name, kind, [1]) for name, kind in (("x", 1), ("c", 9), ("y", 1))]
    model = helper.make_model(helper.make_graph([node], "outer", ends[:2], ends[2:], doc_string="SECRET"), doc_string="SECRET")
    helper.set_model_props(model, {"path": "SECRET"})
    entry = model.graph.node[0].attribute[0].g.node[0].metadata_props.add()
    entry.key, entry.value = "stack_trace", "SECRET"
    assert model.SerializeToString().count(b"SECRET") >= 10
    route.strip_notes(model)
    assert b"SECRET" not in model.SerializeToString()
    onnx.checker.check_model(model)


def test_a_model_that_differs_from_torch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = collaborative(tiny(), "nna")
    schedule = build_schedule(config, default_placement(2))
    trace = route.traced

    def slightly_wrong(module: network.SegmentModule, tensors: tuple[torch.Tensor, ...], what: str) -> bytes:
        with torch.no_grad():
            module.get_parameter("body.0.classifier.1.weight")[3] *= 1.01
        return trace(module, tensors, what)

    modules = network.segment_modules(network.from_weights(config, weights.seeded(config)), schedule)
    module = modules[schedule.segments[-1].name]
    before = route.export_segment(module, schedule.segments[-1].in_shapes)
    monkeypatch.setattr(route, "traced", slightly_wrong)
    with pytest.raises(ExportError, match=r"segment cpu0\.1: by ONNX its output differs from torch's"):
        route.export_segment(module, schedule.segments[-1].in_shapes)
    # It was a copy that was exported: the module itself is as before.
    monkeypatch.undo()
    module.train()
    assert route.export_segment(module, schedule.segments[-1].in_shapes) == before
    assert module.training


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_packages_are_a_sentence(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = build_schedule(MINI, default_placement(1))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ExportError, match=rf"the ONNX route needs {missing}, .*pip install '\.\[onnx\]'"):
        route.export_schedule(MINI, schedule, weights.seeded(MINI))


def test_missing_torch_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ExportError, match=r"the ONNX route needs torch, .*pip install '\.\[torch\]'"):
        route.export_schedule(MINI, build_schedule(MINI, default_placement(1)), {})


def test_refusals_when_running(three: tuple[Schedule, dict[str, bytes]]) -> None:
    schedule, models = three
    with pytest.raises(ExportError, match=r"segment cpu1\.0: onnxruntime rejects"):
        route.run_segments(schedule, models, image(THREE)[:, :, :-1])
    with pytest.raises(ExportError, match=r"segment cpu1\.0: onnxruntime rejects"):
        route.run_segments(schedule, {**models, "cpu1.0": models["cpu1.0"][:1000]}, image(THREE))


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(WeightsError):
        route.export_schedule(MINI, build_schedule(MINI, default_placement(1)), weights.seeded(THREE))
