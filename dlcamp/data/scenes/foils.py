"""Pairs of a true caption and a foil that is false in one respect: what a decoder knows, whether it says it or not.

A speaker may avoid what it is not sure of. Asked which of two captions is likelier given the image, it cannot (Shekhar
et al. 2017, "FOIL it!"; Yuksekgonul et al. 2023). Both sentences are of the grammar, have as many words and differ in
one word, or in two that changed places:

    relation  a red star left of a black box     a red star right of a black box
    binding   a red star and a black box         a black star and a red box
    colour    a red star and a black box         a green star and a black box
    shape     a red star and a black box         a red circle and a black box

Who sees no image must be right half the time (Hsieh et al. 2023 found benchmarks that language alone solves). So a foil
is as likely to be the truth of another scene as the true caption is: words of both are drawn with the same luck from
the grammar's weights, and both name as many pairs of `HELD_OUT`, which train never shows and every decoder finds
unlikely. Numbers and sizes have no foils: twos are commoner than threes, and what is large is mentioned more readily,
so that their wording alone would give the true one away. Neither have scenes of one kind of thing: they are so few that
those of train are known by heart, and what is not among them must be the true one of test.

A scene has at most one pair an aspect, so that what is counted is scenes, which are independent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Literal, NamedTuple

from dlcamp.data.scenes.dataset import Scenes
from dlcamp.data.scenes.describe import Speaker
from dlcamp.data.scenes.grammar import realise
from dlcamp.data.scenes.meaning import Group, Statement, true_of
from dlcamp.data.scenes.world import COLOURS, HELD_OUT, OPPOSITE, SHAPES, stream

FoilAspect = Literal["relation", "binding", "colour", "shape"]

Candidate = tuple[Statement, Statement, float]
"""A true statement, another one, and how readily a speaker makes the true one."""


class Pair(NamedTuple):
    """Two captions of one scene that differ in one aspect: `true` holds and `foil` does not."""

    item: str
    aspect: FoilAspect
    true: str
    foil: str


def pairs(data: Scenes, items: Iterable[str]) -> list[Pair]:
    """One pair for each item and each aspect that its scene allows; the same ones every time.

    Raises:
        DataError: an item that the data set does not have.
    """
    found = []
    for item in items:
        split, index = data.place(item)
        speaker = Speaker(data.scene(item))
        for aspect in FOIL_ASPECTS:
            said = contrast(aspect, speaker, stream(data.seed, split, index, f"foil/{aspect}"))
            if said:
                found.append(Pair(item, aspect, *said))
    return found


def contrast(aspect: FoilAspect, speaker: Speaker, rng: random.Random) -> tuple[str, str] | None:
    """A true caption of the speaker's scene and its foil; None where the scene allows none of this aspect."""
    candidates = list(_CANDIDATES[aspect](speaker))
    while candidates:
        chosen = rng.choices(range(len(candidates)), [weight for _, _, weight in candidates])[0]
        true, foil, _ = candidates.pop(chosen)
        if _held_out(true) == _held_out(foil) and not true_of(foil, speaker.scene):
            return _worded(true, foil, rng)
    return None


def _relations(speaker: Speaker) -> Iterator[Candidate]:
    for (first, second, found), weight in speaker.pairs.items():
        true = Statement((first.group, second.group), found)
        yield true, replace(true, relation=OPPOSITE[found]), weight


def _bindings(speaker: Speaker) -> Iterator[Candidate]:
    for a, b, weight in _two_named(speaker):
        if a.colour != b.colour and a.shape != b.shape:
            exchanged = replace(a, colour=b.colour), replace(b, colour=a.colour)
            yield Statement((a, b)), Statement(exchanged), weight


def _colours(speaker: Speaker) -> Iterator[Candidate]:
    return _with_others(speaker, lambda group: [replace(group, colour=c) for c in COLOURS if c != group.colour])


def _shapes(speaker: Speaker) -> Iterator[Candidate]:
    return _with_others(speaker, lambda group: [replace(group, shape=s) for s in SHAPES if s != group.shape])


def _with_others(speaker: Speaker, others: Callable[[Group], list[Group]]) -> Iterator[Candidate]:
    """One of two groups exchanged for each of its `others`, unless the same kind of thing would be named twice."""
    for a, b, weight in _two_named(speaker):
        true = Statement((a, b))
        yield from ((true, Statement((other, b)), weight) for other in others(a) if not _same_kind(other, b))
        yield from ((true, Statement((a, other)), weight) for other in others(b) if not _same_kind(a, other))


_CANDIDATES: dict[FoilAspect, Callable[[Speaker], Iterator[Candidate]]] = {
    "relation": _relations,
    "binding": _bindings,
    "colour": _colours,
    "shape": _shapes,
}
FOIL_ASPECTS: tuple[FoilAspect, ...] = tuple(_CANDIDATES)


def _two_named(speaker: Speaker) -> Iterator[tuple[Group, Group, float]]:
    """Two groups without a common object, each called by colour and shape, and how readily a speaker names them."""
    named = [mention for mention in speaker.mentions if mention.group.colour and mention.group.shape]
    for first, second in permutations(named, 2):
        if not first.objects & second.objects:
            yield first.group, second.group, first.weight * second.weight


def _same_kind(a: Group, b: Group) -> bool:
    return (a.colour, a.shape) == (b.colour, b.shape)


def _held_out(statement: Statement) -> int:
    """How many groups have a colour and shape that train never shows together."""
    return sum((group.colour, group.shape) in HELD_OUT for group in statement.groups)


def _worded(true: Statement, foil: Statement, rng: random.Random) -> tuple[str, str]:
    """Both in the same words, but for what they differ in.

    One luck for both chooses template and words slot by slot. It is drawn again where it gives a rare wording that the
    other has not: "plus sign", which is two words, or "violet", which would not change places with "red" as a word.
    """
    while True:
        luck = rng.getrandbits(64)
        said, foiled = (realise(statement, random.Random(luck)) for statement in (true, foil))
        if _one_exchange(said.split(), foiled.split()):
            return said, foiled


def _one_exchange(one: list[str], other: list[str]) -> bool:
    """Whether they differ in one word, or in two that changed places."""
    if len(one) != len(other):
        return False
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(differing) == 1 or (len(differing) == 2 and differing[0] == differing[1][::-1])
