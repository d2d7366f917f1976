"""A trained captioner from end to end: the bytes of a photo to a sentence, with a warning when it is out of its depth.

It holds everything that is needed, the encoder's net included (EfficientNet-Lite0 15 MB; VGG16 537 MB, or 59 MB up to
its map), so that it works where neither the training data nor the encoder's weights are installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import keras
import numpy as np
from safetensors.numpy import load_file, save_file

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet, load_net, save_net
from dlcamp.captioning.decoding import Search
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.vocabulary import Words, load_vocabulary
from dlcamp.errors import ImageError, StoreError
from dlcamp.vision.encoder import Encoder, compiled
from dlcamp.vision.weights import load_weights

BATCH = 32
_ABOUT, _WEIGHTS, _WORDS = "captioner.json", "encoder.safetensors", "vocabulary.json"


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


@dataclass(frozen=True)
class Seen:
    """What the captioner says of one image, and how unlike the training images it is (above 1: very)."""

    caption: str
    novelty: float

    @property
    def novel(self) -> bool:
        """Whether the caption should not be trusted: the image is unlike those trained on."""
        return self.novelty > 1


class CaptionPredictor:
    """Encoded image files (JPEG, PNG, ...) to captions.

    Args:
        encoder: what the features were extracted with; its precision must be settled.
        net: the trained decoder.
        data: name of the data set it was trained on.
        novelty: statistics of the training features.
        model: the encoder's network with its weights; the encoder's own when None.
    """

    kind: ClassVar[str] = "image"

    def __init__(
        self,
        encoder: Encoder,
        net: CaptionNet,
        vocabulary: Words,
        decoding: Decoding,
        data: str,
        novelty: Novelty,
        model: keras.Model | None = None,
    ) -> None:
        self.encoder, self.net, self.vocabulary = encoder, net, vocabulary
        self.decoding, self.data, self._novelty = decoding, data, novelty
        self._model = model
        self._forward: Callable[[np.ndarray], np.ndarray] | None = None
        self._search: Search | None = None

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
        pixels: dict[int, np.ndarray] = {}
        found: dict[int, Seen | ImageError] = {}
        for number, data in enumerate(images):
            try:
                pixels[number] = self.encoder.pixels(data, names[number] if names else f"image {number}")
            except ImageError as error:
                found[number] = error
        if pixels:
            features = self._encoded(list(pixels.values()))
            seen = zip(pixels, self.captions(features), self._novelty.ratio(features), strict=True)
            found |= {number: Seen(text, float(ratio)) for number, text, ratio in seen}
        return [found[number] for number in range(len(images))]

    def novelty(self, images: Sequence[bytes]) -> np.ndarray:
        """How unlike the training images each is, (images,): above 1, more than 99 in 100 held-out images are."""
        return self._novelty.ratio(self.features(images))

    def captions(self, features: np.ndarray) -> list[str]:
        """Captions of (images, ...) features that `encoder` made."""
        if self._search is None:
            options = asdict(self.decoding)
            self._search = Search(self.net, **options, marks=self.vocabulary.marks)
        return [self.vocabulary.decode(ids) for ids in self._search(features).tokens]

    def features(self, images: Sequence[bytes]) -> np.ndarray:
        """Features of encoded images, (images, *encoder.shape), computed 32 at a time."""
        parts = [
            self._encoded([self.encoder.pixels(data, f"image {start + place}") for place, data in enumerate(part)])
            for start in range(0, len(images), BATCH)
            for part in [images[start : start + BATCH]]
        ]
        return np.concatenate(parts) if parts else np.empty((0, *self.encoder.shape), self.encoder.dtype)

    def _encoded(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        if self._forward is None:
            self._forward = self.encoder.load() if self._model is None else compiled(self._model)
        parts = [self._forward(np.stack(pixels[i : i + BATCH])) for i in range(0, len(pixels), BATCH)]
        return np.concatenate(parts).astype(self.encoder.dtype)

    def save(self, folder: Path) -> None:
        """Write plain files: json, npz and safetensors. The encoder's net is one of them: half a gigabyte for VGG."""
        model = self.encoder.model if self._model is None else self._model
        save_file({variable.path: np.asarray(variable) for variable in model.weights}, folder / _WEIGHTS)
        save_net(self.net, folder)
        self.vocabulary.save(folder / _WORDS)
        self._novelty.save(folder)
        about = {"data": self.data, "decoding": asdict(self.decoding), "encoder": self.encoder.describe()}
        (folder / _ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            StoreError: a file is missing or damaged.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            encoder = Encoder.restore(about["encoder"])
            model = encoder.network()
            load_weights(model, load_file(folder / _WEIGHTS))
            return cls(
                encoder,
                load_net(folder),
                load_vocabulary(folder / _WORDS),
                Decoding(**about["decoding"]),
                about["data"],
                Novelty.load(folder),
                model,
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{folder} holds no captioner that this version can read: {error}") from error
