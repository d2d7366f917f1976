from __future__ import annotations

import random
from itertools import combinations

import pytest

from dlcamp.data.scenes.describe import Speaker
from dlcamp.data.scenes.meaning import referents, true_of
from dlcamp.data.scenes.parser import parse
from dlcamp.data.scenes.world import Scene, SceneObject, generate


@pytest.fixture(scope="module")
def spoken() -> list[tuple[Scene, list[str]]]:
    scenes = [generate(0, split, i) for split in ("train", "test") for i in range(60)]
    return [(scene, [Speaker(scene).caption(random.Random(i)) for i in range(12)]) for scene in scenes]


def test_every_caption_is_grammatical_and_true(spoken):
    for scene, captions in spoken:
        for caption in captions:
            statement = parse(caption)
            assert statement, caption
            assert true_of(statement, scene), (caption, scene)


def test_no_caption_has_more_than_21_words(spoken):
    assert max(len(caption.split()) for _, captions in spoken for caption in captions) <= 21


def test_every_noun_phrase_names_exactly_the_objects_it_counts_and_no_object_twice(spoken):
    for scene, captions in spoken:
        for caption in captions:
            groups = parse(caption).groups
            meant = [referents(group, scene) for group in groups]
            assert [len(found) for found in meant] == [group.count for group in groups]
            assert not any(a & b for a, b in combinations(meant, 2))


def test_descriptions_of_one_scene_differ_in_facts_and_words(spoken):
    rich = [captions for scene, captions in spoken if len(scene.objects) >= 3]
    assert sum(len(set(captions)) for captions in rich) / len(rich) > 6
    statements = [{parse(caption) for caption in captions} for captions in rich]
    assert sum(map(len, statements)) / len(statements) > 4


def test_relations_counts_and_sizes_are_all_mentioned(spoken):
    said = [parse(caption) for _, captions in spoken for caption in captions]
    assert sum(statement.relation is not None for statement in said) > 0.15 * len(said)
    assert sum(any(g.count > 1 for g in statement.groups) for statement in said) > 0.3 * len(said)
    assert sum(any(g.size for g in statement.groups) for statement in said) > 0.25 * len(said)


def test_two_red_circles_are_never_called_a_red_circle_and_diagonals_never_related():
    scene = Scene(
        (
            SceneObject("circle", "red", "small", 0, 0, 40, 40),
            SceneObject("circle", "red", "small", 1, 1, 112, 112),
            SceneObject("star", "blue", "small", 0, 2, 184, 40),
        )
    )
    statements = [Speaker(scene).statement(random.Random(i)) for i in range(200)]
    assert all(g.count == 2 for s in statements for g in s.groups if g.shape == "circle")
    assert not any(s.relation for s in statements)


def test_alike_objects_of_two_sizes_can_be_told_apart_by_size():
    scene = Scene(
        (
            SceneObject("circle", "red", "small", 0, 0, 40, 40),
            SceneObject("circle", "red", "large", 0, 1, 112, 40),
        )
    )
    said = {Speaker(scene).statement(random.Random(i)) for i in range(100)}
    assert all(true_of(statement, scene) for statement in said)
    assert any(statement.relation == "right" for statement in said)
