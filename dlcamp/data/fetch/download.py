"""One file over HTTP(S), in as many pieces as it takes, from servers that break off, stall, redirect or lie.

The bytes go into `NAME.part`; `NAME.part.json` says of which version of the file they are (ETag or date), so that a
later try, also by another process, goes on behind them only while the server still has that version. What is tried
again is said; how often, `Patience` says. A file is given its name only when it is as long as the server says, or is
known to be whole by its checksum.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from dlcamp.data.fetch.remote import amount
from dlcamp.data.fetch.report import Advance, Report
from dlcamp.data.fetch.space import Free, disk_error, require
from dlcamp.errors import DataError

_CHUNK = 1 << 16
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, in seconds.

    Args:
        stall: silence after which a connection is given up.
        tries: tries in a row that bring nothing new before the download is given up.
        pause: before the second try; doubles with each that brings nothing, up to `longest`.
        longest: the longest pause, also when the server asks for a longer one.
    """

    stall: float = 30.0
    tries: int = 5
    pause: float = 1.0
    longest: float = 60.0


class Unavailable(DataError):
    """This URL does not give the file; another one may. `status` is the server's answer, 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Broken(Exception):
    """A try failed in a way that another may not."""

    def __init__(self, reason: str, wait: float = 0.0, nobody: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.nobody = nobody  # no server answered at all: without a network, waiting long is no use


def download(
    url: str,
    target: Path,
    report: Report,
    *,
    patience: Patience,
    free: Free,
    whole: Callable[[Path], bool] = lambda path: False,
) -> bool:
    """Fetch `url` into `target`, going on where an earlier try of the same version ended.

    Args:
        target: where the file will be; its `.part` beside it is kept when the download does not end.
        whole: whether a file is known to be complete by its checksum, whatever the server says of its length.

    Returns:
        whether the file was put together from more than one connection.

    Raises:
        Unavailable: the server has no such file, cannot be reached, or gives up too often.
        DataError: the disk is full or cannot be written.
    """
    return _Transfer(url, target, report, patience, free, whole).run()


class _Transfer:
    def __init__(
        self,
        url: str,
        target: Path,
        report: Report,
        patience: Patience,
        free: Free,
        whole: Callable[[Path], bool],
    ) -> None:
        self.url, self.target, self.report = url, target, report
        self.patience, self.free, self.whole = patience, free, whole
        self.part = target.with_name(f"{target.name}.part")
        self.note_file = target.with_name(f"{target.name}.part.json")
        self.note = self._read_note()
        self.bars = ExitStack()
        self.bar: Advance | None = None
        self.shown = 0
        self.resumed = False

    def run(self) -> bool:
        best, failures = self._have(), 0
        with self.bars:
            while True:
                try:
                    self._try()
                    break
                except _Broken as error:
                    best, failures = (self._have(), 0) if self._have() > best else (best, failures + 1)
                    if self.part.exists() and self.whole(self.part):
                        break
                    tries = 2 if error.nobody and not best else self.patience.tries
                    if failures >= tries:
                        raise Unavailable(f"{self.url}: {error} ({failures} times in a row)") from None
                    self._wait(str(error), max(error.wait, self.patience.pause * 2 ** max(0, failures - 1)))
        self.part.replace(self.target)
        self.note_file.unlink(missing_ok=True)
        return self.resumed

    def _wait(self, reason: str, seconds: float) -> None:
        seconds = min(seconds, self.patience.longest)
        self.report.say(f"{self.target.name}: {reason} at {amount(self._have())}; going on in {seconds:.3g} s")
        time.sleep(seconds)

    def _try(self) -> None:
        have = self._have()
        try:
            with self._open(have) as response:
                start, total = self._start(response, have)
                self.resumed = self.resumed or start > 0
                if total is not None:
                    require(total - start, self.part.parent, self.free, self.target.name)
                self._show(total, start)
                self._receive(response, start, total)
        except urllib.error.HTTPError as error:
            self._refused(error, have)
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from None

    def _open(self, have: int) -> Any:
        headers = {"User-Agent": "dlcamp", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            headers["If-Range"] = str(self.note["version"])
        request = urllib.request.Request(self.url, headers=headers)
        return urllib.request.build_opener(_Redirects).open(request, timeout=self.patience.stall)

    def _start(self, response: Any, have: int) -> tuple[int, int | None]:
        """The byte at which the answer begins, and the file's whole length where the server says it."""
        if response.status == 200:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() and not response.chunked else None
            self._write_note(response.headers, total)
            return 0, total
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        if response.status != 206 or found is None or not have:
            raise Unavailable(f"{self.url}: an answer that is no file ({response.status} {response.reason})")
        total = None if found[3] == "*" else int(found[3])
        if int(found[1]) != have or total != self.note.get("total") or self._changed(response.headers):
            self._forget()
            raise _Broken("the file changed on the server")
        return have, total

    def _receive(self, response: Any, start: int, total: int | None) -> None:
        received = start
        with self._part_file(start) as file:
            while total is None or received < total:
                chunk = response.read1(_CHUNK if total is None else min(_CHUNK, total - received))
                if not chunk:
                    break
                self._store(file, chunk)
                received += len(chunk)
                self._show(total, received)
        if total is not None and received < total:
            raise _Broken(f"the connection ended before all {amount(total)} were there")

    def _refused(self, error: urllib.error.HTTPError, have: int) -> None:
        """What the server's refusal means; returns only where the file is whole already."""
        with error:
            if error.code == 416 and have:
                if re.fullmatch(rf"bytes \*/{have}", error.headers.get("Content-Range", "").strip()):
                    return
                self._forget()
                raise _Broken("the file changed on the server")
            wait = error.headers.get("Retry-After", "")
            if error.code in _AGAIN:
                raise _Broken(f"the server answers {error.code} {error.reason}", float(wait) if wait.isdigit() else 0.0)
            reason = str(error.reason).splitlines()[0] if error.code in range(300, 400) else error.reason
            raise Unavailable(f"{self.url}: the server answers {error.code} {reason}", error.code)

    def _unreachable(self, reason: object) -> Exception:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return Unavailable(f"{self.url}: its certificate cannot be verified ({reason.verify_message})")
        if isinstance(reason, TimeoutError):
            return _Broken(f"nothing came for {self.patience.stall:g} s")
        said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        if isinstance(reason, OSError):
            return _Broken(
                f"no connection ({said})", nobody=isinstance(reason, socket.gaierror | ConnectionRefusedError)
            )
        return _Broken(f"a broken answer ({said})")

    def _changed(self, headers: Any) -> bool:
        seen = _version(headers)
        return bool(seen and seen != self.note.get("version"))

    def _have(self) -> int:
        """Bytes that may be gone on from."""
        if not self.note.get("version") or self.note.get("url") != self.url:
            return 0
        return self.part.stat().st_size if self.part.exists() else 0

    def _show(self, total: int | None, now: int) -> None:
        if self.bar is None:
            self.bar = self.bars.enter_context(self.report.progress(total or 0, self.target.name))
        self.bar.advance(now - self.shown)
        self.shown = now

    def _part_file(self, start: int) -> IO[bytes]:
        try:
            file: IO[bytes] = self.part.open("ab", buffering=0)
            file.truncate(start)
        except OSError as error:
            raise disk_error(self.part, error) from None
        return file

    def _store(self, file: IO[bytes], chunk: bytes) -> None:
        try:
            left = memoryview(chunk)
            while left:
                left = left[file.write(left) :]
        except OSError as error:
            raise disk_error(self.part, error) from None

    def _write_note(self, headers: Any, total: int | None) -> None:
        self._forget()
        self.note = {"url": self.url, "version": _version(headers), "total": total}
        try:
            self.note_file.write_text(json.dumps(self.note), "utf-8")
        except OSError as error:
            raise disk_error(self.note_file, error) from None

    def _read_note(self) -> Mapping[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            note = json.loads(self.note_file.read_text("utf-8"))
            if isinstance(note, dict):
                return note
        return {}

    def _forget(self) -> None:
        self.note = {}
        self.part.unlink(missing_ok=True)
        self.note_file.unlink(missing_ok=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Followed to http and https only, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        scheme = urlsplit(newurl).scheme
        if scheme not in {"http", "https"} or (urlsplit(req.full_url).scheme == "https" and scheme == "http"):
            fp.close()
            raise Unavailable(f"{req.full_url} leads to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _version(headers: Any) -> str:
    """What tells one version of a file from the next: a strong ETag, else the date; empty where there is neither."""
    tag = headers.get("ETag", "").strip()
    return tag if tag.startswith('"') else headers.get("Last-Modified", "").strip()
