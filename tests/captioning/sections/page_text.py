"""What a reader sees of markup, in one line."""

from __future__ import annotations

import html
import re


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())
