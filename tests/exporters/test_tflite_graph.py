"""TFLite files as the graph builder writes them, and their operators' names."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema

from collab.blocks import MBConv
from collab.errors import ExportError
from exporters.tflite_graph import TfliteGraph, operator_names
from exporters.tflite_route import write_block


def test_what_is_no_model_has_no_operators() -> None:
    for content in (b"", b"TFL3", b"\0\0\0\0TFL3", b"x" * 100):
        with pytest.raises(ExportError):
            operator_names(content)


def test_files_have_a_signature_and_aligned_constants() -> None:
    content = write_block(MBConv(7, 3, 1, 12, 36, 20, "relu"))
    root = schema.Model.GetRootAs(content, 0)
    signature = root.SignatureDefs(0)
    assert signature.SignatureKey() == b"serving_default"
    assert [signature.Inputs(0).Name(), signature.Outputs(0).Name()] == [b"in0", b"out"]
    offsets = [
        content.index(buffer.tobytes()) for i in range(1, root.BuffersLength()) if (buffer := root.Buffers(i).DataAsNumpy()).size > 64
    ]
    assert offsets
    assert all(offset % 16 == 0 for offset in offsets)


def test_more_than_a_model_file_holds_is_refused() -> None:
    graph = TfliteGraph("large")
    # Two gigabytes that no memory is taken for, and that nobody reads.
    graph.constant_bytes = 2 << 30
    with pytest.raises(ExportError, match="2 GiB"):
        graph.build(graph.relu(graph.add_input((1, 2, 2, 4))))
