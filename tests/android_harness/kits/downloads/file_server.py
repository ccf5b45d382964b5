"""Web server of this machine that gives out files: whole, in ranges, cut off, or something else in their place."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class FileServer:
    """Files by their paths, and how they are given out.

    `cuts` has for each of the next answers after how many bytes of its body the connection breaks; `tag` names the content, and without
    one, as with `ranges` off, a client has to begin anew. `status`, `headers` and `location` take the place of the file.
    """

    files: dict[str, bytes]
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    tag: str = '"one"'
    says_length: bool = True
    status: int = 200
    location: str = ""
    content_type: str = "application/octet-stream"
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Paths that were asked for, with the ranges."""
    url: str = ""


@contextmanager
def serving(files: dict[str, bytes], *, certificate: Path | None = None) -> Iterator[FileServer]:
    """Gives out files until the end of the block; with a certificate (and its key, in one file), encrypted."""
    about = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            about.asked.append((self.path, wanted))
            body = about.files.get(self.path)
            status = about.status if body is not None or about.status != 200 else 404
            body = body or b""
            begin, length = 0, len(body)
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            if match and status == 200 and about.ranges and self.headers.get("If-Range") == about.tag:
                begin, status = int(match[1]), 206
            self.send_response(status)
            self.send_header("Content-Type", about.content_type)
            self.send_header("Connection", "close")
            if about.location:
                self.send_header("Location", about.location)
            if about.tag:
                self.send_header("ETag", about.tag)
            if status == 206:
                self.send_header("Content-Range", f"bytes {begin}-{length - 1}/{length}")
            if about.says_length:
                self.send_header("Content-Length", str(length - begin))
            self.end_headers()
            self.close_connection = True
            self.wfile.write(body[begin:][: about.cuts.pop(0) if about.cuts else None])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    about.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield about
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
