"""The course's tokenizer: Keras' rules, the figures of the real file, and other rules that give other figures."""

from __future__ import annotations

import functools
import string
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcamp.captioning.camp import as_taught
from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap
from dlcamp.captioning.vocabulary import Marks, Vocabulary, load_vocabulary
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

CAPTIONS = [wrap("A t-shirt, a dog ."), wrap('The "dog" runs\tfast_ly'), wrap("runs !")]
IDS = {
    "startseq": 2, "endseq": 3, "on": 6, "dog": 9, "boy": 16, "water": 24, "red": 26, "one": 59, "play": 82,
    "across": 127, "tree": 134, "run": 165, "bird": 254, "desk": 1545,
}  # fmt: skip
TEXT = REPOSITORY.parent / "shared" / "data" / "Flickr8k_text.zip"


def keras_ids(captions: list[str]) -> dict[str, int]:
    return as_taught.create_tokenizer({"all": captions}).word_index


def ids(tokenizer: CampTokenizer) -> dict[str, int]:
    return {word: number for number, word in enumerate(tokenizer.words, start=1)}


def test_ids_follow_falling_count_and_then_first_appearance() -> None:
    tokenizer = CampTokenizer.fit(CAPTIONS)
    assert tokenizer.words == ("startseq", "endseq", "a", "dog", "runs", "t", "shirt", "the", "fast", "ly")
    assert ids(tokenizer) == keras_ids(CAPTIONS)
    assert len(tokenizer) == 11
    assert tokenizer.max_length == 7  # split on blanks, marks counted, before "t-shirt" is split in two


@given(st.lists(st.text(alphabet="aAbBİßé.-' \t\n\r_\u00a0#", max_size=12), min_size=1, max_size=6))
def test_any_text_is_numbered_as_keras_numbers_it(texts: list[str]) -> None:
    captions = [wrap(text) for text in texts]
    keras = as_taught.create_tokenizer({"all": captions})
    tokenizer = CampTokenizer.fit(captions)
    assert ids(tokenizer) == keras.word_index
    for text in [*captions, "a unknown"]:
        assert tokenizer.encode(text) == keras.texts_to_sequences([text])[0]


def test_a_word_has_its_id_and_0_has_no_word() -> None:
    tokenizer = CampTokenizer.fit(CAPTIONS)
    assert tokenizer.encode("startseq a Dog unseen runs") == [1, 3, 4, 5]
    assert [tokenizer.word_for_id(number) for number in (0, 4, 10, 11, -1)] == [None, "dog", "ly", None, None]
    assert tokenizer.marks == Marks(pad=0, start=1, end=2, forbidden=())
    assert tokenizer.marks.ends == (2, 0)


def test_decoding_leaves_out_padding_and_marks_and_stops_at_the_end() -> None:
    tokenizer = CampTokenizer.fit(CAPTIONS)
    assert tokenizer.decode([0, 0, 1, 3, 4, 2, 5]) == "a dog"
    assert tokenizer.decode([]) == ""
    assert tokenizer.transcript([3, 4, 2, 0, 0]) == "startseq a dog endseq"
    assert tokenizer.transcript([1, 3, 2]) == "startseq startseq a endseq"  # a net may say its start mark
    assert tokenizer.transcript([3, 4]) == "startseq a dog"
    assert tokenizer.transcript([2]) == "startseq endseq"
    for outside in (11, -1):
        with pytest.raises(DataError, match=f"word id {outside} is outside a vocabulary of 11"):
            tokenizer.decode([outside])


def test_captions_without_marks_are_refused() -> None:
    with pytest.raises(DataError, match=r"no caption holds 'startseq'.*wrap"):
        CampTokenizer.fit(["a dog"])
    with pytest.raises(DataError, match="two numbers"):
        CampTokenizer(("startseq", "endseq", "a", "a"), 5)
    with pytest.raises(DataError, match="at least 2"):
        CampTokenizer(("startseq", "endseq"), 1)


def test_either_kind_of_vocabulary_is_read_as_it_was_saved(tmp_path: Path) -> None:
    camp, standard = CampTokenizer.fit([*CAPTIONS, wrap("un café")]), Vocabulary.of(CAPTIONS)
    for number, vocabulary in enumerate((camp, standard)):
        path = tmp_path / f"{number}.json"
        vocabulary.save(path)
        read = load_vocabulary(path)
        assert read == vocabulary
        assert (read.digest, read.marks, len(read)) == (vocabulary.digest, vocabulary.marks, len(vocabulary))
    assert camp.digest != CampTokenizer(camp.words, camp.max_length + 1).digest != standard.digest
    with pytest.raises(DataError, match="of kind 'camp' but 'treebank'"):
        CampTokenizer.load(tmp_path / "1.json")
    with pytest.raises(DataError, match="of kind 'treebank' but 'camp'"):
        Vocabulary.load(tmp_path / "0.json")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"kind": "camp", "words": ["startseq", "endseq"]}', "no max_length"),
        ('{"kind": "camp", "words": ["a"], "max_length": 4}', "startseq"),
        ('{"kind": "camp", "max_length": 4}', "is no vocabulary"),
        ('{"kind": "another", "words": ["a"]}', "but 'another'"),
        ("[]", "is no vocabulary"),
        ("", "is no vocabulary"),
    ],
)
def test_another_file_is_no_vocabulary(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(DataError, match=reason):
        load_vocabulary(path)
    with pytest.raises(DataError, match="is no vocabulary"):
        load_vocabulary(tmp_path / "absent.json")


def punctuation_deleted(caption: str) -> str:
    """Another rule: lower case, punctuation deleted instead of made blank."""
    return caption.lower().translate(str.maketrans("", "", string.punctuation))


def cleaned(caption: str) -> str:
    """The well-known tutorial's rule: also without one-letter words and words that are not letters only."""
    return " ".join(word for word in punctuation_deleted(caption).split() if len(word) > 1 and word.isalpha())


@functools.cache
def flickr8k_train() -> list[str]:
    """The 30,000 training captions as they stand in the file, in its order."""
    if not TEXT.exists():
        pytest.skip("shared/data is not beside the checkout")
    with zipfile.ZipFile(TEXT) as archive:
        texts = {Path(name).name: archive.read(name).decode() for name in archive.namelist()}
    train = set(texts["Flickr_8k.trainImages.txt"].split())
    lines = [line.split("\t") for line in texts["Flickr8k.token.txt"].splitlines()]
    return [caption for key, caption in lines if key.split("#")[0] in train]


@pytest.mark.real_data
def test_the_real_captions_give_the_courses_figures() -> None:
    captions = [wrap(caption) for caption in flickr8k_train()]
    assert len(captions) == 30_000
    tokenizer = CampTokenizer.fit(captions)
    assert (len(tokenizer), tokenizer.max_length) == (7378, 40)
    assert {word: tokenizer.encode(word) for word in IDS} == {word: [number] for word, number in IDS.items()}


@pytest.mark.real_data
def test_the_course_as_taught_gives_the_same_figures() -> None:
    captions = [wrap(caption) for caption in flickr8k_train()]
    taught = as_taught.create_tokenizer({"all": captions})
    assert (len(taught.word_index) + 1, as_taught.get_max_length({"all": captions})) == (7378, 40)
    assert {word: taught.word_index[word] for word in IDS} == IDS
    assert ids(CampTokenizer.fit(captions)) == taught.word_index


@pytest.mark.real_data
@pytest.mark.parametrize(("rule", "size", "length"), [(punctuation_deleted, 7633, 38), (cleaned, 7579, 34)])
def test_other_rules_give_other_figures(rule: Callable[[str], str], size: int, length: int) -> None:
    tokenizer = CampTokenizer.fit(wrap(rule(caption)) for caption in flickr8k_train())
    assert (len(tokenizer), tokenizer.max_length) == (size, length)
