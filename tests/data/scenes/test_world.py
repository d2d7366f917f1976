from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from dlcamp.data.scenes.world import (
    CANVAS,
    COLOURS,
    HELD_OUT,
    OPPOSITE,
    SHAPES,
    Scene,
    SceneObject,
    generate,
    relation,
    split_of,
)

SPLITS = {"train": 400, "val": 200, "test": 300}


@pytest.fixture(scope="module")
def worlds() -> dict[str, list[Scene]]:
    return {split: [generate(0, split, i) for i in range(size)] for split, size in SPLITS.items()}


def at(x: float, y: float) -> SceneObject:
    return SceneObject("circle", "red", "small", 0, 0, x, y)


def test_a_scene_is_a_function_of_seed_split_and_index(worlds):
    assert generate(0, "train", 7) == worlds["train"][7]
    assert generate(1, "train", 7) != worlds["train"][7]
    assert generate(0, "test", 7) != worlds["train"][7]


def test_one_to_four_objects_and_at_least_half_of_the_scenes_have_three_or_four(worlds):
    for scenes in worlds.values():
        counts = Counter(len(scene.objects) for scene in scenes)
        assert set(counts) == {1, 2, 3, 4}
        assert counts[3] + counts[4] >= len(scenes) / 2


def test_splits_share_no_content_even_between_seeds(worlds):
    contents = {split: {scene.content for scene in scenes} for split, scenes in worlds.items()}
    contents["train"] |= {generate(5, "train", i).content for i in range(400)}
    assert not any(contents[a] & contents[b] for a, b in combinations(contents, 2))


def test_the_content_ignores_jitter_shifts_and_gaps_but_not_the_layout():
    def scene(*cells: tuple[int, int], jitter: float = 0.0) -> Scene:
        colours = ("red", "blue")
        return Scene(
            tuple(
                SceneObject("star", colour, "small", row, column, column * 72 + jitter, row * 72)
                for colour, (row, column) in zip(colours, cells, strict=True)
            )
        )

    base = scene((0, 0), (0, 1))
    assert scene((1, 0), (1, 2), jitter=3.0).content == base.content
    assert scene((0, 1), (0, 0)).content != base.content
    assert scene((0, 0), (1, 1)).content != base.content


def test_held_out_pairs_never_occur_in_train_and_do_in_part_of_val_and_test(worlds):
    assert not any(scene.held_out for scene in worlds["train"])
    for split in ("val", "test"):
        share = sum(scene.held_out for scene in worlds[split]) / len(worlds[split])
        assert 0.2 < share < 0.4


def test_every_held_out_pair_is_tested_and_its_colour_and_shape_are_trained_on(worlds):
    tested = {(o.colour, o.shape) for scene in worlds["test"] for o in scene.objects}
    trained = {(o.colour, o.shape) for scene in worlds["train"] for o in scene.objects}
    assert tested >= HELD_OUT
    assert trained == {(c, s) for c in COLOURS for s in SHAPES} - HELD_OUT


def test_single_objects_occur_in_every_split_with_and_without_held_out_pairs(worlds):
    for split in ("val", "test"):
        assert {s.held_out for s in worlds[split] if len(s.objects) == 1} == {True, False}


def test_the_split_follows_from_the_content_alone(worlds):
    assert all(split_of(scene) == split for split, scenes in worlds.items() for scene in scenes)


def test_objects_lie_inside_the_image_in_different_cells(worlds):
    for scene in worlds["train"]:
        assert all(34 <= o.x <= CANVAS - 34 and 34 <= o.y <= CANVAS - 34 for o in scene.objects)
        assert len({(o.row, o.column) for o in scene.objects}) == len(scene.objects)


def test_no_scene_comes_near_the_limit_between_beside_and_diagonal(worlds):
    for scene in worlds["train"]:
        for a, b in combinations(scene.objects, 2):
            dx, dy = abs(a.x - b.x), abs(a.y - b.y)
            slope = min(dx, dy) / max(dx, dy)
            assert slope < 0.18 or slope > 0.39
            assert (relation(a, b) is not None) == (a.row == b.row or a.column == b.column)


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(40, 112, "left"), (184, 112, "right"), (112, 40, "above"), (112, 184, "below")]
)
def test_relations_are_seen_from_the_second_object_and_have_opposites(x, y, expected):
    assert relation(at(x, y), at(112, 112)) == expected
    assert relation(at(112, 112), at(x, y)) == OPPOSITE[expected]


@pytest.mark.parametrize(("x", "y"), [(40, 40), (184, 70), (100, 112)])
def test_diagonal_or_near_objects_have_no_relation(x, y):
    assert relation(at(x, y), at(112, 112)) is None
