"""Where things stand in the text of a yaml file: nodes by PyYAML's marks, whole lines, comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What yaml takes for the end of a line."""


def compose(text: str) -> Any:
    """The root node, None of an empty text; an alias has marks of its own, not those of what it stands for."""

    class Marked(yaml.BaseLoader):
        def compose_node(self, parent: Node | None, index: int) -> Node | None:  # type: ignore[override]
            if self.check_event(yaml.AliasEvent):
                event = self.get_event()
                return yaml.ScalarNode("alias", event.anchor, event.start_mark, event.end_mark)
            return super().compose_node(parent, index)

    return yaml.compose(text, Loader=Marked)


def in_lines(node: Node) -> TypeGuard[MappingNode]:
    """Whether a node holds `key: value` lines, not braces."""
    return isinstance(node, MappingNode) and not node.flow_style


def end_of(*nodes: Node) -> int:
    """Where what was written of a key and its value ends; the mark of a block is where the next one begins."""
    return max(_end(node) for node in nodes)


def _end(node: Node) -> int:
    if not isinstance(node, CollectionNode) or node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return end_of(*last) if isinstance(node, MappingNode) else _end(last)


def step_of(node: MappingNode, default: int = 2) -> int:
    """By how many spaces the values of a mapping are set in."""
    indent = node.value[0][0].start_mark.column
    columns = [value.value[0][0].start_mark.column for _, value in node.value if in_lines(value)]
    return max(columns[0] - indent, 1) if columns else default


def starts_line(text: str, at: int) -> bool:
    """Whether a place is the start of a line."""
    return at == 0 or BREAK.fullmatch(text[at - 1]) is not None


def line_start(text: str, at: int) -> int:
    """The start of the line that a place is on."""
    while not starts_line(text, at):
        at -= 1
    return at


def line_end(text: str, at: int) -> int:
    """Behind the line in which something ends at this place; the start of a line is the end of the one before."""
    if at and starts_line(text, at):
        return at
    found = BREAK.search(text, at)
    return found.end() if found else len(text)


def lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each line between two places."""
    while start < end:
        found = BREAK.search(text, start)
        stop = found.end() if found else len(text)
        yield start, stop
        start = stop


def behind(text: str, at: int, indent: int) -> int:
    """Behind the line of a place and the comments below it that are set in at least so far: they belong to it."""
    at = line_end(text, at)
    for start, stop in lines(text, at, len(text)):
        line = text[start:stop]
        words = line.strip()
        if words and not (words.startswith("#") and len(line) - len(line.lstrip(" ")) >= indent):
            break
        if words:
            at = stop
    return at


def comment_of(line: str) -> str:
    """The comment in a line that holds no value."""
    found = re.search(r"(?:^|[\s,])(#.*)$", line)
    return found.group(1).rstrip() if found else ""
