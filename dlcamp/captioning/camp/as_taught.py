"""The course's own way, function by function, in plain Keras: what the benchmarks compare with.

Slow on purpose and nowhere else used: one image a `predict`, one `predict` a word, one row a prefix with a one-hot
target of the whole vocabulary. Names are the course's where it names them. Two things differ, because Keras 3 has
changed: batches are ((photos, prefixes), words), and the LSTM is kept from cuDNN, which takes no mask on the left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

Descriptions = Mapping[str, Sequence[str]]
"""Image -> its captions, each already between startseq and endseq."""

Photos = Mapping[str, np.ndarray]
"""Image -> its features (1, values), as `features.pkl` holds them."""


def create_tokenizer(descriptions: Descriptions) -> Any:
    """Keras' classic tokenizer, fitted on all captions."""
    tokenizer = tf.keras.preprocessing.text.Tokenizer()
    tokenizer.fit_on_texts([caption for captions in descriptions.values() for caption in captions])
    return tokenizer


def get_max_length(descriptions: Descriptions) -> int:
    """Words of the longest caption, split on blanks before any filtering, marks counted."""
    return max(len(caption.split()) for captions in descriptions.values() for caption in captions)


def create_input_data(
    tokenizer: Any, max_length: int, descriptions: Descriptions, photos_features: Photos, vocab_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row a word after the first: features (rows, values), prefixes (rows, max_length), one-hot next words."""
    photos, prefixes, words = [], [], []
    for name, captions in descriptions.items():
        for caption in captions:
            sequence = tokenizer.texts_to_sequences([caption])[0]
            for i in range(1, len(sequence)):
                photos.append(photos_features[name][0])
                prefixes.append(keras.utils.pad_sequences([sequence[:i]], maxlen=max_length)[0])
                words.append(keras.utils.to_categorical([sequence[i]], num_classes=vocab_size)[0])
    return np.array(photos), np.array(prefixes), np.array(words)


def data_generator(
    descriptions: Descriptions, photos_features: Photos, tokenizer: Any, max_length: int
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
    """Batches of one image, in the order of the file, without end."""
    vocab_size = len(tokenizer.word_index) + 1
    while True:
        for name, captions in descriptions.items():
            photos, prefixes, words = create_input_data(
                tokenizer, max_length, {name: captions}, photos_features, vocab_size
            )
            yield (photos, prefixes), words


def caption_model(vocab_size: int, max_len: int, feature_size: int = 4096) -> keras.Model:
    """The merge network, compiled as taught: softmax, categorical cross-entropy, Adam."""
    photo = keras.Input((feature_size,))
    image = keras.layers.Dense(256, activation="relu")(keras.layers.Dropout(0.5)(photo))
    prefix = keras.Input((max_len,))
    words = keras.layers.Embedding(vocab_size, 256, mask_zero=True)(prefix)
    said = keras.layers.LSTM(256, use_cudnn=False)(keras.layers.Dropout(0.5)(words))
    merged = keras.layers.Dense(256, activation="relu")(keras.layers.add([image, said]))
    word = keras.layers.Dense(vocab_size, activation="softmax")(merged)
    model = keras.Model([photo, prefix], word)
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    return model


def word_for_id(integer: int, tokenizer: Any) -> str | None:
    """The word of an id, looked for among all words."""
    for word, index in tokenizer.word_index.items():
        if index == integer:
            return word
    return None


def generate_caption(model: keras.Model, tokenizer: Any, photo: np.ndarray, max_length: int) -> str:
    """Greedy, one `predict` a word, for features (1, values): "startseq ... endseq"."""
    said = "startseq"
    for _ in range(max_length):
        sequence = tokenizer.texts_to_sequences([said])[0]
        prefix = keras.utils.pad_sequences([sequence], maxlen=max_length)
        probabilities = model.predict([photo, prefix], verbose=0)
        word = word_for_id(int(np.argmax(probabilities)), tokenizer)
        if word is None:
            break
        said += " " + word
        if word == "endseq":
            break
    return said


def load_img_as_np_array(path: Path | str, size: int = 224) -> np.ndarray:
    """Pixels (size, size, 3) float32 of an image file, the nearest pixel taken."""
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((size, size), Image.Resampling.NEAREST)
        return np.asarray(resized, np.float32)


def preprocess_input(pixels: np.ndarray) -> np.ndarray:
    """RGB to BGR, less the means of ImageNet."""
    return pixels[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)


def extract_features(
    images: Path | Sequence[Path],
    model: keras.Model,
    size: int = 224,
    preprocess: Callable[[np.ndarray], np.ndarray] = preprocess_input,
) -> dict[str, np.ndarray]:
    """Features of the image files of a folder or a list, one `predict` an image.

    Args:
        model: a network without its last layer.
        preprocess: pixels (1, size, size, 3) float32 -> the network's input; the course's for VGG.

    Returns:
        The file's name up to the first point -> (1, values).
    """
    paths = sorted(images.iterdir()) if isinstance(images, Path) else images
    features = {}
    for path in paths:
        pixels = load_img_as_np_array(path, size)
        features[path.name.split(".")[0]] = model.predict(preprocess(pixels[None]), verbose=0)
    return features
