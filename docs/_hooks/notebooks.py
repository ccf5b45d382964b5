"""Shows notebooks as pages: their cells, with the outputs that were saved. Nothing is run here, and no script of others is loaded."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File

_OUTPUT = re.compile(r'<div data-output="(\d+)"></div>')
_outputs: dict[str, list[str]] = {}
"""The outputs of each notebook's page, in order; they are put in once Markdown has become HTML."""


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Puts a page in the place of every notebook."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(file)
        page = file.src_uri.removesuffix(".ipynb") + ".md"
        text, _outputs[page] = page_of(Path(config.docs_dir) / file.src_uri)
        files.append(File.generated(config, page, content=text))
    return files


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """The page with its outputs."""
    outputs = _outputs.get(page.file.src_uri, [])
    return _OUTPUT.sub(lambda place: outputs[int(place[1])], content)


def page_of(notebook: Path) -> tuple[str, list[str]]:
    """A notebook as Markdown, with a place for each output, and the outputs as HTML."""
    parts: list[str] = []
    outputs: list[str] = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            for output in cell.outputs:
                shown = _shown(output)
                if shown:
                    parts.append(f'<div data-output="{len(outputs)}"></div>')
                    outputs.append(f'<div class="notebook-output">{shown}</div>')
    return "\n\n".join(parts) + "\n", outputs


def _shown(output: Any) -> str:
    """One output as HTML: the richest of its forms."""
    if output.output_type == "stream":
        return f"<pre>{html.escape(output.text)}</pre>"
    data = output.get("data", {})
    if "image/svg+xml" in data:
        return str(data["image/svg+xml"])
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:
        return str(data["text/html"])
    return f"<pre>{html.escape(str(data.get('text/plain', '')))}</pre>"
