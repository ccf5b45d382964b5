"""Shows notebooks as pages: their cells, with the outputs that were saved. Nothing is run here, and no script of others is loaded.

Figures of plotly are kept in notebooks as data; the site brings plotly's own script along and draws them.
"""

from __future__ import annotations

import html
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

_PLACE = re.compile(r'<div data-output="(\d+)"></div>')
_FIGURE = "application/vnd.plotly.v1+json"
_SCRIPT = "_assets/plotly.min.js"
_outputs: dict[str, list[str]] = {}
"""The outputs of each notebook's page, in order; they are put in once Markdown has become HTML."""


@event_priority(100)
def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Puts a page in the place of every notebook, before others look for pages."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(file)
        page = file.src_uri.removesuffix(".ipynb") + ".md"
        text, _outputs[page] = page_of(Path(config.docs_dir) / file.src_uri)
        files.append(File.generated(config, page, content=text))
    if _outputs:
        files.append(File.generated(config, _SCRIPT, abs_src_path=str(_plotly_script())))
    return files


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """The page with its outputs, and with what draws its figures."""
    outputs = _outputs.get(page.file.src_uri, [])
    shown = _PLACE.sub(lambda place: outputs[int(place[1])], content)
    if "plotly-figure" not in shown:
        return shown
    up = "../" * page.url.count("/")
    return f'{shown}\n<script src="{up}{_SCRIPT}"></script>\n<script src="{up}_assets/figures.js"></script>'


def page_of(notebook: Path) -> tuple[str, list[str]]:
    """A notebook as Markdown, with a place for each output, and the outputs as HTML."""
    parts: list[str] = []
    outputs: list[str] = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            for shown in filter(None, map(_shown, cell.outputs)):
                parts.append(f'<div data-output="{len(outputs)}"></div>')
                outputs.append(f'<div class="notebook-output">{shown}</div>')
    return "\n\n".join(parts) + "\n", outputs


def _shown(output: Any) -> str:
    """One output as HTML: the richest of its forms."""
    if output.output_type == "stream":
        return f"<pre>{html.escape(output.text)}</pre>"
    data = output.get("data", {})
    if _FIGURE in data:
        figure = json.dumps({key: data[_FIGURE][key] for key in ("data", "layout")}).replace("</", "<\\/")
        return f'<div class="plotly-figure"><script type="application/json">{figure}</script></div>'
    if "text/html" in data:
        return str(data["text/html"])
    return f"<pre>{html.escape(str(data.get('text/plain', '')))}</pre>"


def _plotly_script() -> Path:
    """Plotly's script for browsers, out of the installed package."""
    spec = find_spec("plotly")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
