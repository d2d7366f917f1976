"""What a request must be to reach the dashboard, and the headers that every answer carries.

It is served on 127.0.0.1 without a password, so that any page in the user's browser could ask it: a name that was made
to point here (DNS rebinding) shows in Host, a foreign page's script in Origin. Both are refused. Nothing is written by
any request, and methods that could write are refused too.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = ("127.0.0.1", "localhost")
METHODS = ("GET", "HEAD")

# figures set style attributes and plotly adds a style element, hence unsafe-inline there; scripts are files of ours
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# a report is one file with its scripts inside; sandboxed, it is a stranger to this address
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses foreign requests and adds HEADERS; those that an answer sets itself stay."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(message)
            await send(message)

        refusal = refused(scope)
        await (refusal or self._app)(scope, receive, with_headers)


def protect(message: MutableMapping[str, Any]) -> None:
    """Add the headers to the start of an answer."""
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def refused(scope: Scope) -> PlainTextResponse | None:
    """The answer to a request that must not be served; None for one that may."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if _name(host) not in NAMES or len(headers.getlist("host")) != 1:
        return _refusal(403, f"Host is {host[:100]!r}; this page answers to 127.0.0.1 and localhost only.")
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return _refusal(403, f"Origin is {origin[:100]!r}: other pages may not read this one.")
    if scope["method"] not in METHODS:
        return _refusal(405, "This page only shows runs: GET and HEAD.", {"Allow": ", ".join(METHODS)})
    return None


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status, headers)


def _name(host: str) -> str:
    """The name in `name:port`; empty for what is neither a name nor one with a port."""
    name, colon, port = host.lower().partition(":")
    return name if not colon or port.isdecimal() else ""
