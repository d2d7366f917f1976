"""Text as markdown shows it: whatever stands in a name, a tag or a caption is text, never markup.

MLflow turns descriptions into HTML by a converter that lets images and links of HTML through, follows GitHub's rules
(`@name` and bare addresses become links), and reads tables by their pipes. Character references are understood alike
there, in CommonMark and on our own pages, in cells too; backslashes are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"&(?=[#A-Za-z0-9])|[<>\\`*{}\[\]|~!#@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=:)//|(?<=www)\.")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./:@=+,%()\[\]'\"-]*")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def plain(text: object, most: int = 400) -> str:
    """The text as it is, on one line, in any place but the beginning of a line.

    Args:
        most: characters; the rest becomes an ellipsis.
    """
    shown = one_line(text, most)
    return _SPECIAL.sub(lambda found: "".join(f"&#{ord(letter)};" for letter in found[0]), shown)


def code(text: object, most: int = 400) -> str:
    """The text as code where nothing in it could end the code; else `plain`."""
    shown = one_line(text, most)
    return f"`{shown}`" if _CODE.fullmatch(shown) else plain(shown, most)


def one_line(text: object, most: int = 400) -> str:
    """Without line breaks, control characters and marks that turn the direction of writing, cut to a length."""
    shown = " ".join(_UNSEEN.sub(" ", str(text)).split())
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; cells are markdown already. A column whose head begins with `n:` holds numbers."""
    marks = ["---:" if name.startswith("n:") else "---" for name in head]
    names = [name.removeprefix("n:") for name in head]
    return [_line(names), _line(marks), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
