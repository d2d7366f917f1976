from __future__ import annotations

import random

import pytest

from dlcamp.data.scenes.describe import Speaker
from dlcamp.data.scenes.truth import ASPECTS, judge
from dlcamp.data.scenes.world import Scene, SceneObject, generate


def scene(*things: str) -> Scene:
    """`large red circle 0 1`: size, colour, shape, row, column."""
    objects = []
    for thing in things:
        size, colour, shape, row, column = thing.split()
        x, y = 40 + 72 * int(column), 40 + 72 * int(row)
        objects.append(SceneObject(shape, colour, size, int(row), int(column), x, y))
    return Scene(tuple(objects))


STARS = scene("small green star 0 0", "small green star 1 1", "small green star 2 0")
PAIR = scene("large blue circle 0 0", "small red square 0 1")
DIAGONAL = scene("large blue circle 0 0", "small red square 1 1")


def wrong(caption: str, where: Scene) -> set[str]:
    return {aspect for aspect, right in judge(caption, where).aspects.items() if right is False}


@pytest.mark.parametrize(
    ("caption", "where"),
    [
        ("three green stars", STARS),
        ("there are three green shapes", STARS),
        ("a blue circle left of a red square", PAIR),
        ("a small red box is to the right of a large blue disc", PAIR),
        ("a red square and a blue circle", DIAGONAL),
    ],
)
def test_a_true_caption_has_every_stated_aspect_right_and_no_reason(caption, where):
    judged = judge(caption, where)
    assert judged.truthful
    assert judged.grammatical
    assert judged.reason == ""
    assert False not in judged.aspects.values()


def test_what_is_not_said_is_neither_right_nor_wrong():
    assert judge("three stars", STARS).aspects == {
        "count": True,
        "colour": None,
        "shape": True,
        "size": None,
        "relation": None,
    }


@pytest.mark.parametrize(
    ("caption", "where", "aspects", "reason"),
    [
        ("two green stars", STARS, {"count"}, "there are three"),
        ("a green star", STARS, {"count"}, "there are three"),
        ("three blue stars", STARS, {"colour"}, "there are no blue stars"),
        ("three green circles", STARS, {"shape"}, "there are no green circles"),
        ("three large green stars", STARS, {"size"}, "there are no large green stars"),
        ("two blue stars", STARS, {"count", "colour"}, "there are no blue stars"),
        ("a blue circle right of a red square", PAIR, {"relation"}, "the first is left of the second"),
        ("a blue circle left of a red square", DIAGONAL, {"relation"}, "they lie diagonally"),
        ("a blue circle above a green square", PAIR, {"relation", "colour"}, "there is no green square"),
        ("two blue circles and a red square", PAIR, {"count"}, "there is only a blue circle"),
        ("three green stars and a red star", STARS, {"count"}, "there is no red star"),
        ("a red square and a red square", PAIR, {"colour", "shape"}, "the same object is named twice"),
    ],
)
def test_a_false_caption_names_the_aspect_to_exchange_and_says_why(caption, where, aspects, reason):
    judged = judge(caption, where)
    assert judged.grammatical
    assert not judged.truthful
    assert wrong(caption, where) == aspects
    assert judged.reason == reason


def test_wrong_binding_charges_every_smallest_repair():
    assert wrong("a red circle", PAIR) == {"colour", "shape"}


def test_a_second_object_that_is_not_there_is_a_wrong_number():
    lone = scene("large red circle 0 0")
    assert wrong("a red circle and a blue star", lone) == {"count"}
    assert wrong("a red circle left of a blue star", lone) == {"count", "relation"}
    assert wrong("a green circle and a blue circle", lone) == {"count", "colour"}


def test_plural_relations_must_hold_for_all():
    three = scene("small red star 0 0", "small red star 0 2", "large blue circle 0 1")
    judged = judge("two red stars left of a blue circle", three)
    assert not judged.truthful
    assert judged.reason == "that does not hold for all of them"
    above = scene("small red star 0 0", "small red star 1 0", "large blue circle 2 0")
    assert judge("two red stars above a blue circle", above).truthful


def test_an_ungrammatical_caption_is_not_truthful_and_has_no_aspects():
    judged = judge("a red red circle", PAIR)
    assert not judged.grammatical
    assert not judged.truthful
    assert judged.aspects == dict.fromkeys(ASPECTS)
    assert judged.binding is None
    assert judged.relation_holds is None
    assert judged.reason == "not a sentence of the grammar"


def test_a_caption_of_another_scene_is_false_exactly_when_some_aspect_is_wrong():
    scenes = [generate(3, "test", i) for i in range(40)]
    for number, told in enumerate(scenes):
        caption = Speaker(told).caption(random.Random(number))
        judged = judge(caption, scenes[number - 1])
        assert judged.grammatical
        assert judged.truthful == (False not in judged.aspects.values())
        assert judged.truthful == (judged.reason == "")


CROSSED = scene("large blue circle 0 0", "small red square 0 1", "small red square 2 1")


@pytest.mark.parametrize(
    ("caption", "binding"),
    [
        ("a blue circle and two red squares", True),
        ("a large blue circle with three red squares", True),  # a wrong number is no wrong binding
        ("a blue circle below a small red square", True),  # nor is a wrong relation
        ("a red circle and two blue squares", False),  # the right colours and shapes, swapped
        ("a small blue circle and two red squares", False),  # the right sizes, swapped
        ("a blue circle and a green star", False),  # of a thing that is not there
        ("two blue squares", False),  # one group of several objects
        ("a red circle", None),  # one object: nothing to confuse it with
        ("two squares", None),  # one attribute: nothing to put together
        ("two squares and a blue circle", True),
        ("a red red circle", None),
    ],
)
def test_binding_asks_whether_the_attributes_of_each_group_meet_in_one_object(caption, binding):
    assert judge(caption, CROSSED).binding is binding


@pytest.mark.parametrize(
    ("caption", "holds"),
    [
        ("a blue circle left of a red square", True),
        ("there is a blue circle left of a red square and there is a green star", True),  # the third group is not asked
        ("a blue circle right of a red square", False),
        ("a green circle left of a red square", False),  # "relation" is right there: exchange the colour and it is true
        ("a blue circle and a red square", None),
    ],
)
def test_a_relation_holds_only_between_objects_that_are_there(caption, holds):
    assert judge(caption, PAIR).relation_holds is holds


def test_the_repair_of_a_wrong_object_leaves_its_relation_right_though_it_does_not_hold():
    judged = judge("a green circle left of a red square", PAIR)
    assert judged.aspects["relation"] is True
    assert judged.relation_holds is False


def test_a_true_caption_never_binds_or_relates_wrongly():
    for number in range(60):
        told = generate(5, "test", number)
        judged = judge(Speaker(told).caption(random.Random(number)), told)
        assert judged.binding is not False
        assert judged.relation_holds is not False
