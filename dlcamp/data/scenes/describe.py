"""What a speaker says about a scene: true statements, the conspicuous ones more often.

The speaker picks a kind of statement (one, two or three groups; a relation; a relation and one more group), then
groups without a common object, by the weight of their form and their salience (large before small, several before
one); size is mentioned more readily where sizes differ. Relations are taken only where they hold clearly for all
referents.
"""

from __future__ import annotations

import random
from functools import cache, cached_property
from itertools import permutations
from typing import NamedTuple

from dlcamp.data.scenes.grammar import FORMS, realise
from dlcamp.data.scenes.meaning import Group, Statement, relation_between, true_groups
from dlcamp.data.scenes.world import Relation, Scene, weighted

# (groups, with a relation) -> weight among the kinds the scene allows
_KINDS: dict[tuple[int, bool], float] = {
    (1, False): 0.08,
    (2, False): 0.3,
    (3, False): 0.08,
    (2, True): 0.7,
    (3, True): 0.1,
}
_LARGE, _SEVERAL = 3.0, 2.0  # how much more conspicuous
_CONTRAST = 3.0  # how much more readily size is mentioned where sizes differ


class Mention(NamedTuple):
    """A group that is true of the scene, its objects, and how readily it is mentioned."""

    group: Group
    objects: frozenset[int]
    weight: float


class Speaker:
    """Describes one scene, as often as asked; each description is an independent draw."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        contrast = _CONTRAST if len({thing.size for thing in scene.objects}) > 1 else 1.0
        self.mentions = [
            Mention(group, objects, weight * self._salience(objects) * (contrast if group.size else 1.0))
            for form, weights in FORMS.items()
            for group, objects in true_groups(scene, form).items()
            if (weight := weights[group.count > 1]) > 0
        ]

    def caption(self, rng: random.Random) -> str:
        """One true sentence of the grammar."""
        return realise(self.statement(rng), rng)

    def statement(self, rng: random.Random) -> Statement:
        """One true statement."""
        count, related = weighted(rng, self._kinds)
        if not related:
            return Statement(tuple(m.group for m in self._apart(rng, [], count)))
        first, second, found = weighted(rng, self.pairs)
        chosen = self._apart(rng, [first, second], count)
        return Statement(tuple(m.group for m in chosen), found)

    @cached_property
    def _kinds(self) -> dict[tuple[int, bool], float]:
        """The kinds of statement this scene allows."""
        most = len(true_groups(self.scene, (True, True, True)))  # these never overlap
        return {
            (count, related): weight
            for (count, related), weight in _KINDS.items()
            if count <= most and (not related or self.pairs)
        }

    @cached_property
    def pairs(self) -> dict[tuple[Mention, Mention, Relation], float]:
        """Pairs of mentions that stand in a clear relation, the more conspicuous more readily first."""
        pairs = {}
        for first, second in permutations(self.mentions, 2):
            if not first.objects & second.objects:
                found = relation_between(first.objects, second.objects, self.scene)
                if found:
                    pairs[first, second, found] = first.weight**2 * second.weight
        return pairs

    def _apart(self, rng: random.Random, chosen: list[Mention], count: int) -> list[Mention]:
        """`chosen` and as many more mentions, without a common object, as `count` asks and the scene has."""
        while len(chosen) < count and (left := _left(self.mentions, chosen)):
            chosen = [*chosen, weighted(rng, {m: m.weight for m in left})]
        return chosen

    def _salience(self, objects: frozenset[int]) -> float:
        large = all(self.scene.objects[i].size == "large" for i in objects)
        return (_LARGE if large else 1.0) * (_SEVERAL if len(objects) > 1 else 1.0)


@cache
def relatable(scene: Scene) -> bool:
    """Whether a relation can be stated of the scene: two groups that lie clearly beside or above each other."""
    return bool(Speaker(scene).pairs)


def _left(mentions: list[Mention], chosen: list[Mention]) -> list[Mention]:
    taken: frozenset[int] = frozenset().union(*(m.objects for m in chosen))
    return [m for m in mentions if not taken & m.objects]
