"""Markdown as HTML: headings, lists, tables and code. Tags in it are text, links and pictures are left out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def html_of(markdown: str, below: int = 1) -> Markup:
    """HTML that can stand in a page.

    Args:
        below: by how many levels headings move down, so that a page keeps its own.
    """
    parser = _parser()
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + below, 6)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # a card is written by this package, but names and answers in it come from elsewhere
    made = MarkdownIt("commonmark", {"html": False})
    return made.enable("table").disable(["image", "link", "autolink", "html_inline", "html_block", "reference"])
