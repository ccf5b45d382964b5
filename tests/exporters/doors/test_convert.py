"""The command refuses in a sentence, before anything is converted or written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from collab.errors import ExportError, StorageError, SyncNasError
from exporters.convert import main
from exporters.doors.user_file import function_of, running


@pytest.mark.parametrize(
    ("source", "out", "said"),
    [
        ("nowhere.py", "a.tflite", "is not there"),
        ("net.onnx", "a.tflite", "none of what can be converted"),
        ("empty", "a.tflite", "no SavedModel"),
        ("net.onnx", "a.bin", "ends with .tflite"),
        ("net.onnx", "nowhere/a.tflite", "is no folder"),
        ("net.onnx", "letter.tflite", "is there and is no TFLite model"),
    ],
)
def test_what_cannot_be_is_refused(source: str, out: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.tflite").write_text("Dear friend")
    with pytest.raises(SyncNasError, match=said) as raised:
        main(tmp_path / source, tmp_path / out)
    assert isinstance(raised.value, (ExportError, StorageError))
    assert (tmp_path / "letter.tflite").read_text() == "Dear friend"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\ny = x.z\n", r"line 2: AttributeError: 'int' object has no attribute 'z'"),
        ("x = 1\ny = = 2\n", r"line 2: SyntaxError"),
        ("import sys\n\nsys.exit(3)\n", r"line 3: SystemExit: 3"),
    ],
)
def test_errors_of_a_file_have_its_line(code: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(code)
    with pytest.raises(ExportError, match=said), running(path):
        raise AssertionError("it cannot be run")


def test_a_missing_function_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("get_model = 3\n")
    with running(path) as module:
        with pytest.raises(ExportError, match=r"has something else as get_model\(\)"):
            function_of(module, "get_model", returns="a module")
        with pytest.raises(ExportError, match=r"has no get_args\(\)"):
            function_of(module, "get_args", returns="tensors")


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("net.keras", "tensorflow", "tensorflow"), ("saved", "tensorflow", "tensorflow"), ("net.py", "litert_torch", "litert")],
)
def test_a_missing_extra_is_named_with_its_pip_line(
    name: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    for file in ("net.keras", "net.py"):
        (tmp_path / file).write_text("")
    with pytest.raises(ExportError, match=rf"^converting .* needs \S+, which cannot be imported .*: pip install '\.\[{extra}\]'$"):
        main(tmp_path / name, tmp_path / "net.tflite")
    assert not (tmp_path / "net.tflite").exists()
