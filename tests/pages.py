"""Pages as a browser shows them: open an HTML file or an address in headless Chromium, ask it, look at it.

    with Browser() as browser:
        page = browser.open(tmp_path / "report.html", width=390)
        assert page.errors == []
        assert page.ask("document.documentElement.scrollWidth") <= 390

The browser is driven through its debugging pipe, because a window of headless Chromium is never narrower than 500
pixels and `--dump-dom` cannot be asked anything. Errors are what any frame of the page, sandboxed ones too, writes to
the console. Without a browser on this machine the test that asks for one is skipped.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--remote-debugging-pipe")
_CONSOLE = re.compile(r':CONSOLE[:(]\d+\)?\] "(.*)", source: ', re.DOTALL)


def executable() -> str:
    """The browser's path; the test is skipped where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser to open pages with: none of {', '.join(NAMES)} is installed")
    return found


class Browser:
    """One browser process; each page gets a tab of its own."""

    def __init__(self) -> None:
        path = executable()
        self._folder = tempfile.TemporaryDirectory(prefix="dlcamp-browser-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name, "stderr.txt")
        theirs, self._to = (_high(end) for end in os.pipe())
        self._from, their_answer = (_high(end) for end in os.pipe())

        def connect() -> None:
            os.dup2(theirs, 3)
            os.dup2(their_answer, 4)

        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [path, *FLAGS, f"--user-data-dir={self._folder.name}/profile"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                preexec_fn=connect,
                close_fds=False,
                start_new_session=True,
            )
        os.close(theirs)
        os.close(their_answer)
        self._number = 0
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.send("Browser.close")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._folder.cleanup()

    def open(
        self, target: Path | str, *, width: int = 1280, height: int = 900, dark: bool = False, ready: str = "true"
    ) -> Page:
        """Load a file or an address; returns once the page has loaded and the script `ready` says true.

        A `ready` that never comes true is no error here: what the page shows then is what the test looks at.
        """
        tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        page = Page(self, session, self.console_end())
        page.call("Page.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        page.call("Page.navigate", url=target.absolute().as_uri() if isinstance(target, Path) else target)
        self.wait_for("Page.loadEventFired", 15)
        page.wait(ready)
        return page

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Ask and wait for the answer (the DevTools protocol)."""
        number = self.send(method, session, **params)
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            message = self._receive(give_up)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return dict(message["result"])
            self.events.append(message)
        raise TimeoutError(f"the browser did not answer {method}")

    def send(self, method: str, session: str = "", **params: Any) -> int:
        """Ask without waiting."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def wait_for(self, event: str, seconds: float) -> None:
        """Return when an event has come."""
        give_up = time.monotonic() + seconds
        while not any(message.get("method") == event for message in self.events):
            self.events.append(self._receive(give_up))

    def console_end(self) -> int:
        """How much was written to the console so far."""
        return self._log.stat().st_size

    def console(self, start: int) -> list[str]:
        """What pages wrote to the console since."""
        with self._log.open("rb") as log:
            log.seek(start)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return [match[1] for line in lines if (match := _CONSOLE.search(line))]

    def _receive(self, give_up: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], max(give_up - time.monotonic(), 0))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise RuntimeError(f"the browser ended:\n{self._log.read_text('utf-8', 'replace')[-2000:]}")
            self._buffer += part
        first, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(first))


class Page:
    """One open page."""

    def __init__(self, browser: Browser, session: str, console: int) -> None:
        self._browser, self._session, self._console = browser, session, console

    @property
    def dom(self) -> str:
        """The document as it is now, scripts having run."""
        return str(self.ask("document.documentElement.outerHTML"))

    @property
    def errors(self) -> list[str]:
        """What was written to the console: a page of ours writes nothing unless something is wrong."""
        self.ask("new Promise(done => setTimeout(done, 50))")
        return self._browser.console(self._console)

    def ask(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = 60) -> None:
        """Return when an expression is true, or time is over."""
        give_up = time.monotonic() + seconds
        while not self.ask(f"Boolean({script})") and time.monotonic() < give_up:
            time.sleep(0.05)

    def picture(self, path: Path, whole: bool = True) -> None:
        """A PNG of the page, of all of it or of what the window shows."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(shot["data"]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask this tab (the DevTools protocol)."""
        return self._browser.call(method, self._session, **params)

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}


def _high(descriptor: int) -> int:
    """The same pipe under a number that is not 3 or 4, which the browser wants."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
