"""Words and their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcamp.captioning.vocabulary import END, PAD, START, UNKNOWN, Marks, Vocabulary, load_vocabulary
from dlcamp.errors import DataError

CAPTIONS = ["A dog runs.", "a dog, a cat", "The cat 's ball!"]


def test_ids_follow_falling_count_and_then_the_alphabet_after_four_marks() -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    assert vocabulary.words == ("a", "cat", "dog", "'s", "ball", "runs", "the")
    assert len(vocabulary) == 11
    assert vocabulary.encode("Dog runs") == [6, 9]
    assert Vocabulary.of(reversed(CAPTIONS)) == vocabulary


def test_rare_words_are_unknown_and_their_share_is_told() -> None:
    vocabulary = Vocabulary.of(CAPTIONS, min_count=2)
    assert vocabulary.words == ("a", "cat", "dog")
    assert vocabulary.encode("a dog runs") == [4, 6, UNKNOWN]


def test_decoding_stops_at_the_end_mark_and_shows_no_padding() -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    assert vocabulary.decode([START, 4, 6, PAD, 9, END, 4, 99]) == "a dog runs"
    assert vocabulary.decode([UNKNOWN, 4]) == "<unk> a"
    assert vocabulary.decode([]) == ""
    for outside in (11, -1):
        with pytest.raises(DataError, match=f"word id {outside} is outside a vocabulary of 11"):
            vocabulary.decode([outside])


@given(st.lists(st.sampled_from(["a", "dog", "runs", "cat", "the", "ball"]), max_size=9))
def test_what_is_encoded_is_decoded(words: list[str]) -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    assert vocabulary.decode(vocabulary.encode(" ".join(words))) == " ".join(words)


def test_it_is_read_as_it_was_saved(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of([*CAPTIONS, "un café, ein Mädchen"])
    vocabulary.save(tmp_path / "vocabulary.json")
    read = Vocabulary.load(tmp_path / "vocabulary.json")
    assert read == vocabulary
    assert read.digest == vocabulary.digest != Vocabulary.of(CAPTIONS).digest


def test_a_file_without_a_kind_is_of_the_kind_there_was_first(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text('{"words": ["a", "dog"]}')
    assert Vocabulary.load(path) == load_vocabulary(path) == Vocabulary(("a", "dog"))


def test_its_marks_say_what_is_forbidden_and_what_ends_a_caption() -> None:
    assert Vocabulary.of(CAPTIONS).marks == Marks(PAD, START, END, forbidden=(PAD, START, UNKNOWN))
    assert Vocabulary.of(CAPTIONS).marks.ends == (END,)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"words": "abc"}', '{"words": ["a", "a"]}', '{"words": [1]}'])
def test_another_file_is_no_vocabulary(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(DataError, match="is no vocabulary"):
        Vocabulary.load(path)
    with pytest.raises(DataError, match="is no vocabulary"):
        Vocabulary.load(tmp_path / "absent.json")


def test_captions_without_a_frequent_word_are_refused() -> None:
    with pytest.raises(DataError, match="no word occurs 3 times: 5 words of 3 kinds"):
        Vocabulary.of(["a b", "a b", "c"], min_count=3)
    with pytest.raises(DataError):
        Vocabulary.of([])
