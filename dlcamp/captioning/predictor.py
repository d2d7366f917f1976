"""A trained captioner of one decoder, from end to end, as it is stored and loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self

import keras

from dlcamp.captioning.captioner import Captioner, Decoding, Eye, Sight
from dlcamp.captioning.decoders import CaptionNet, load_net, save_net
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.vocabulary import Words, load_vocabulary
from dlcamp.errors import StoreError
from dlcamp.vision.encoder import Encoder

_ABOUT, _WEIGHTS, _WORDS = "captioner.json", "encoder.safetensors", "vocabulary.json"


class CaptionPredictor(Captioner):
    """Encoded image files to captions, by one encoder and one decoder.

    Args:
        encoder: what the features were extracted with; its precision must be settled.
        net: the trained decoder.
        data: name of the data set it was trained on.
        novelty: statistics of the training features.
        model: the encoder's network with its weights; the encoder's own when None.
    """

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
        super().__init__([Eye(encoder, model)], net, vocabulary, decoding, data, novelty)
        self.net = net

    @property
    def encoder(self) -> Encoder:
        """What it sees with."""
        return self.eyes[0].encoder

    def attention_page(
        self, images: Mapping[str, bytes], title: str, sight: Sight | None = None, **notes: Mapping[str, str]
    ) -> str:
        """A page of where the decoder looked for each word: see `attention_page.attention_page`."""
        from dlcamp.captioning.attention_page import attention_page

        return attention_page(self, images, title, sight, **notes)

    def save(self, folder: Path) -> None:
        """Write plain files: json, npz and safetensors. The encoder's net is one of them: half a gigabyte for VGG."""
        self.eyes[0].save(folder / _WEIGHTS)
        save_net(self.net, folder)
        self.vocabulary.save(folder / _WORDS)
        self.known.save(folder)
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
            eye = Eye.load(about["encoder"], folder / _WEIGHTS)
            return cls(
                eye.encoder,
                load_net(folder),
                load_vocabulary(folder / _WORDS),
                Decoding(**about["decoding"]),
                about["data"],
                Novelty.load(folder),
                eye.model,
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{folder} holds no captioner that this version can read: {error}") from error
