"""The weighted grammar: how a statement is put into words.

Captions are lower case, without punctuation, at most 21 words. A sentence is a template whose places are noun
phrases (number, size, colour, noun), a relation and a verb that agrees. Every choice of words is independent and
weighted, so the grammar has common and rare wordings of one meaning. A lone object is always named by colour and
shape; only several may be "two circles" or "two red shapes" (`FORMS`). `parse` accepts exactly this language.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from dlcamp.data.scenes.meaning import Group, Statement
from dlcamp.data.scenes.world import Colour, Relation, Shape, Size, weighted

Weighted = dict[str, float]

NUMBERS: dict[int, Weighted] = {1: {"a": 0.9, "one": 0.1}, 2: {"two": 1}, 3: {"three": 1}, 4: {"four": 1}}
SIZE_WORDS: dict[Size, Weighted] = {
    "small": {"small": 0.8, "little": 0.15, "tiny": 0.05},
    "large": {"large": 0.8, "big": 0.2},
}
COLOUR_WORDS: dict[Colour, Weighted] = {
    "red": {"red": 1},
    "green": {"green": 1},
    "blue": {"blue": 1},
    "yellow": {"yellow": 1},
    "purple": {"purple": 0.85, "violet": 0.15},
    "black": {"black": 1},
}
NOUNS: dict[Shape | None, tuple[Weighted, Weighted]] = {  # singular, plural; None: whatever the shape
    "circle": ({"circle": 0.8, "disc": 0.2}, {"circles": 0.8, "discs": 0.2}),
    "square": ({"square": 0.8, "box": 0.2}, {"squares": 0.8, "boxes": 0.2}),
    "triangle": ({"triangle": 1}, {"triangles": 1}),
    "star": ({"star": 1}, {"stars": 1}),
    "cross": ({"cross": 0.8, "plus sign": 0.2}, {"crosses": 0.8, "plus signs": 0.2}),
    None: ({}, {"shapes": 0.7, "objects": 0.3}),
}
RELATION_WORDS: dict[Relation, Weighted] = {
    "left": {"left of": 0.85, "to the left of": 0.15},
    "right": {"right of": 0.85, "to the right of": 0.15},
    "above": {"above": 0.85, "over": 0.15},
    "below": {"below": 0.7, "under": 0.2, "beneath": 0.1},
}
# Places: {a} {b} {c} noun phrases, {r} relation, {be} and {be_c} agree with the first and the third noun phrase.
TEMPLATES: dict[tuple[int, bool], Weighted] = {  # (groups, with a relation)
    (1, False): {"{a}": 0.6, "there {be} {a}": 0.3, "a picture of {a}": 0.1},
    (2, False): {
        "{a} and {b}": 0.65,
        "there {be} {a} and {b}": 0.25,
        "{a} with {b}": 0.05,
        "a picture of {a} and {b}": 0.05,
    },
    (3, False): {"{a} and {b} and {c}": 0.75, "there {be} {a} and {b} and {c}": 0.25},
    (2, True): {"{a} {r} {b}": 0.65, "{a} {be} {r} {b}": 0.15, "there {be} {a} {r} {b}": 0.2},
    (3, True): {
        "{a} {be} {r} {b} and there {be_c} {c}": 0.4,
        "there {be} {a} {r} {b} and there {be_c} {c}": 0.6,
    },
}
FORMS: dict[tuple[bool, bool, bool], tuple[float, float]] = {  # (size, colour, shape): weight of one, of several
    (False, True, True): (0.75, 0.55),
    (True, True, True): (0.25, 0.2),
    (False, False, True): (0, 0.15),
    (False, True, False): (0, 0.1),
}


def sayable(group: Group) -> bool:
    """Whether the grammar has words for the group."""
    return group.count in NUMBERS and FORMS.get(group.form, (0, 0))[group.count > 1] > 0


def realise(statement: Statement, rng: random.Random) -> str:
    """One wording, drawn by the weights.

    Raises:
        ValueError: a group of a form outside `FORMS`.
    """
    template = weighted(rng, _templates(statement))
    phrases = [" ".join(weighted(rng, words) for words in _slots(group)) for group in statement.groups]
    link = weighted(rng, RELATION_WORDS[statement.relation]) if statement.relation else ""
    return _fill(template, statement, phrases, link)


def wordings(statement: Statement) -> Iterator[str]:
    """Every wording of a statement (up to a few hundred thousand for three groups)."""
    phrases = [[" ".join(words) for words in product(*_slots(group))] for group in statement.groups]
    links = RELATION_WORDS[statement.relation] if statement.relation else {"": 1.0}
    for template, link, *chosen in product(_templates(statement), links, *phrases):
        yield _fill(template, statement, chosen, link)


def plain(group: Group) -> str:
    """The commonest noun phrase, for a message to a person ("two green stars")."""
    return " ".join(max(words, key=words.__getitem__) for words in _slots(group, strict=False))


def _templates(statement: Statement) -> Weighted:
    return TEMPLATES[len(statement.groups), statement.relation is not None]


def _slots(group: Group, strict: bool = True) -> list[Weighted]:
    if strict and not sayable(group):
        raise ValueError(f"the grammar has no words for {group}: a lone object needs colour and shape")
    nouns = NOUNS[group.shape][group.count != 1] or {"shape": 1.0}
    size = [SIZE_WORDS[group.size]] if group.size else []
    colour = [COLOUR_WORDS[group.colour]] if group.colour else []
    return [NUMBERS.get(group.count, {"no": 1.0}), *size, *colour, nouns]


def _fill(template: str, statement: Statement, phrases: list[str], link: str) -> str:
    verbs = ["is" if group.count == 1 else "are" for group in statement.groups]
    places = dict(zip("abc", phrases, strict=False))
    return template.format(r=link, be=verbs[0], be_c=verbs[-1], **places)
