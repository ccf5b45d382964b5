"""A server of files as the bucket of LiteRT's libraries is one, which answers in all the ways that a network may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PORTAL = b"<!DOCTYPE html><html><body>Please log in to the hotel's network.</body></html>"


@dataclass
class Server:
    """Server on this machine. `files` are by path; `asked` lists the requests, with the first byte that was asked for.

    The first `cuts` answers end after `cut_bytes`, `faults` answers have status 503. `has_ranges`: parts of files can be asked for.
    `portal`: every answer is a login page.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    cuts: int = 0
    cut_bytes: int = 1000
    faults: int = 0
    has_ranges: bool = True
    portal: bool = False
    url: str = ""

    def answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        begin = self._begin(request.headers.get("Range"))
        self.asked.append((request.command, request.path, begin))
        if self.faults:
            self.faults -= 1
            request.send_error(503)
            return
        content = PORTAL if self.portal else self.files.get(request.path)
        if content is None:
            request.send_error(404)
            return
        begin = min(begin, len(content))
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(content) - begin))
        request.end_headers()
        if with_body:
            request.wfile.write(self._body(content[begin:]))

    def _begin(self, asked: str | None) -> int:
        return int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.has_ranges and not self.portal else 0

    def _body(self, rest: bytes) -> bytes:
        if not self.cuts:
            return rest
        self.cuts -= 1
        return rest[: self.cut_bytes]


@contextmanager
def serving(**settings: object) -> Iterator[Server]:
    """Yields a server that runs in a thread."""
    server = Server(**settings)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self, with_body=True)

        def do_HEAD(self) -> None:
            server.answer(self, with_body=False)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
