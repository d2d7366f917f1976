"""From the bytes of a photo to a sentence, whoever speaks: one decoder (`predictor`), or several (`ensemble`).

A captioner holds everything that is needed, the nets of its encoders included (EfficientNet-Lite0 15 MB; VGG16 537 MB,
or 59 MB up to its map), so that it works where neither the training data nor the encoder's weights are installed.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
from safetensors.numpy import load_file, save_file

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoding import Features, Search, Speaker
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.vocabulary import Words
from dlcamp.errors import ImageError
from dlcamp.vision.encoder import Encoder, compiled
from dlcamp.vision.weights import load_weights

BATCH = 32
SMALL = (1, 8)
"""Images of a search that is asked for few: one photo, a handful."""


@dataclass(frozen=True)
class Decoding:
    """How captions are searched for: see `decoding.Search`."""

    beam: int = 3
    length_normalisation: float = 0.7
    max_length: int = 30
    batch: int = 64

    @classmethod
    def of(cls, config: CaptionConfig) -> Decoding:
        """What a config asks for."""
        return cls(config.beam, config.length_normalisation, config.max_length, config.decode_batch)


@dataclass(frozen=True, eq=False)
class Sight:
    """Images as a captioner's encoders see them.

    Attributes:
        parts: features of those that can be read, in their order, encoder by encoder: (images, *encoder.shape).
        errors: for each image why it cannot be read, or None.
    """

    parts: tuple[np.ndarray, ...]
    errors: tuple[ImageError | None, ...]

    @property
    def features(self) -> Features:
        """As `captions` takes them."""
        return self.parts if len(self.parts) > 1 else self.parts[0]


@dataclass(frozen=True)
class Seen:
    """What the captioner says of one image, and how unlike the training images it is (above 1: very)."""

    caption: str
    novelty: float

    @property
    def novel(self) -> bool:
        """Whether the caption should not be trusted: the image is unlike those trained on."""
        return self.novelty > 1


class Eye:
    """An encoder with its net: what the captioner sees with.

    Args:
        encoder: what features are extracted with; its precision must be settled.
        model: its network with its weights; the encoder's own when None.
    """

    def __init__(self, encoder: Encoder, model: keras.Model | None = None) -> None:
        self.encoder, self.model = encoder, model
        self._forward: Callable[[np.ndarray], np.ndarray] | None = None

    def features(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Features of decoded images, (images, *encoder.shape), computed 32 at a time."""
        if not pixels:
            return np.empty((0, *self.encoder.shape), self.encoder.dtype)
        if self._forward is None:
            self._forward = self.encoder.load() if self.model is None else compiled(self.model)
        parts = [self._forward(np.stack(pixels[i : i + BATCH])) for i in range(0, len(pixels), BATCH)]
        return np.concatenate(parts).astype(self.encoder.dtype)

    def save(self, path: Path) -> None:
        """Write the net's weights as one file of safetensors."""
        model = self.encoder.model if self.model is None else self.model
        save_file({variable.path: np.asarray(variable) for variable in model.weights}, path)

    @classmethod
    def load(cls, described: Mapping[str, Any], path: Path) -> Self:
        """The eye whose encoder was `described`, with the weights that `save` wrote."""
        encoder = Encoder.restore(described)
        model = encoder.network()
        load_weights(model, load_file(path))
        return cls(encoder, model)


class Captioner(abc.ABC):
    """Encoded image files (JPEG, PNG, ...) to captions.

    Args:
        eyes: encoder by encoder, as the speaker takes their features.
        speaker: one decoder or several.
        data: name of the data set it was trained on.
        novelty: statistics of the training features of the first eye.
    """

    kind: ClassVar[str] = "image"

    def __init__(
        self, eyes: Sequence[Eye], speaker: Speaker, vocabulary: Words, decoding: Decoding, data: str, novelty: Novelty
    ) -> None:
        self.eyes, self.speaker, self.vocabulary = tuple(eyes), speaker, vocabulary
        self.decoding, self.data, self.known = decoding, data, novelty
        self._searches: dict[tuple[int, int], Search] = {}

    def predict(self, inputs: Sequence[bytes]) -> list[str]:
        """One caption an image, in order.

        Raises:
            ImageError: an image cannot be read; the message has its position.
        """
        return self.captions(self.features(inputs)) if len(inputs) else []

    def look(self, images: Sequence[bytes], names: Sequence[str] | None = None) -> list[Seen | ImageError]:
        """Caption and novelty of each image, with an error in the place of one that cannot be read.

        Args:
            names: what errors call the images; their position when None.
        """
        return self.tell(self.see(images, names))

    def see(self, images: Sequence[bytes], names: Sequence[str] | None = None) -> Sight:
        """Features of each image; an error in the place of one that cannot be read.

        No more than a part's pixels are held at once.

        Args:
            names: as in `look`.
        """
        return self._see(images, names, skips=True)

    def tell(self, sight: Sight) -> list[Seen | ImageError]:
        """What `look` says of images that were seen before."""
        read = sum(error is None for error in sight.errors)
        captions = self.captions(sight.features) if read else []
        said = iter(zip(captions, self.known.ratio(sight.parts[0]) if read else (), strict=True))
        found: list[Seen | ImageError] = []
        for error in sight.errors:
            if error is None:
                caption, ratio = next(said)
                found.append(Seen(caption, float(ratio)))
            else:
                found.append(error)
        return found

    def novelty(self, images: Sequence[bytes]) -> np.ndarray:
        """How unlike the training images each is, (images,): above 1, more than 99 in 100 held-out images are."""
        return self.known.ratio(self._see(images, None, skips=False).parts[0])

    def captions(self, features: Features, beam: int | None = None) -> list[str]:
        """Captions of (images, ...) features that the encoder made; of several encoders, a tuple of them.

        Args:
            beam: another one than that of `decoding`.
        """
        return [self.vocabulary.decode(ids) for ids in self.tokens(features, beam)]

    def tokens(self, features: Features, beam: int | None = None) -> np.ndarray:
        """The same captions as word ids, (images, max_length): the words, the end mark, padding."""
        images = len(features[0] if isinstance(features, tuple) else features)
        # a batch that is filled up costs as much as a full one
        batch = next((size for size in SMALL if images <= size < self.decoding.batch), self.decoding.batch)
        key = (beam or self.decoding.beam, batch)
        if key not in self._searches:
            options = {**asdict(self.decoding), "beam": key[0], "batch": batch}
            self._searches[key] = Search(self.speaker, **options, marks=self.vocabulary.marks)
        return self._searches[key](features).tokens

    def features(self, images: Sequence[bytes]) -> Features:
        """Features of encoded images, (images, *encoder.shape); of several encoders, a tuple of them.

        Raises:
            ImageError: an image cannot be read; the message has its position.
        """
        return self._see(images, None, skips=False).features

    @abc.abstractmethod
    def save(self, folder: Path) -> None:
        """Write plain files: json, npz and safetensors. The nets of the encoders are among them."""

    @classmethod
    @abc.abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            StoreError: a file is missing or damaged.
        """

    def _see(self, images: Sequence[bytes], names: Sequence[str] | None, skips: bool) -> Sight:
        parts: list[tuple[np.ndarray, ...]] = []
        pixels: list[tuple[np.ndarray, ...]] = []
        errors: list[ImageError | None] = [None] * len(images)
        for number, data in enumerate(images):
            try:
                pixels.append(self._pixels(data, names[number] if names else f"image {number}"))
            except ImageError as error:
                if not skips:
                    raise
                errors[number] = error
            if len(pixels) == BATCH:
                parts.append(self._encoded(pixels))
                pixels = []
        if pixels or not parts:
            parts.append(self._encoded(pixels))
        return Sight(tuple(np.concatenate(column) for column in zip(*parts, strict=True)), tuple(errors))

    def _pixels(self, data: bytes, name: str) -> tuple[np.ndarray, ...]:
        return tuple(eye.encoder.pixels(data, name) for eye in self.eyes)

    def _encoded(self, pixels: Sequence[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
        return tuple(eye.features([image[place] for image in pixels]) for place, eye in enumerate(self.eyes))
