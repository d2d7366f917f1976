"""Where a preset goes in the text of a yaml file, and its lines: text in, text out, every other character the same.

Only `presets: {smoke: {...}}` is turned into one entry a line, because comments have no good place in braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.reader import Reader

from dlcamp.search.preset_values import quoted, text_of, written
from dlcamp.search.yaml_lines import (
    BREAK,
    behind,
    comment_of,
    compose,
    end_of,
    in_lines,
    line_end,
    line_start,
    lines,
    starts_line,
    step_of,
)

MARK = "written by `make search"
"""How the first comment line of a generated preset begins; its other lines are set in by three spaces."""
_MORE = "#   "


class Unfit(Exception):
    """The file is laid out, or says something, so that this preset cannot be put in."""


@dataclass(frozen=True)
class Entry:
    """A preset to write."""

    name: str
    values: Mapping[str, Any]
    provenance: tuple[str, ...]

    def read(self) -> dict[str, Any]:
        """What `read_yaml` must find."""
        return {str(key): text_of(value) for key, value in self.values.items()}

    def lines(self, indent: int, step: int) -> list[str]:
        """Its lines without their ends."""
        values = [f"{' ' * step}{quoted(str(key))}: {written(value)}" for key, value in self.values.items()]
        name = f"{quoted(self.name)}:" + ("" if values else " {}")
        return [" " * indent + line for line in (*self._comments(), name, *values)]

    def _comments(self) -> list[str]:
        told = [Reader.NON_PRINTABLE.sub("?", part) for line in self.provenance for part in line.splitlines()]
        if not told or not told[0].startswith(MARK):
            told.insert(0, f"{MARK}`")
        return [f"# {told[0]}", *((_MORE + line).rstrip() for line in told[1:])]


@dataclass(frozen=True)
class _Edit:
    """Whole lines between two places of the text, and those to stand there instead, without their ends."""

    start: int
    end: int
    lines: list[str]


def spliced(text: str, entry: Entry) -> str:
    """The text with the preset in it; a missing end of the last line stays missing.

    Raises:
        Unfit: a person wrote a preset of that name, or the layout cannot take one.
    """
    edit = _edit(text, entry)
    found = re.search("\r\n|[\n\r]", text)
    newline = found.group() if found else "\n"
    before, after = text[: edit.start], text[edit.end :]
    if before and not starts_line(text, edit.start):
        before += newline
    last = newline if after or starts_line(text, len(text)) else ""
    return before + newline.join(edit.lines) + last + after


def _edit(text: str, entry: Entry) -> _Edit:
    root = compose(text)
    if root is None or root.start_mark.index == root.end_mark.index:  # comments, `---`
        return _Edit(len(text), len(text), ["presets:", *entry.lines(2, 2)])
    if not in_lines(root):
        raise Unfit("its sections stand in braces; give each a line of its own")
    outer, step = root.value[0][0].start_mark.column, step_of(root)
    for key, presets in root.value:
        if key.value == "presets":
            if in_lines(presets):
                return _among_lines(text, presets, key, entry)
            return _behind_the_key(text, presets, key, entry, step)
    at = behind(text, end_of(root), outer)
    return _Edit(at, at, [" " * outer + "presets:", *entry.lines(outer + step, step)])


def _among_lines(text: str, presets: MappingNode, section: Node, entry: Entry) -> _Edit:
    """Replace the entry of that name, or put one behind the last."""
    indent = presets.value[0][0].start_mark.column
    own = entry.lines(indent, step_of(presets, default=max(indent - section.start_mark.column, 1)))
    previous = section.end_mark.index
    for key, value in presets.value:
        if key.value == entry.name:
            start, kept = _generated(text, previous, key)
            return _Edit(start, line_end(text, end_of(key, value)), [*kept, *own])
        previous = end_of(key, value)
    at = behind(text, previous, indent)
    return _Edit(at, at, own)


def _generated(text: str, previous: int, key: Node) -> tuple[int, list[str]]:
    """Where the generated entry begins, with its own comments, and those that a person put between them."""
    start = line_start(text, key.start_mark.index)
    places = list(lines(text, line_end(text, previous), start))
    above = [BREAK.sub("", text[begin:end]) for begin, end in places]
    marks = [number for number, line in enumerate(above) if line.strip().startswith(f"# {MARK}")]
    if not marks:
        raise _by_hand(key)
    more = marks[-1] + 1
    while more < len(above) and f"{above[more].strip()}   ".startswith(_MORE):
        more += 1
    return places[marks[-1]][0], above[more:]


def _by_hand(key: Node) -> Unfit:
    return Unfit(
        f"line {key.start_mark.line + 1} holds a preset {key.value} that a person wrote (no comment `# {MARK} ...` is "
        "above it); give that one another name"
    )


def _behind_the_key(text: str, presets: Node, key: Node, entry: Entry, step: int) -> _Edit:
    """`presets:` without entries, or in braces: the rest of its line stays, and one entry a line follows."""
    indent = key.start_mark.column + step
    start, end = presets.start_mark.index, presets.end_mark.index
    braces = isinstance(presets, MappingNode)
    if not braces and not (isinstance(presets, ScalarNode) and presets.value == ""):
        raise Unfit(f"line {presets.start_mark.line + 1}: `presets` must hold `name: ...` lines")
    pairs = presets.value if braces else []
    if taken := next((one for one, _ in pairs if one.value == entry.name), None):
        raise _by_hand(taken)
    if not braces and text[start:end] not in ("''", '""'):  # nothing, perhaps an anchor
        at = behind(text, end, key.start_mark.column + 1)
        return _Edit(at, at, entry.lines(indent, step))
    opens = text.index("{", start) if braces else start
    line, after = line_start(text, key.start_mark.index), line_end(text, end)
    rest = text[end:after].strip()
    head = text[line:opens].rstrip() + (f"  {rest}" if rest else "")
    inside = [" " * indent + one for one in _one_a_line(text, opens + 1, end - 1, pairs)]
    return _Edit(line, after, [*BREAK.split(head), *inside, *entry.lines(indent, step)])


def _one_a_line(text: str, start: int, end: int, pairs: Sequence[tuple[Node, Node]]) -> list[str]:
    """What stands between two braces, an entry a line, with the comments in between."""
    made: list[str] = []
    for key, value in pairs:
        _add_comments(made, text[start : key.start_mark.index])
        colon = text[key.end_mark.index : value.start_mark.index]
        colon = (colon if ":" in colon else ":").rstrip() if "#" not in colon else colon
        content = text[value.start_mark.index : value.end_mark.index]
        made.append(f"{text[key.start_mark.index : key.end_mark.index]}{colon} {content}".rstrip())
        start = end_of(key, value)
    _add_comments(made, text[start:end])
    return made


def _add_comments(made: list[str], gap: str) -> None:
    """A comment on the line of an entry stays there, others get a line."""
    first, *others = (comment_of(line) for line in BREAK.split(gap))
    if first and made and not made[-1].startswith("#"):
        made[-1] += f"  {first}"
    elif first:
        made.append(first)
    made += [comment for comment in others if comment]
