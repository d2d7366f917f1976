"""What a scene is, and a seeded generator of scenes that no two splits share.

A scene holds one to four objects on a jittered grid of three by three cells. Its *content* is the multiset of
its objects with their layout up to shifts and gaps (the dense ranks of rows and columns). A hash of the content
alone decides the split, so train, validation and test never share one, whatever the seed and the sizes; the
colour x shape pairs in `HELD_OUT` never occur in train and do occur in a part of validation and test.

Scene number `index` of a split is a pure function of (seed, split, index): a limit or another size changes nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal, TypeVar

from dlcamp.data.captions import Split

Shape = Literal["circle", "square", "triangle", "star", "cross"]
Colour = Literal["red", "green", "blue", "yellow", "purple", "black"]
Size = Literal["small", "large"]
Relation = Literal["left", "right", "above", "below"]

SHAPES: tuple[Shape, ...] = ("circle", "square", "triangle", "star", "cross")
COLOURS: tuple[Colour, ...] = ("red", "green", "blue", "yellow", "purple", "black")
SIZES: tuple[Size, ...] = ("small", "large")
OPPOSITE: dict[Relation, Relation] = {"left": "right", "right": "left", "above": "below", "below": "above"}

Pair = tuple[Colour, Shape]
HELD_OUT: frozenset[Pair] = frozenset(
    [("purple", "circle"), ("yellow", "square"), ("blue", "triangle"), ("red", "star"), ("green", "cross")]
)
_UNSEEN: tuple[Pair, ...] = tuple(sorted(HELD_OUT))
_SEEN: tuple[Pair, ...] = tuple((c, s) for c in COLOURS for s in SHAPES if (c, s) not in HELD_OUT)
HELD_OUT_SHARE = 0.3  # of the scenes of val and test

CANVAS = 224  # pixels a side
GRID = 3
CELL = 72.0  # pixels between the centres of neighbouring cells
JITTER = 5.0  # pixels a centre may lie off the centre of its cell
CLEAR_SLOPE = 1 / 3  # beside: at most this much off the axis; grid and jitter leave 0.17 to 0.40 empty
CLEAR_DISTANCE = 48.0  # pixels between centres

_ALIGNED_SHARE = 0.7  # of the scenes have two different objects in one row or column, if need be by drawing again
_COUNTS = {1: 0.08, 2: 0.32, 3: 0.35, 4: 0.25}  # objects in a scene
_PARTITIONS: dict[int, dict[tuple[int, ...], float]] = {  # how many of them are alike
    1: {(1,): 1},
    2: {(1, 1): 0.85, (2,): 0.15},
    3: {(1, 1, 1): 0.35, (2, 1): 0.5, (3,): 0.15},
    4: {(1, 1, 1, 1): 0.15, (2, 1, 1): 0.4, (2, 2): 0.2, (3, 1): 0.2, (4,): 0.05},
}

Value = TypeVar("Value")


@dataclass(frozen=True)
class SceneObject:
    """One object; `x` and `y` are the pixels of its centre, from the left and from the top."""

    shape: Shape
    colour: Colour
    size: Size
    row: int
    column: int
    x: float
    y: float


@dataclass(frozen=True)
class Scene:
    """One to four objects in different cells."""

    objects: tuple[SceneObject, ...]

    @cached_property
    def content(self) -> str:
        """What splits must not share: objects and relative layout, in one canonical order."""
        rows = sorted({o.row for o in self.objects})
        columns = sorted({o.column for o in self.objects})
        parts = [f"{o.size} {o.colour} {o.shape} {rows.index(o.row)},{columns.index(o.column)}" for o in self.objects]
        return "; ".join(sorted(parts))

    @property
    def held_out(self) -> bool:
        """Whether some object has a colour x shape pair that train never shows."""
        return any((o.colour, o.shape) in HELD_OUT for o in self.objects)


def relation(a: SceneObject, b: SceneObject) -> Relation | None:
    """Where `a` lies as seen from `b`; None when they lie diagonally or too near to tell."""
    dx, dy = a.x - b.x, a.y - b.y
    along, off = max(abs(dx), abs(dy)), min(abs(dx), abs(dy))
    if along < CLEAR_DISTANCE or off > CLEAR_SLOPE * along:
        return None
    if abs(dx) > abs(dy):
        return "left" if dx < 0 else "right"
    return "above" if dy < 0 else "below"


def split_of(scene: Scene) -> Split:
    """The only split in which a scene of this content may occur."""
    digest = hashlib.blake2b(scene.content.encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    if scene.held_out:
        return "val" if share < 0.4 else "test"
    if share < 0.7:
        return "train"
    return "val" if share < 0.82 else "test"


def generate(seed: int, split: Split, index: int) -> Scene:
    """Scene number `index` of a split.

    The number of objects and whether a held-out pair occurs are drawn first, the rest by rejection: so the
    choice of the split does not bend their shares.
    """
    rng = stream(seed, split, index, "scene")
    count = weighted(rng, _COUNTS)
    held_out = split != "train" and rng.random() < HELD_OUT_SHARE
    while True:
        scene = _draw(rng, count, held_out)
        if split_of(scene) == split:
            return scene


def stream(seed: int, split: str, index: int, purpose: str) -> random.Random:
    """Independent randomness for one purpose of one item."""
    return random.Random(f"scenes/{seed}/{split}/{index}/{purpose}")


def weighted(rng: random.Random, weights: dict[Value, float]) -> Value:
    """One key, with probability proportional to its weight."""
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


def _draw(rng: random.Random, count: int, held_out: bool) -> Scene:
    partition: tuple[int, ...] = weighted(rng, _PARTITIONS[count])
    alike = list(partition)
    rng.shuffle(alike)
    pairs = rng.sample(_SEEN, len(alike))
    if held_out:
        pairs[0] = rng.choice(_UNSEEN)
    owners = [group for group, number in enumerate(alike) for _ in range(number)]
    cells = _cells(rng, owners)
    sizes = [rng.choice(SIZES) for _ in alike]
    objects = [_place(rng, pairs[g], sizes[g], cell) for g, cell in zip(owners, cells, strict=True)]
    return Scene(_reading_order(objects))


def _cells(rng: random.Random, owners: Sequence[int]) -> list[int]:
    """A cell for every object; mostly so that objects of different groups stand in a clear relation."""
    wanted = rng.random() < _ALIGNED_SHARE and owners[-1] > 0
    while True:
        cells = rng.sample(range(GRID * GRID), len(owners))
        if not wanted or _aligned(cells, owners):
            return cells


def _aligned(cells: Sequence[int], owners: Sequence[int]) -> bool:
    placed = list(zip(cells, owners, strict=True))
    return any(a // GRID == b // GRID or a % GRID == b % GRID for (a, g), (b, h) in combinations(placed, 2) if g != h)


def _place(rng: random.Random, pair: Pair, size: Size, cell: int) -> SceneObject:
    row, column = divmod(cell, GRID)
    middle, step = CANVAS / 2, CELL
    x = middle + (column - 1) * step + rng.uniform(-JITTER, JITTER)
    y = middle + (row - 1) * step + rng.uniform(-JITTER, JITTER)
    return SceneObject(pair[1], pair[0], size, row, column, round(x, 2), round(y, 2))


def _reading_order(objects: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    return tuple(sorted(objects, key=lambda o: (o.row, o.column)))
