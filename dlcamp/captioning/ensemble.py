"""Several captioners that speak as one: every word is said by the mean of what its members think of it.

Members may differ in seed, decoder and encoder; they must know the same words. The mean is that of probabilities, each
member's over the words that may be said at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from dlcamp.captioning.captioner import Captioner, Decoding, Eye
from dlcamp.captioning.decoders import CaptionNet, load_net, save_net
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.vocabulary import Marks, Words, load_vocabulary
from dlcamp.errors import ConfigError, StoreError

_ABOUT, _WORDS = "ensemble.json", "vocabulary.json"


@dataclass(frozen=True)
class Member:
    """A decoder, and the place of the eye it sees with."""

    net: CaptionNet
    eye: int


class Ensemble:
    """Members as one speaker (`decoding.Speaker`): contexts and states are those of all, one member after the other."""

    def __init__(self, members: Sequence[Member], marks: Marks) -> None:
        self.members = tuple(members)
        self.contexts = sum(member.net.contexts for member in members)
        self._forbidden = np.zeros(members[0].net.spec.vocabulary_size, np.float32)
        self._forbidden[list(marks.forbidden)] = -1e9

    @property
    def feature_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one image, eye by eye."""
        by_eye = {member.eye: member.net.spec.feature_shape for member in self.members}
        return tuple(by_eye[eye] for eye in sorted(by_eye))

    @property
    def parameters(self) -> int:
        """Trained parameters of all members."""
        return sum(member.net.parameters for member in self.members)

    def start(self, features: Any, training: bool = False) -> list[Any]:
        """Contexts of all members, then their first states."""
        parts = features if isinstance(features, tuple) else (features,)
        begun = [member.net.start(parts[member.eye], training=training) for member in self.members]
        counts = [member.net.contexts for member in self.members]
        contexts = [value for one, count in zip(begun, counts, strict=True) for value in one[:count]]
        return contexts + [value for one, count in zip(begun, counts, strict=True) for value in one[count:]]

    def step(self, inputs: Sequence[Any], training: bool = False) -> list[Any]:
        """The logarithm of the mean probability of each next word, then the next states of all members."""
        word, contexts, states = inputs[0], inputs[1 : 1 + self.contexts], inputs[1 + self.contexts :]
        counts = [member.net.contexts for member in self.members]
        widths = [len(member.net.step.outputs) - 1 for member in self.members]
        logs, following = [], []
        for member, own, moving in zip(self.members, _cut(contexts, counts), _cut(states, widths), strict=True):
            logits, *after = member.net.step([word, *own, *moving], training=training)
            logs.append(keras.ops.log_softmax(keras.ops.cast(logits, "float32") + self._forbidden, axis=-1))
            following += after
        return [keras.ops.logsumexp(keras.ops.stack(logs), axis=0) - float(np.log(len(logs))), *following]


def _cut(values: Sequence[Any], counts: Sequence[int]) -> list[Sequence[Any]]:
    return [values[begin:end] for begin, end in pairwise([0, *accumulate(counts)])]


class EnsemblePredictor(Captioner):
    """Encoded image files to captions, by several decoders.

    Args:
        eyes: encoders, each once.
        members: who speaks; their places are those of `eyes`.
    """

    def __init__(
        self,
        eyes: Sequence[Eye],
        members: Sequence[Member],
        vocabulary: Words,
        decoding: Decoding,
        data: str,
        novelty: Novelty,
    ) -> None:
        self.ensemble = Ensemble(members, vocabulary.marks)
        super().__init__(eyes, self.ensemble, vocabulary, decoding, data, novelty)

    @classmethod
    def of(cls, captioners: Sequence[CaptionPredictor], decoding: Decoding) -> Self:
        """Captioners as members; those that see alike share one eye.

        Raises:
            ConfigError: fewer than one, or captioners of different words or data sets.
        """
        if not captioners:
            raise ConfigError("an ensemble needs at least one member")
        first = captioners[0]
        for number, one in enumerate(captioners[1:], start=2):
            if one.vocabulary.digest != first.vocabulary.digest:
                raise ConfigError(
                    f"member {number} knows other words than member 1 ({len(one.vocabulary):,} and "
                    f"{len(first.vocabulary):,}): their probabilities have no mean\n"
                    "take members that were trained on one data set with one min_count"
                )
            if one.data != first.data:
                raise ConfigError(
                    f"member {number} was trained on {one.data}, member 1 on {first.data}; take one data set"
                )
        eyes: dict[str, Eye] = {}
        for one in captioners:
            eyes.setdefault(one.encoder.key, one.eyes[0])
        places = {key: place for place, key in enumerate(eyes)}
        members = [Member(one.net, places[one.encoder.key]) for one in captioners]
        return cls(list(eyes.values()), members, first.vocabulary, decoding, first.data, first.known)

    def save(self, folder: Path) -> None:
        """Write plain files: the nets of the encoders, each once, and a folder a member."""
        for place, eye in enumerate(self.eyes):
            eye.save(folder / _eye(place))
        for number, member in enumerate(self.ensemble.members):
            (folder / _member(number)).mkdir(parents=True, exist_ok=True)
            save_net(member.net, folder / _member(number))
        self.vocabulary.save(folder / _WORDS)
        self.known.save(folder)
        about = {
            "data": self.data,
            "decoding": asdict(self.decoding),
            "encoders": [eye.encoder.describe() for eye in self.eyes],
            "members": [member.eye for member in self.ensemble.members],
        }
        (folder / _ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            StoreError: a file is missing or damaged.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            described = enumerate(about["encoders"])
            eyes = [Eye.load(one, folder / _eye(place)) for place, one in described]
            members = [Member(load_net(folder / _member(n)), int(eye)) for n, eye in enumerate(about["members"])]
            words = load_vocabulary(folder / _WORDS)
            return cls(eyes, members, words, Decoding(**about["decoding"]), about["data"], Novelty.load(folder))
        except (OSError, KeyError, TypeError, ValueError, IndexError) as error:
            raise StoreError(f"{folder} holds no ensemble that this version can read: {error}") from error


def _eye(place: int) -> str:
    return f"encoder_{place}.safetensors"


def _member(number: int) -> str:
    return f"member_{number}"
