"""Words and their numbers as the course has them: Keras' classic `Tokenizer`, without Keras.

Lower case; each of the filter characters becomes a blank; split on blanks; numbers by falling frequency from 1, ties
in the order of first appearance; 0 is no word. On the 30,000 training captions of Flickr8k, wrapped in marks, that
gives 7,378 numbers (0 included) and captions of at most 40 words (split on blanks before filtering, marks counted).

Ids depend on the order of the captions; fit on those of the training images, in the order of the captions' file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from dlcamp.captioning.vocabulary import Marks, saved_words
from dlcamp.errors import DataError

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
START, END = "startseq", "endseq"
PAD = 0

_BLANKS = str.maketrans(dict.fromkeys(FILTERS, " "))


def wrap(caption: str) -> str:
    """A caption between the course's marks, as it is fitted, trained and scored."""
    return f"{START} {caption} {END}"


def split_words(text: str) -> list[str]:
    """`keras.preprocessing.text.text_to_word_sequence` with its defaults."""
    return [word for word in text.lower().translate(_BLANKS).split(" ") if word]


@dataclass(frozen=True)
class CampTokenizer:
    """The course's tokenizer and the `max_length` it goes with. `words` stand in the order of their ids, from 1.

    Raises:
        DataError: words that are not different or lack the marks, or a length that leaves no place for a word.
    """

    kind: ClassVar[str] = "camp"

    words: tuple[str, ...]
    max_length: int

    def __post_init__(self) -> None:
        if len(self._ids) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise DataError(f"the word {twice!r} has two numbers; a tokenizer gives each word one")
        for mark in (START, END):
            if mark not in self._ids:
                raise DataError(f"no caption holds {mark!r}; fit on captions between marks: wrap(caption)")
        if self.max_length < 2:
            raise DataError(f"max_length counts both marks and must be at least 2, got {self.max_length}")

    @classmethod
    def fit(cls, captions: Iterable[str]) -> CampTokenizer:
        """The words of captions that `wrap` wrapped; give those of the training images only."""
        counts: Counter[str] = Counter()
        longest = 0
        for caption in captions:
            counts.update(split_words(caption))
            longest = max(longest, len(caption.split()))
        # a stable sort: equal counts stay in the order of first appearance
        return cls(tuple(sorted(counts, key=lambda word: -counts[word])), longest)

    def __len__(self) -> int:
        """Number of ids, 0 included: what the course calls `vocab_size`."""
        return len(self.words) + 1

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, start=1)}

    @cached_property
    def marks(self) -> Marks:
        """Where captions begin and end. Nothing is forbidden; 0, which is no word, ends a caption as in the course."""
        return Marks(PAD, self._ids[START], self._ids[END], forbidden=())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of kind, words in order and length."""
        content = [self.kind, self.words, self.max_length]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Ids of a text's words, as `texts_to_sequences` gives them; unknown words are left out."""
        return [self._ids[word] for word in split_words(text) if word in self._ids]

    def word_for_id(self, number: int) -> str | None:
        """The word of an id; None for 0 and for ids that are not given."""
        return self.words[number - 1] if 0 < number < len(self) else None

    def decode(self, ids: Sequence[int]) -> str:
        """The words up to the first end mark, joined by blanks; padding and start marks are left out.

        Raises:
            DataError: an id outside the vocabulary.
        """
        return " ".join(word for word in self._said(ids) if word not in (START, END))

    def transcript(self, ids: Sequence[int]) -> str:
        """What the course's greedy loop returns for the ids that a search said after the start mark.

        "startseq ... endseq", without endseq where none was said.
        """
        return " ".join([START, *self._said(ids)])

    def _said(self, ids: Sequence[int]) -> list[str]:
        """Words up to the first end mark, which is among them; padding is left out."""
        said = []
        for number in map(int, ids):
            if not 0 <= number < len(self):
                raise DataError(f"word id {number} is outside a vocabulary of {len(self)}; is it another model's?")
            if number != PAD:
                said.append(self.words[number - 1])
            if number == self.marks.end:
                break
        return said

    def save(self, path: Path) -> None:
        """Write as JSON."""
        content = {"kind": self.kind, "max_length": self.max_length, "words": self.words}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=0), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> CampTokenizer:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or holds something else.
        """
        words, content = saved_words(path, cls.kind)
        if type(content.get("max_length")) is not int:
            raise DataError(f"{path} is no tokenizer: it has no max_length")
        return cls(words, content["max_length"])
