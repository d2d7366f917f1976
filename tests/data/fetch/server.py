"""A server on loopback that misbehaves as told: it drops, stalls, redirects, lies about lengths, ignores Range.

A path is given a content and answers for its first tries; after those it is served as a good server would.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote


@dataclass(frozen=True)
class Answer:
    """What is done with one request.

    Args:
        status: 404 or 503, say, instead of the content.
        drop_after: bytes after which the connection is closed.
        stall_after: bytes after which nothing more comes.
        length: added to the true Content-Length; None sends none at all.
        ranges: whether a Range is heeded.
        redirect: where the file is instead.
        content: what the file holds from this request on.
        validators: whether an ETag is sent.
        chunked: sent in chunks without a length.
        if_range: whether an If-Range is heeded; else a part of the new version is sent for the rest of the old.
        shift: added to the byte at which a range starts, as the answer says.
        garbled: the bytes of a range are not those of the file.
        headers: more of them.
    """

    status: int = 200
    drop_after: int | None = None
    stall_after: int | None = None
    length: int | None = 0
    ranges: bool = True
    redirect: str | None = None
    content: bytes | None = None
    validators: bool = True
    chunked: bool = False
    if_range: bool = True
    shift: int = 0
    garbled: bool = False
    headers: tuple[tuple[str, str], ...] = ()


GOOD = Answer()


class Asked(NamedTuple):
    """One request as it came."""

    path: str
    range: str | None
    if_range: str | None


@dataclass
class _File:
    content: bytes
    answers: list[Answer]
    always: Answer = GOOD


@dataclass
class Server:
    """The files it serves, and what it was asked."""

    files: dict[str, _File] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def serve(self, path: str, content: bytes, *answers: Answer, always: Answer = GOOD) -> str:
        """Serve a content at a path, its first requests as `answers` say, the others as `always`; returns the URL."""
        self.files[path] = _File(content, list(answers), always)
        return self.url(path)

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def forget(self) -> None:
        """Let go of who is being stalled, and serve nothing."""
        self.closing.set()
        self.files, self.asked, self.closing = {}, [], threading.Event()

    def ranges(self) -> list[str | None]:
        """The Range of every request so far."""
        return [asked.range for asked in self.asked]


@contextmanager
def running() -> Iterator[Server]:
    """A server that runs while the block does."""
    server = Server()
    http = _Http(("127.0.0.1", 0), type("Handler", (_Handler,), {"files": server}))
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.forget()
        http.shutdown()
        http.server_close()
        thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    files: Server

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.files.asked.append(Asked(path, self.headers.get("Range"), self.headers.get("If-Range")))
        file = self.files.files.get(path)
        if file is None:
            self.send_error(404)
            return
        answer = file.answers.pop(0) if file.answers else file.always
        if answer.content is not None:
            file.content = answer.content
        if answer.redirect is not None:
            self._head(302, [("Location", answer.redirect), ("Content-Length", "0")])
        elif answer.status != 200:
            self._head(answer.status, [*answer.headers, ("Content-Length", "0")])
        else:
            self._send(file.content, answer)

    def _send(self, content: bytes, answer: Answer) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()[:12]}"'
        headers = [*answer.headers, *([("ETag", tag)] if answer.validators else [])]
        start = self._start(tag, answer) if answer.ranges else 0
        if start and start >= len(content):
            self._head(416, [("Content-Range", f"bytes */{len(content)}"), ("Content-Length", "0")])
            return
        start = start + answer.shift if start else 0
        body = bytes(len(content) - start) if start and answer.garbled else content[start:]
        if answer.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif answer.length is not None:
            headers.append(("Content-Length", str(len(body) + answer.length)))
        if start:
            headers.append(("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"))
        self._head(206 if start else 200, headers)
        self._body(body, answer)

    def _body(self, body: bytes, answer: Answer) -> None:
        closing = self.files.closing
        cut = answer.drop_after if answer.drop_after is not None else answer.stall_after
        sent = body if cut is None else body[:cut]
        if answer.chunked:
            for begin in range(0, len(sent), 1000):
                piece = sent[begin : begin + 1000]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n" if cut is None else b"")
        else:
            self.wfile.write(sent)
        self.wfile.flush()
        if answer.stall_after is not None:
            closing.wait(20)

    def _start(self, tag: str, answer: Answer) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = not answer.if_range or self.headers.get("If-Range", tag) == tag
        return int(asked[1]) if asked and unchanged else 0

    def _head(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""
