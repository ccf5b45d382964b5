"""Makes the pages' links work on the site as they do in a checkout.

A link to a file of the repository leads to the source code on the web where its address is known (``DOCS_SOURCE_URL``); elsewhere it is
plain text. The changes and the instructions for contributors, which lie at the top of the repository, become pages.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File

REPOSITORY = Path(__file__).parents[2]
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages at the top of the repository, and the site's page for each."""
_ANCHORS = {"README.md#never-run-on-a-real-phone": "explanation/never-run-on-a-phone.md"}
_LINK = re.compile(r"(?P<text>!?\[(?P<label>(?:[^\[\]]|\[[^\[\]]*\])*)\])\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Adds the pages that lie outside of docs."""
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        files.append(File.generated(config, PAGES[name], content=(REPOSITORY / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """The page with links that work on the site; mkdocs calls this for every page."""
    at_top = {site: name for name, site in PAGES.items() if site != "index.md"}
    source = at_top.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    address = str(config.extra.get("source_url") or "").rstrip("/")
    blocks: list[str] = []

    def kept(block: re.Match[str]) -> str:
        blocks.append(block[0])
        return f"\0{len(blocks) - 1}\0"

    def put_back(block: re.Match[str]) -> str:
        return blocks[int(block[1])]

    text = _LINK.sub(lambda link: followed(link, source=source, page=page.file.src_uri, address=address), _CODE.sub(kept, markdown))
    return re.sub("\0(\\d+)\0", put_back, text)


def followed(link: re.Match[str], *, source: str, page: str, address: str) -> str:
    """A link of the page whose file is ``source``, as the site's page has it."""
    target = link["target"]
    if re.match(r"[a-z]+:|#", target):
        return link[0]
    path, _, anchor = target.partition("#")
    file = normpath(f"{PurePosixPath(source).parent}/{path}")
    here = str(PurePosixPath(page).parent)
    after = f"#{anchor}" if anchor else ""
    if f"{file}{after}" in _ANCHORS:
        return f"{link['text']}({relpath(_ANCHORS[file + after], here)})"
    if file in PAGES:
        return f"{link['text']}({relpath(PAGES[file], here)}{after})"
    if file.startswith("docs/") and (REPOSITORY / file).is_file():
        # Notebooks are pages on the site.
        shown = re.sub(r"\.ipynb$", ".md", file.removeprefix("docs/"))
        return f"{link['text']}({relpath(shown, here)}{after})"
    if address:
        kind = "tree" if (REPOSITORY / file).is_dir() else "blob"
        return f"{link['text']}({address}/{kind}/main/{file}{after})"
    return link["label"]
