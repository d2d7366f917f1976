"""Foils: false in one respect, in as many words, and not to be told from the true caption without the image."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from dlcamp.captioning.vocabulary import UNKNOWN, Vocabulary
from dlcamp.data.scenes import HELD_OUT, Scenes, judge
from dlcamp.data.scenes.describe import Speaker, relatable
from dlcamp.data.scenes.foils import FOIL_ASPECTS, Pair, contrast, pairs
from dlcamp.data.scenes.grammar import COLOUR_WORDS, NOUNS
from dlcamp.data.scenes.meaning import Statement
from dlcamp.data.scenes.parser import parse
from dlcamp.data.scenes.world import OPPOSITE, Scene, SceneObject
from dlcamp.errors import DataError

COLOURS = {word for words in COLOUR_WORDS.values() for word in words}
NAMES = {word for forms in NOUNS.values() for words in forms for word in words}
SIDES = {"left", "right", "above", "over", "below", "under", "beneath"}


def scene(*things: str) -> Scene:
    """`large red circle 0 1`: size, colour, shape, row, column."""
    objects = []
    for thing in things:
        size, colour, shape, row, column = thing.split()
        x, y = 40 + 72 * int(column), 40 + 72 * int(row)
        objects.append(SceneObject(shape, colour, size, int(row), int(column), x, y))  # type: ignore[arg-type]
    return Scene(tuple(objects))


BESIDE = scene("large red circle 0 0", "small black square 0 1")
DIAGONAL = scene("large red circle 0 0", "small black square 1 1")
ALIKE = scene("large red circle 0 0", "large red circle 0 1")
ONE_COLOUR = scene("large red circle 0 0", "small red square 1 0")


def contrasts(aspect: str, where: Scene, draws: int = 20) -> list[tuple[str, str]]:
    found = [contrast(aspect, Speaker(where), random.Random(draw)) for draw in range(draws)]  # type: ignore[arg-type]
    assert all(found)
    return [said for said in found if said]


def exchanged(true: str, foil: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in zip(true.split(), foil.split(), strict=True) if a != b]


@pytest.fixture(scope="module")
def data() -> Scenes:
    return Scenes()


@pytest.fixture(scope="module")
def found(data: Scenes) -> list[Pair]:
    return pairs(data, [item.id for item in data.items("test", 200)])


@pytest.mark.parametrize(
    ("aspect", "words", "differing"),
    [("relation", SIDES, 1), ("binding", COLOURS, 2), ("colour", COLOURS, 1), ("shape", NAMES, 1)],
)
def test_a_foil_is_false_and_differs_in_the_words_of_its_aspect(aspect: str, words: set[str], differing: int) -> None:
    for true, foil in contrasts(aspect, BESIDE):
        assert judge(true, BESIDE).truthful
        assert judge(foil, BESIDE).grammatical
        assert not judge(foil, BESIDE).truthful
        changed = exchanged(true, foil)
        assert len(changed) == differing
        assert {word for pair in changed for word in pair} <= words


def test_a_relation_is_turned_round_and_nothing_else() -> None:
    for true, foil in contrasts("relation", scene("large red circle 0 0", "small black square 1 0")):
        said, foiled = parse(true), parse(foil)
        assert said is not None
        assert said.relation in ("above", "below")
        assert foiled == Statement(said.groups, OPPOSITE[said.relation])


def test_a_binding_exchanges_the_colours_of_two_things() -> None:
    for true, foil in contrasts("binding", BESIDE):
        (a, b), (c, d) = exchanged(true, foil)
        assert {a, b} == {"red", "black"}
        assert (a, b) == (d, c)
        assert judge(foil, BESIDE).binding is False


@pytest.mark.parametrize(
    ("aspect", "where"),
    [
        ("relation", DIAGONAL),
        ("relation", ALIKE),
        ("binding", ONE_COLOUR),
        ("binding", scene("large red circle 0 0", "small black circle 1 0")),
        ("colour", ALIKE),
        ("shape", ALIKE),
    ],
)
def test_a_scene_that_does_not_show_the_like_has_no_foil(aspect: str, where: Scene) -> None:
    assert contrast(aspect, Speaker(where), random.Random(0)) is None  # type: ignore[arg-type]


def test_a_pair_that_train_never_shows_is_no_giveaway() -> None:
    """Exchanged, these colours give a red star: whoever has read train's captions holds that for unlikely."""
    assert ("red", "star") in HELD_OUT
    where = scene("large red circle 0 0", "small black star 0 1")
    assert contrast("binding", Speaker(where), random.Random(0)) is None
    assert all("red star" not in foil for _, foil in contrasts("colour", where))


def test_all_pairs_of_real_scenes_hold_and_are_made_of_words_of_train(data: Scenes, found: list[Pair]) -> None:
    vocabulary = Vocabulary.of(said for item in data.items("train", 200) for said in item.references)
    for pair in found:
        where = data.scene(pair.item)
        assert judge(pair.true, where).truthful, pair
        assert judge(pair.foil, where).grammatical, pair
        assert not judge(pair.foil, where).truthful, pair
        assert len(pair.true.split()) == len(pair.foil.split())
        assert UNKNOWN not in vocabulary.encode(pair.true) + vocabulary.encode(pair.foil), pair


def test_an_item_has_one_pair_an_aspect_and_a_relation_wherever_one_can_be_told(
    data: Scenes, found: list[Pair]
) -> None:
    counts = Counter((pair.item, pair.aspect) for pair in found)
    assert set(counts.values()) == {1}
    assert {pair.aspect for pair in found} == set(FOIL_ASPECTS)
    related = [item.id for item in data.items("test", 200) if relatable(data.scene(item.id))]
    assert [pair.item for pair in found if pair.aspect == "relation"] == related


def test_the_pairs_of_an_item_are_the_same_whatever_else_is_asked(data: Scenes, found: list[Pair]) -> None:
    assert pairs(Scenes(test=50), ["test-00007"]) == [pair for pair in found if pair.item == "test-00007"]


def test_no_word_gives_the_true_caption_away(found: list[Pair]) -> None:
    """The words exchanged are as often true as false: no preference for one of them helps who sees nothing."""
    for aspect in ("relation", "colour", "shape"):
        balance: Counter[str] = Counter()
        times: Counter[str] = Counter()
        for pair in found:
            if pair.aspect == aspect:
                ((true, foil),) = exchanged(pair.true, pair.foil)
                balance.update({true: 1})
                balance.subtract({foil: 1})
                times.update((true, foil))
        assert all(abs(balance[word]) <= 3 * times[word] ** 0.5 for word in times), (aspect, balance)


def test_an_item_of_another_data_set_is_an_error(data: Scenes) -> None:
    with pytest.raises(DataError, match="no image"):
        pairs(data, ["test-99999"])
