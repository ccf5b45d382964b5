"""CITATION.cff is of its format, and says the same as package and pages."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
import yaml

import collab
from tests.pages import README, REPOSITORY, text_of

REQUIRED = {"cff-version", "message", "title", "authors"}
REFERENCE = {"type", "title", "authors", "doi", "year"}


def citation() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    return document


def test_it_is_of_the_format() -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff"]
    checked = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_it_has_what_the_format_requires() -> None:
    document = citation()
    assert document.keys() >= REQUIRED
    assert document["cff-version"] == "1.2.0"
    assert document["type"] == "software"
    assert document["preferred-citation"].keys() >= REFERENCE
    for author in [*document["authors"], *document["preferred-citation"]["authors"]]:
        assert set(author) <= {"family-names", "given-names", "name", "affiliation", "orcid"}
        assert author.get("family-names") or author.get("name")


def test_the_software_is_this_one() -> None:
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    document = citation()
    assert document["version"] == collab.__version__
    assert document["license"] == settings["metadata"]["license"]


def test_the_paper_is_the_one_that_pages_name() -> None:
    paper = citation()["preferred-citation"]
    readme = " ".join(text_of(README).split())
    assert paper["title"] in readme
    assert f"https://doi.org/{paper['doi']}" in readme
    assert re.fullmatch(r"10\.\d{4,9}/\S+", paper["doi"])
    assert 2023 == paper["year"] <= date.today().year
    assert int(paper["start"]) < int(paper["end"])
