"""Inverts the grammar: a caption back to what it claims.

The patterns are built from the grammar's own tables, so both change together. Nothing outside the language is
forgiven: not capitals, punctuation, double spaces, wrong agreement ("there is two stars") nor unknown words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from dlcamp.data.scenes import grammar
from dlcamp.data.scenes.meaning import Group, Statement


def parse(caption: str) -> Statement | None:
    """The one meaning of a caption, or None when it is not a sentence of the grammar."""
    for count, related, pattern in _patterns():
        found = pattern.fullmatch(caption)
        if found and (groups := _groups(found, count)):
            return Statement(groups, _RELATIONS[found["r"]] if related else None)
    return None


def _groups(found: re.Match[str], count: int) -> tuple[Group, ...] | None:
    """The groups of a match; None when one is not sayable, or number and noun or verb disagree."""
    words = found.groupdict()
    groups = []
    for place in "abc"[:count]:
        shape, plural = _NOUNS[words[f"{place}_noun"]]
        size, colour = words[f"{place}_size"], words[f"{place}_colour"]
        number = _NUMBERS[words[f"{place}_number"]]
        group = Group(number, _SIZES[size] if size else None, _COLOURS[colour] if colour else None, shape)
        if plural != (number != 1) or not grammar.sayable(group):
            return None
        groups.append(group)
    for verb, group in (("be", groups[0]), ("be_c", groups[-1])):
        if words.get(verb, "is" if group.count == 1 else "are") != ("is" if group.count == 1 else "are"):
            return None
    return tuple(groups)


def _inverse(table: Mapping[Any, Iterable[str]]) -> dict[str, Any]:
    return {word: key for key, words in table.items() for word in words}


_NUMBERS = _inverse(grammar.NUMBERS)
_SIZES = _inverse(grammar.SIZE_WORDS)
_COLOURS = _inverse(grammar.COLOUR_WORDS)
_RELATIONS = _inverse(grammar.RELATION_WORDS)
_NOUNS = {
    word: (shape, plural)
    for shape, forms in grammar.NOUNS.items()
    for plural in (False, True)
    for word in forms[plural]
}


def _one_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))


def _noun_phrase(place: str) -> str:
    return (
        rf"(?P<{place}_number>{_one_of(_NUMBERS)}) "
        rf"(?:(?P<{place}_size>{_one_of(_SIZES)}) )?"
        rf"(?:(?P<{place}_colour>{_one_of(_COLOURS)}) )?"
        rf"(?P<{place}_noun>{_one_of(_NOUNS)})"
    )


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[int, bool, re.Pattern[str]]]:
    places = {place: _noun_phrase(place) for place in "abc"}
    places |= {"r": rf"(?P<r>{_one_of(_RELATIONS)})", "be": "(?P<be>is|are)", "be_c": "(?P<be_c>is|are)"}
    return [
        (count, related, re.compile(template.format(**places)))
        for (count, related), templates in grammar.TEMPLATES.items()
        for template in templates
    ]
