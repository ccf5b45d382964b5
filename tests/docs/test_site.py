"""The documentation as a site: it builds without a warning, leaves no page out, needs nothing of others, and has all that the code says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from android_harness.protocol.phases import MOST_RUNS
from syncnas.commands import COMMANDS
from tests.docs.site import nav_pages
from tests.pages import REPOSITORY
from tests.test_docs import command_of, options_of
from tests.test_terms import rows

DOCS = REPOSITORY / "docs"
SOURCE = "https://code.example/syncnas"
AT_TOP = {"changelog.md", "contributing.md"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as it is published."""
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    out = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "DOCS_SOURCE_URL": SOURCE, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return out


class Loaded(HTMLParser):
    """All addresses that a browser would load by itself for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.addresses.append(str(given["src"]))
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon", "preconnect"):
            self.addresses.append(str(given.get("href")))


def text_of_page(site: Path, page: str) -> str:
    """The text of a built page, without tags."""
    html = (site / page.removesuffix(".md").removesuffix("index") / "index.html").read_text(encoding="utf-8")
    return unescape(re.sub(r"<[^>]+>", "", html.split("<article")[1].split("</article>")[0]))


def test_every_page_is_in_the_menu() -> None:
    listed = nav_pages()
    assert len(listed) == len(set(listed))
    pages = {str(path.relative_to(DOCS).with_suffix(".md")) for kind in ("*.md", "*.ipynb") for path in DOCS.rglob(kind)}
    assert set(listed) == pages | AT_TOP


def test_every_command_has_a_page_and_stands_in_the_list() -> None:
    folder = DOCS / "reference" / "commands"
    assert {page.stem for page in folder.glob("*.md")} == {*COMMANDS, "index"}
    index = (folder / "index.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| \[`([\w-]+)`\]\(\1\.md\) \|.*\| `([\w.]+)` \|$", index, re.MULTILINE)) == {
        name: listed.module for name, listed in COMMANDS.items()
    }


def test_the_exit_statuses_are_those_of_the_help() -> None:
    helped = subprocess.run([sys.executable, "-m", "syncnas", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    told = re.findall(r"^ +(\d+) {2,}\S", helped.split("Exit codes:")[1], re.MULTILINE)
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert len(told) >= 4
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == told


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_command_s_page_has_its_parts(name: str) -> None:
    text = (DOCS / "reference" / "commands" / f"{name}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    parts = ["When to use", "Options", "How it works", "Pitfalls", "See also"]
    assert [heading for heading in headings if heading in parts] == parts
    assert f"<!-- options: {name} -->" in text
    assert f"syncnas {name}" in text


@pytest.mark.parametrize("name", list(COMMANDS))
def test_its_options_are_those_of_the_code(site: Path, name: str) -> None:
    shown = text_of_page(site, f"reference/commands/{name}.md")
    command = command_of(COMMANDS[name].module)
    parameters = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    for parameter in parameters:
        assert " ".join((getattr(parameter, "help", "") or "").split()) in " ".join(shown.split())
    assert {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)} & options_of(command) <= set(
        re.findall(r"--[a-z][a-z-]*", shown)
    )


def test_nothing_of_others_is_loaded(site: Path) -> None:
    found = set()
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        found |= {address for address in loaded.addresses if re.match(r"(https?:)?//", address)}
    assert found == set()


def test_source_code_is_linked_where_its_address_is_known(site: Path) -> None:
    page = (site / "explanation" / "architecture" / "index.html").read_text(encoding="utf-8")
    assert f'href="{SOURCE}/blob/main/lut/tables.py"' in page


def test_the_toolkit_s_words_are_explained(site: Path) -> None:
    page = (site / "tutorials" / "read-the-tables" / "index.html").read_text(encoding="utf-8")
    meaning = next(row[1] for row in rows() if row[0] == "hand-over").replace("`", "")
    assert unescape(page).count(f'<abbr title="{meaning}">') == 1


def test_programs_find_an_index_of_all_pages(site: Path) -> None:
    index = (site / "llms.txt").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\([^)]*?/((?:tutorials|notebooks|how-to|reference|explanation)/[\w/-]+?)/?(?:index)?\.md\)", index))
    pages = {page.removesuffix(".md").removesuffix("/index") for page in nav_pages() if "/" in page and page.endswith(".md")}
    assert pages - linked == set()
    assert "Read the tables" in (site / "llms-full.txt").read_text(encoding="utf-8")


def test_pages_can_be_searched(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert any("hand-over" in entry["text"] for entry in index["docs"])


def test_options_are_rendered_by_groups() -> None:
    options = hook("options")
    lines = options.rendered("profile").splitlines()
    assert lines[:2] == ["```text", "syncnas profile [OPTIONS]"]
    assert any(line.startswith("| `--seed` *NUMBER from 0* | Seed of the order") for line in lines)
    assert any(line.startswith("| `--cool-limit-s` *SECONDS from 0 to 1,000,000* | `300` | How long a phone") for line in lines)
    experts = lines.index("**For experts**")
    assert any(line.startswith("| `--quick` |") for line in lines[:experts])
    assert any(line.startswith("| `--wait` *WAY* |") for line in lines[experts:])
    assert f"| `--runs` *NUMBER from 1 to {MOST_RUNS:,}* | `10` | Inferences per visit. |" in options.rendered("verify").splitlines()


def hook(name: str) -> Any:
    """A hook of the site, as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "_hooks" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
