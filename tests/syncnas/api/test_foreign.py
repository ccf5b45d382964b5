"""Tables to other tools' files and back, from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import syncnas
from tests.search.made import written
from tests.search.models import micro


@pytest.fixture(scope="module", name="tables")
def made_tables(tmp_path_factory: pytest.TempPathFactory) -> syncnas.Tables:
    return syncnas.load_tables(written(tmp_path_factory.mktemp("made") / "lut", micro()))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_sheets_come_back_with_all_units_and_handovers(tables: syncnas.Tables, form: str, tmp_path: Path) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    exported = tables.export(tmp_path / "sheets", format=form)
    assert {path.parent for path in exported.files} == {tmp_path / "sheets"}
    units = list(tables.units.values())
    back = syncnas.import_tables(*exported.files, out=tmp_path / "back", device="made", units=units)
    assert list(back.tables.units) == list(tables.units)
    assert back.tables.size[1] == tables.size[1]
    assert exported.rows == sum(tables.size) == sum(back.tables.size)
    account = json.loads((tmp_path / "back" / "import.json").read_text())
    assert list(back.lacks) == account["lacks"]
    assert [entry["name"] for entry in account["left_out"]] == list(back.frame()["name"])
    assert "made" in back._repr_html_()
    assert str(exported.rows) in exported._repr_html_()


def test_what_has_no_place_is_named_by_its_reason(tables: syncnas.Tables, tmp_path: Path) -> None:
    exported = tables.export(tmp_path / "layers.yaml", format="once-for-all", unit="cpu0")
    assert exported.files == (tmp_path / "layers.yaml",)
    assert any("add_" in name for names in exported.left_out.values() for name in names)
    assert all(reason in exported._repr_html_() for reason in exported.left_out)


def test_what_cannot_be_taken_is_a_sentence(tables: syncnas.Tables, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("kept")
    for options, words in (
        ({"format": "xml"}, "one of proxylessnas"),
        ({"format": "nn-meter", "act": "relu"}, "act"),
        ({"format": "csv", "unit": "cpu0"}, "holds the rows of all units"),
    ):
        with pytest.raises(syncnas.ConfigError, match=words):
            tables.export(tmp_path / "new", **options)
    with pytest.raises(syncnas.TableError, match="name it with unit="):
        tables.export(tmp_path / "new", format="nn-meter")
    with pytest.raises(syncnas.TableError, match="is there already"):
        tables.export(tmp_path / "there", format="nn-meter", unit="cpu0")
    assert (tmp_path / "there").read_text() == "kept"
    with pytest.raises(syncnas.TableError, match="name the files"):
        syncnas.import_tables(out=tmp_path / "none", device="x", units="cpu")
    with pytest.raises(syncnas.TableError, match="give the file the name"):
        syncnas.import_tables(tmp_path / "there", out=tmp_path / "none", device="x", units="cpu")
    assert not (tmp_path / "none").exists()
