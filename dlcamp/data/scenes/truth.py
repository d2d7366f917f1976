"""Is a caption a sentence of the grammar, is it true of the scene, and which aspect is wrong?

An aspect is stated when some group mentions it (number always: "a" claims exactly one). In a true caption every
stated aspect is right. In a false one, look for the fewest aspects whose words must be exchanged to make it true,
all other words kept; an aspect is wrong when it belongs to such a smallest repair (all of them, when several are
equally small: "a red circle" before a blue circle and a red square has colour and shape wrong). Exchanging the
relation may also take it away. When no exchange helps, because the caption names more than there is, the number is
wrong and groups may be dropped.

Binding is judged apart, group by group: whether size, colour and shape that are said of one thing belong to one thing
of the scene. "a red circle and a blue square" before a blue circle and a red square names what is there and puts it
together wrongly, which Treisman & Schmidt (Cognitive Psychology 14, 1982) call an illusory conjunction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Literal

from dlcamp.data.scenes.grammar import RELATION_WORDS, plain
from dlcamp.data.scenes.meaning import (
    Group,
    Statement,
    disjoint,
    referents,
    relation_between,
    true_groups,
    true_of,
)
from dlcamp.data.scenes.parser import parse
from dlcamp.data.scenes.world import Scene

Aspect = Literal["count", "colour", "shape", "size", "relation"]
ASPECTS: tuple[Aspect, ...] = ("count", "colour", "shape", "size", "relation")
_NUMBER_WORDS = {1: "one", 2: "two", 3: "three", 4: "four"}


@dataclass(frozen=True)
class Judgement:
    """What is right about a caption.

    Attributes:
        grammatical: it is a sentence of the grammar.
        truthful: it is, and everything it claims holds.
        aspects: right or wrong; None where the caption states nothing (or is no sentence).
        binding: whether the attributes of every group meet in one object; numbers and relations aside. None where the
            caption names fewer than two objects or never two attributes of one.
        relation_holds: whether the two groups of which it is stated are there and lie so, whatever else the caption
            says; None where none is stated. Stricter than `aspects["relation"]`, which may be right beside wrong
            objects.
        reason: why it is not truthful, for a person; "" when it is.
    """

    grammatical: bool
    truthful: bool
    aspects: dict[Aspect, bool | None]
    binding: bool | None
    relation_holds: bool | None
    reason: str


def judge(caption: str, scene: Scene) -> Judgement:
    """Check one caption against one scene."""
    statement = parse(caption)
    if statement is None:
        return Judgement(False, False, dict.fromkeys(ASPECTS), None, None, "not a sentence of the grammar")
    said = stated(statement)
    wrong = set() if true_of(statement, scene) else wrong_aspects(statement, scene)
    aspects = {aspect: aspect not in wrong if aspect in said else None for aspect in ASPECTS}
    reason = _reason(statement, scene) if wrong else ""
    return Judgement(True, not wrong, aspects, bound(statement, scene), relation_holds(statement, scene), reason)


def bound(statement: Statement, scene: Scene) -> bool | None:
    """Whether every group fits some object; see `Judgement.binding`."""
    several = sum(group.count for group in statement.groups) > 1
    if not several or all(sum(group.form) < 2 for group in statement.groups):
        return None
    return all(referents(group, scene) for group in statement.groups)


def relation_holds(statement: Statement, scene: Scene) -> bool | None:
    """Whether the two groups that are related are there and lie so; see `Judgement.relation_holds`."""
    if statement.relation is None:
        return None
    return true_of(Statement(statement.groups[:2], statement.relation), scene)


def stated(statement: Statement) -> tuple[Aspect, ...]:
    """The aspects a statement says something about."""
    said = {
        "count": True,
        "colour": any(group.colour for group in statement.groups),
        "shape": any(group.shape for group in statement.groups),
        "size": any(group.size for group in statement.groups),
        "relation": statement.relation is not None,
    }
    return tuple(aspect for aspect in ASPECTS if said[aspect])


def wrong_aspects(statement: Statement, scene: Scene) -> set[Aspect]:
    """The union of the smallest repairs of a false statement; see the module's docstring."""
    said = stated(statement)
    by_size = [[set(chosen) for chosen in combinations(said, k)] for k in range(1, len(said) + 1)]
    for sets in by_size:
        if repairs := [free for free in sets if _repairable(statement, free, scene)]:
            return set().union(*repairs)
    for sets in by_size:
        if repairs := [free for free in sets if any(_repairable(s, free, scene) for s in _shortened(statement, free))]:
            return set().union(*repairs)
    return set(said)


def _repairable(statement: Statement, free: set[Aspect], scene: Scene) -> bool:
    """Whether exchanging words of the free aspects alone can make the statement true."""
    options = [
        [found for true, found in true_groups(scene, group.form).items() if _agree(group, true, free)]
        for group in statement.groups
    ]
    return any(
        disjoint(list(chosen))
        and (
            statement.relation is None
            or "relation" in free
            or relation_between(chosen[0], chosen[1], scene) == statement.relation
        )
        for chosen in product(*options)
    )


def _agree(a: Group, b: Group, free: set[Aspect]) -> bool:
    return (
        ("count" in free or a.count == b.count)
        and ("size" in free or a.size == b.size)
        and ("colour" in free or a.colour == b.colour)
        and ("shape" in free or a.shape == b.shape)
    )


def _shortened(statement: Statement, free: set[Aspect]) -> Iterator[Statement]:
    """The statement without some groups: a repair of the number, and of the relation when it loses an end."""
    if "count" not in free:
        return
    places = range(len(statement.groups))
    kept: Iterable[tuple[int, ...]] = chain.from_iterable(combinations(places, k) for k in places if k)
    for chosen in kept:
        whole = statement.relation is not None and chosen[:2] == (0, 1)
        if whole or statement.relation is None or "relation" in free:
            yield Statement(tuple(statement.groups[i] for i in chosen), statement.relation if whole else None)


def _reason(statement: Statement, scene: Scene) -> str:
    meant = [referents(group, scene) for group in statement.groups]
    for group, found in zip(statement.groups, meant, strict=True):
        if len(found) != group.count:
            return _miscounted(group, len(found), alone=len(statement.groups) == 1)
    if not disjoint(meant):
        return "the same object is named twice"
    actual = relation_between(meant[0], meant[1], scene)
    if actual:
        verb = "is" if statement.groups[0].count == 1 else "are"
        return f"the first {verb} {next(iter(RELATION_WORDS[actual]))} the second"
    several = len(meant[0]) + len(meant[1]) > 2
    return "that does not hold for all of them" if several else "they lie diagonally"


def _miscounted(group: Group, found: int, alone: bool) -> str:
    there = "there is" if found == 1 or (found == 0 and group.count == 1) else "there are"
    if alone and found:
        return f"{there} {_NUMBER_WORDS[found]}"
    counted = Group(found, group.size, group.colour, group.shape)
    words = plain(group).replace("a ", "no ", 1) if found == 0 and group.count == 1 else plain(counted)
    return f"{there} only {words}" if 0 < found < group.count else f"{there} {words}"
