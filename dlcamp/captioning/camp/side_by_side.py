"""The course's way and the workbench's on the same words, weights and images, as the benchmarks compare them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlcamp.captioning.camp import as_taught
from dlcamp.captioning.camp.tokenizer import PAD, CampTokenizer, wrap
from dlcamp.captioning.decoders import CaptionNet
from dlcamp.captioning.samples import Samples
from dlcamp.captioning.train import word_loss
from dlcamp.data.captions import CaptionItem
from dlcamp.errors import DataError
from dlcamp.training.fit import compiled_steps
from dlcamp.vision.precision import machine
from dlcamp.vision.vgg import vgg
from dlcamp.vision.vgg_encoder import VggEncoder
from dlcamp.vision.vgg_table import configuration

WIDTH = 256
"""Units and embedding of the course's network."""

_DENSE = ("image", "hidden", "logits")
_OTHERS = {"embedding": keras.layers.Embedding, "lstm": keras.layers.LSTM}


def machine_params() -> dict[str, str]:
    """What the speed of a net depends on here, as params of a run."""
    return {f"machine_{name}": value or "default" for name, value in machine().items()}


# words


def enlarged(tokenizer: CampTokenizer, size: int) -> CampTokenizer:
    """The tokenizer with `size` numbers at least: those it lacks go to words that never occur."""
    more = tuple(f"unused{number}" for number in range(len(tokenizer), size))
    return replace(tokenizer, words=tokenizer.words + more)


def keras_tokenizer(tokenizer: CampTokenizer) -> Any:
    """Keras' tokenizer with the same numbers."""
    made = tf.keras.preprocessing.text.Tokenizer()
    made.word_index = {word: number for number, word in enumerate(tokenizer.words, start=1)}
    return made


def descriptions(items: Sequence[CaptionItem]) -> dict[str, list[str]]:
    """Captions between marks, as the course's functions take them."""
    return {item.id: [wrap(text) for text in item.references] for item in items}


# weights


def course_model(net: CaptionNet, max_length: int) -> keras.Model:
    """The course's `caption_model`, compiled as taught, with the weights of a `merge` or `camp` net.

    Raises:
        DataError: the net has other sizes than the course's, or scales its features.
    """
    spec = net.spec
    if (spec.units, spec.embedding, spec.scaling, spec.blind) != (WIDTH, WIDTH, "none", False):
        raise DataError(f"the course's network has {WIDTH} units and unscaled features; this is {spec}")
    model = as_taught.caption_model(spec.vocabulary_size, max_length, spec.feature_shape[0])
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    pairs = list(zip(_DENSE, dense, strict=True))
    pairs += [(name, next(one for one in model.layers if isinstance(one, kind))) for name, kind in _OTHERS.items()]
    for name, layer in pairs:
        layer.set_weights(net.teacher.get_layer(name).get_weights())
    return model


def copy_weights(source: CaptionNet, target: CaptionNet) -> None:
    """Give a `camp` or `merge` net the weights of another; both have the course's layers."""
    for name in (*_DENSE, *_OTHERS):
        target.teacher.get_layer(name).set_weights(source.teacher.get_layer(name).get_weights())


# training


def whole_captions(features: np.ndarray, items: Sequence[CaptionItem], tokenizer: CampTokenizer, batch: int) -> Samples:
    """The captions of images, a row of `features` each, as the workbench trains them, in the course's numbers.

    What is to be said after what is the same as in the course's rows of prefixes.
    """
    pairs = [(row, tokenizer.encode(wrap(text))) for row, item in enumerate(items) for text in item.references]
    tokens = np.full((len(pairs), max(len(ids) for _, ids in pairs)), PAD, np.int32)
    for number, (_, ids) in enumerate(pairs):
        tokens[number, : len(ids)] = ids
    lengths = np.array([len(ids) - 1 for _, ids in pairs], np.int32)
    return Samples(features, np.array([row for row, _ in pairs]), tokens, lengths, batch)


def epochs_of(net: CaptionNet, data: Samples, optimizer: keras.optimizers.Optimizer, seed: int) -> Callable[[], int]:
    """A function that trains a net for one more epoch, by the step of `training.fit`, and returns how many captions.

    The step is compiled when it is called first, and stays.
    """
    optimizer.build(net.teacher.trainable_variables)
    step = compiled_steps(net.teacher, word_loss(0.0), optimizer, {})
    one, done = tf.constant(1), 0

    def epoch() -> int:
        nonlocal done
        done += 1
        batches = iter(data.dataset(seed, done))
        for _ in range(data.steps):
            step(batches, one).numpy()
        return len(data.rows)

    return epoch


def first_losses(
    net: CaptionNet, features: np.ndarray, items: Sequence[CaptionItem], tokenizer: CampTokenizer
) -> tuple[float, float]:
    """Mean cross-entropy a word of the course's network and of `net`, a `merge`, with the same weights, no dropout.

    Each has the captions in its own form: rows of prefixes with one-hot targets, and whole captions.
    """
    model = course_model(net, tokenizer.max_length)
    photos = {item.id: row[None] for item, row in zip(items, features, strict=True)}
    said, prefixes, words = as_taught.create_input_data(
        keras_tokenizer(tokenizer), tokenizer.max_length, descriptions(items), photos, len(tokenizer)
    )
    course = model.evaluate((said, prefixes), words, batch_size=len(words), verbose=0)
    data = whole_captions(features, items, tokenizer, batch=sum(len(item.references) for item in items))
    (inputs, targets, mask), *_ = data.batches(seed=0, epoch=1)
    ours = word_loss(0.0)(targets, net.teacher(inputs, training=False), mask)
    return float(course), float(ours)


# images


@dataclass(frozen=True)
class RandomVgg(VggEncoder):
    """A VGG with random weights, prepared as the course does: as fast as a trained one, and it says nothing.

    Args:
        width: what the filters and the dense widths are divided by; 1: VGG itself.
        seed: of the weights.
    """

    width: int = 1
    seed: int = 0

    @property
    def name(self) -> str:
        # the precision that is chosen for a narrow net says nothing about VGG itself
        return self.net if self.width == 1 else f"{self.net}_by_{self.width}"

    @property
    def shape(self) -> tuple[int, ...]:
        return configuration(self.net).narrowed(self.width).output_shape(self.output)

    @property
    def available(self) -> bool:
        return True

    def ready(self, progress: Any = None) -> None:
        """There is nothing to fetch."""

    def trained(self) -> keras.Model:
        return vgg(self.net, self.output, width=self.width, dtype=self._settled(), seed=self.seed)


def random_vgg(width: int, seed: int) -> RandomVgg:
    """VGG16's fc2 with random weights."""
    return RandomVgg(preparation="course", digest=f"random-{seed}-width-{width}", width=width, seed=seed)


def after_preparation(net: keras.Model) -> keras.Model:
    """A VGG without its first layer, sharing its weights: it takes what the course's `preprocess_input` gives."""
    return keras.Model(net.get_layer("bgr_minus_means").output, net.output, name=f"{net.name}_as_taught")


def one_by_one(images: Sequence[bytes], pixels: Callable[[bytes], np.ndarray], net: keras.Model) -> np.ndarray:
    """The course's loop for another net, with that net's own preparation of an image: one `predict` an image."""
    return np.concatenate([net.predict(pixels(image)[None], verbose=0) for image in images])


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of the features (images, values) of each image."""
    a, b = (np.asarray(values, np.float64) for values in (first, second))
    return np.asarray((a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-30))
