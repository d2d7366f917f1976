"""Text in markdown stays text, for a reader of CommonMark and for MLflow's converter."""

from __future__ import annotations

import html
import re

import pytest
from markdown_it import MarkdownIt

from dlcamp.registry.markdown import code, plain, table

# a converter that lets everything through, as MLflow's does more or less
OPEN = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://example.org/a.png)",
    "[click](javascript:alert(1))",
    "*bold* _slanted_ __strong__ ~~gone~~",
    "`code` ``more``",
    "a | b | c",
    "&lt;b&gt; &amp; &#60;",
    "a & b at 5 < 6 > 4",
    "# no heading",
    "back\\slash \\* \\<b>",
    "two\nlines\r\nand\ttabs \x1b[31mred",
    "<!-- hidden -->",
    "snake_case_name, caption_lstm-scenes",
]


def seen(markdown: str) -> str:
    """What a reader sees of a line, whose markup must be a paragraph alone."""
    made = OPEN.render(f"Text: {markdown}").strip()
    assert re.sub(r"^<p>(.*)</p>$", r"\1", made, flags=re.DOTALL).count("<") == made.count("<code>") * 2, made
    return html.unescape(re.sub(r"<[^>]+>", "", made)).removeprefix("Text: ")


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    expected = " ".join(text.replace("\x1b", " ").split())
    assert seen(plain(text)) == expected
    assert seen(code(text)) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    made = OPEN.render("\n".join(table(["name", "n:value"], [[plain(text), "1"], [code(text), "2"]])))
    assert made.count("<td") == 4
    assert not re.search(r"<(script|img|a|em|strong|h1)\b", made)


def test_github_rules_find_no_mention_and_no_address() -> None:
    assert "@" not in plain("ask @champion")
    assert "://" not in plain("see http://example.org")
    assert "www." not in plain("see www.example.org")


def test_names_are_code_and_long_texts_are_cut() -> None:
    assert code("caption_lstm-scenes") == "`caption_lstm-scenes`"
    assert plain("x" * 500, 10) == "xxxxxxxxx…"
