"""What a caption claims, apart from its words, and which claims are true of a scene.

A `Group` claims that *exactly* `count` objects of the scene fit its attributes: "a red circle" is false of a
scene with two red circles, so every group that is true has its referents, and no noun phrase is ambiguous.
A `Statement` claims one to three groups without a common object and, with `relation`, that every object of the
first group lies so as seen from every object of the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

from dlcamp.data.scenes.world import Colour, Relation, Scene, SceneObject, Shape, Size, relation


@dataclass(frozen=True)
class Group:
    """`count` objects; an attribute that is None is not mentioned."""

    count: int
    size: Size | None = None
    colour: Colour | None = None
    shape: Shape | None = None

    @property
    def form(self) -> tuple[bool, bool, bool]:
        """Which of size, colour and shape are mentioned."""
        return self.size is not None, self.colour is not None, self.shape is not None

    def fits(self, thing: SceneObject) -> bool:
        """Whether one object has every attribute that is mentioned."""
        return (
            self.size in (None, thing.size)
            and self.colour in (None, thing.colour)
            and self.shape in (None, thing.shape)
        )


@dataclass(frozen=True)
class Statement:
    """One to three groups; `relation` is that of the first as seen from the second."""

    groups: tuple[Group, ...]
    relation: Relation | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.groups) <= 3 or (self.relation and len(self.groups) < 2):
            raise ValueError(f"a statement needs one to three groups, two for a relation; got {self}")


def referents(group: Group, scene: Scene) -> frozenset[int]:
    """Indices of the objects that fit, however many."""
    return frozenset(i for i, thing in enumerate(scene.objects) if group.fits(thing))


def relation_between(first: frozenset[int], second: frozenset[int], scene: Scene) -> Relation | None:
    """The relation that clearly holds for every pair, or None."""
    things = scene.objects
    found = {relation(things[i], things[j]) for i, j in product(first, second)}
    return found.pop() if len(found) == 1 else None


def disjoint(sets: list[frozenset[int]]) -> bool:
    """Whether no object is in two of the sets."""
    return all(not a & b for a, b in combinations(sets, 2))


def true_of(statement: Statement, scene: Scene) -> bool:
    """Whether everything the statement claims holds."""
    meant = [referents(group, scene) for group in statement.groups]
    return (
        all(len(found) == group.count for found, group in zip(meant, statement.groups, strict=True))
        and disjoint(meant)
        and (statement.relation is None or relation_between(meant[0], meant[1], scene) == statement.relation)
    )


def true_groups(scene: Scene, form: tuple[bool, bool, bool]) -> dict[Group, frozenset[int]]:
    """Every group of one form that is true of the scene, with its referents, in the order of the objects."""
    kinds: dict[tuple[Size | None, Colour | None, Shape | None], list[int]] = {}
    for i, thing in enumerate(scene.objects):
        kind = (thing.size if form[0] else None, thing.colour if form[1] else None, thing.shape if form[2] else None)
        kinds.setdefault(kind, []).append(i)
    return {Group(len(found), *kind): frozenset(found) for kind, found in kinds.items()}
