"""Words and their numbers.

Ids: 0 pads, 1 starts, 2 ends, 3 stands for every word that is not known; then the words by falling count, ties in
alphabetical order, so that one set of captions gives one vocabulary whatever its order.

The course numbers words otherwise (`camp.tokenizer`). Whatever speaks takes either as `Words`, and `load_vocabulary`
reads either.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dlcamp.captioning.tokens import tokenize
from dlcamp.errors import DataError

PAD, START, END, UNKNOWN = 0, 1, 2, 3
MARKS = ("<pad>", "<start>", "<end>", "<unk>")


@dataclass(frozen=True)
class Marks:
    """The ids that are no words of a caption, as a search needs them.

    `pad` fills up, `start` comes first, `end` ends a caption, `forbidden` are never said. Where `pad` is not forbidden
    a caption ends with it too: the course's greedy loop stops at id 0, for which it finds no word.
    """

    pad: int
    start: int
    end: int
    forbidden: tuple[int, ...]

    @property
    def ends(self) -> tuple[int, ...]:
        """The ids after which nothing is said."""
        return (self.end,) if self.pad in self.forbidden else (self.end, self.pad)


STANDARD = Marks(PAD, START, END, forbidden=(PAD, START, UNKNOWN))


class Words(Protocol):
    """What captioning needs of a vocabulary: `Vocabulary` has it, and the course's `CampTokenizer`."""

    kind: ClassVar[str]

    @property
    def marks(self) -> Marks: ...

    @property
    def digest(self) -> str: ...

    def __len__(self) -> int: ...

    def encode(self, caption: str, /) -> list[int]: ...

    def decode(self, ids: Sequence[int], /) -> str: ...

    def save(self, path: Path) -> None: ...


@dataclass(frozen=True)
class Vocabulary:
    """The known words, in the order of their ids (marks not among them)."""

    kind: ClassVar[str] = "treebank"

    words: tuple[str, ...]

    @classmethod
    def of(cls, captions: Iterable[str], min_count: int = 1) -> Vocabulary:
        """The words that occur at least `min_count` times in `captions`; give training captions only.

        Raises:
            DataError: no word occurs often enough.
        """
        counts = Counter(word for caption in captions for word in tokenize(caption))
        known = sorted((word for word, n in counts.items() if n >= min_count), key=lambda word: (-counts[word], word))
        if not known:
            raise DataError(
                f"no word occurs {min_count} times: {counts.total()} words of {len(counts)} kinds were given\n"
                "lower min_count or give more captions"
            )
        return cls(tuple(known))

    def __len__(self) -> int:
        """Number of ids, the four marks included."""
        return len(MARKS) + len(self.words)

    @property
    def marks(self) -> Marks:
        """Its marks: those of every vocabulary of this kind."""
        return STANDARD

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words, start=len(MARKS))}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the words in order."""
        return hashlib.sha256(json.dumps(self.words, ensure_ascii=False).encode()).hexdigest()

    def encode(self, caption: str) -> list[int]:
        """Ids of a caption's words, without marks; unknown words become `UNKNOWN`."""
        return [self._ids.get(word, UNKNOWN) for word in tokenize(caption)]

    def decode(self, ids: Sequence[int]) -> str:
        """The words up to the first end mark, joined by blanks; padding and start marks are left out.

        Raises:
            DataError: an id outside the vocabulary.
        """
        shown = []
        for number in map(int, ids):
            if number == END:
                break
            if not 0 <= number < len(self):
                raise DataError(f"word id {number} is outside a vocabulary of {len(self)}; is it another model's?")
            if number not in (PAD, START):
                shown.append(MARKS[UNKNOWN] if number == UNKNOWN else self.words[number - len(MARKS)])
        return " ".join(shown)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        content = {"kind": self.kind, "words": self.words}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=0), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or holds something else.
        """
        return cls(saved_words(path, cls.kind)[0])


def load_vocabulary(path: Path) -> Words:
    """Read a vocabulary of either kind.

    Raises:
        DataError: the file is missing or holds something else.
    """
    from dlcamp.captioning.camp.tokenizer import CampTokenizer

    return CampTokenizer.load(path) if _content(path)["kind"] == CampTokenizer.kind else Vocabulary.load(path)


def saved_words(path: Path, kind: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The words in a saved vocabulary, which are all different, and everything else it holds.

    Raises:
        DataError: the file is missing, or holds something else than a vocabulary of this kind.
    """
    content = _content(path)
    words = content.get("words")
    if not isinstance(words, list) or not all(isinstance(w, str) for w in words) or len(set(words)) != len(words):
        raise DataError(f"{path} is no vocabulary: a list of different words was expected")
    if content["kind"] != kind:
        raise DataError(
            f"{path} is no vocabulary of kind {kind!r} but {content['kind']!r}; read it with load_vocabulary"
        )
    return tuple(words), content


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        # files of versions that knew one kind only do not name it
        return {"kind": Vocabulary.kind, **content}
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is no vocabulary ({error})") from error
