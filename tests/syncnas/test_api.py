"""The stable API: all of it is documented and typed, stands on its page, and what its examples say is what happens.

All tests that look at the page after its examples are here: carrying it out takes long, and each process would do so for itself.
"""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import collab
import syncnas
from tests.pages import REPOSITORY, text_of
from tests.syncnas.conftest import PAGE, Page, in_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PUBLIC = [getattr(syncnas, name) for name in syncnas.__all__]
FUNCTIONS = [value for value in PUBLIC if inspect.isfunction(value)]
VALUES = [value for value in PUBLIC if inspect.isclass(value) and not issubclass(value, Exception)]
HEAVY = ("torch", "pandas", "numpy", "scipy", "plotly", "rich", "typer", "msgspec", "requests", "adb_shell")


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class defines itself."""
    for name, value in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            yield name, value


def test_importing_is_light() -> None:
    code = f"import sys, syncnas; print([name for name in {HEAVY} if name in sys.modules], 'collab.errors' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    assert said.strip() == "[] False"


def test_looking_and_loading_import_neither_torch_nor_pandas() -> None:
    code = (
        "import sys, syncnas; syncnas.load_model('micro_v2').with_strategy('annnana'); syncnas.model_names(); syncnas.SyncNasError;"
        "print([name for name in ('torch', 'pandas', 'plotly', 'typer') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    assert said.strip() == "[]"


def test_names_are_listed_once_and_in_order() -> None:
    assert syncnas.__all__ == sorted(set(syncnas.__all__))
    assert set(syncnas.__all__) <= set(dir(syncnas))
    with pytest.raises(AttributeError, match="no_such_name"):
        syncnas.no_such_name  # noqa: B018


def test_the_version_is_that_of_the_commands_and_of_the_package() -> None:
    said = subprocess.run([sys.executable, "-m", "syncnas", "--version"], capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    assert said.split() == ["syncnas", syncnas.__version__]
    assert syncnas.__version__ == collab.__version__
    assert "__version__" in dir(syncnas)
    assert "`syncnas.__version__`" in text_of(PAGE)


def test_no_module_hides_a_function() -> None:
    """An import of a module sets its name in the package, in place of a function of that name."""
    assert not {path.stem for path in (REPOSITORY / "syncnas").glob("*")} & set(syncnas.__all__)


@pytest.mark.parametrize("name", syncnas.__all__)
def test_every_name_is_documented_and_on_the_page(name: str) -> None:
    value = getattr(syncnas, name)
    assert len(inspect.getdoc(value) or "") > 20
    assert re.search(rf"`(?:syncnas\.)?{name}\b|syncnas\.{name}\b", text_of(PAGE)), f"{name} does not stand on docs/reference/python.md"
    assert f"\n::: syncnas.{name}\n" in text_of(PAGE.with_name("api.md")), f"{name} does not stand on docs/reference/api.md"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_argument_is_typed_and_said(function: Any) -> None:
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    said = inspect.getdoc(function) or ""
    for name, parameter in signature.parameters.items():
        assert parameter.annotation is not inspect.Parameter.empty
        assert re.search(rf"\b{name}\b", said), f"{function.__name__} does not say what {name} is"
        is_keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert is_keyword or parameter.default is inspect.Parameter.empty or name in ("name", "models")
    assert ">>>" in said


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_every_member_is_typed_and_said(kind: type) -> None:
    for name, value in members(kind):
        function = value.fget if isinstance(value, property) else value
        assert inspect.signature(function).return_annotation is not inspect.Signature.empty
        assert len(inspect.getdoc(function) or "") > 10, f"{kind.__name__}.{name}"
    if dataclasses.is_dataclass(kind):
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        said = inspect.getdoc(kind) or ""
        assert all(f"{field.name}:" in said for field in dataclasses.fields(kind) if not field.name.startswith("_"))


def test_the_page_is_true(page: Page) -> None:
    assert page.names["profile"].tables.statuses["failed"] == 0
    assert "mbconv_12_k3s1_24-96-24_relu6" in set(page.names["tables"].blocks["block"])
    assert page.names["verification"].output_error < 1e-4
    assert page.names["result"].evaluated == 8
    assert page.names["deployment"].predicted_us is not None
    assert not page.names["comparison"].is_slower()
    assert "holds a profile already" in page.names["advice"]
    assert [phone.device for phone in page.names["fleet"].failed] == ["127.0.0.1:1", "127.0.0.1:2"]
    assert all(phone.error and phone.tables is None for phone in page.names["fleet"])
    assert 0 < len(page.names["imported"].tables.blocks) <= page.names["exported"].rows * 2
    assert (page.folder / "trace.json").read_text().startswith('{"displayTimeUnit"')
    assert page.names["shown"].about["measured_median_us"] == pytest.approx(page.names["verification"].measured.median_us, rel=0.5)


@pytest.mark.parametrize("value", PUBLIC, ids=syncnas.__all__)
def test_examples_in_docstrings_are_true(value: Any, page: Page) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    tests = [test for test in finder.find(value, value.__name__, globs={"syncnas": syncnas}) if test.examples]
    with in_folder(page.folder):
        for test in tests:
            found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
            assert found.failed == 0


def test_values_of_the_page_show_themselves(page: Page, browser: Browser, tmp_path: Path) -> None:
    names = (
        "profile",
        "tables",
        "prediction",
        "verification",
        "certification",
        "comparison",
        "result",
        "bundle",
        "deployment",
        "model",
        "device",
    )
    file = tmp_path / "page.html"
    file.write_text("<!doctype html><meta charset=utf-8>" + "\n".join(page.names[name]._repr_html_() for name in names), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(file.as_uri())
    body = tab.inner_text("body")
    for said in (
        "Tables of local",
        "Prediction for micro_v2_x2_annnana",
        "predicted",
        "critical path",
        "Certificate",
        "cpu:cluster=0",
        "closed",
    ):
        assert said in body
    assert "None" not in body
    tab.close()


@pytest.mark.parametrize("name", ["tables", "prediction", "verification", "certification", "comparison", "result", "deployment"])
def test_figures_of_the_page_have_what_their_frames_have(page: Page, name: str) -> None:
    figure = page.names[name].plot()
    drawn = sum(len(trace.x) for trace in figure.data if getattr(trace, "mode", "") != "lines")
    value = page.names[name]
    rows = {
        "tables": lambda: int((value.blocks["marginal_us"] > 0).sum()),
        "verification": lambda: 2 * len(value.frame()),
        "deployment": lambda: 2 * len(value.frame()),
    }.get(name, lambda: len(value.frame()))()
    assert 0 < drawn <= rows
    assert drawn > 0.8 * rows
