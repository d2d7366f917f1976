"""How many floating-point operations the training of one caption takes, counted from a decoder's shapes.

Products of matrices are counted, and nothing else: (m, k) by (k, n) is 2mkn operations, and its gradients are as many
again for each factor that has one. Features have none. What is added, squashed, looked up, normalised or done by the
optimizer is free, so that what is counted is a floor: no program that computes this decoder multiplies less.

    products(spec, words=11.8)      of one caption of that length, the end mark counted
    operations(spec, words=11.8)    their sum

Padding is not counted; neither is a product that a cleverer program would save (`par_inject` multiplies the image again
at each word, because its LSTM is defined so).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal

from dlcamp.captioning.config import ATTENDING
from dlcamp.captioning.decoders.net import WIDER, DecoderSpec
from dlcamp.errors import DataError, UnknownName


@dataclass(frozen=True)
class Product:
    """(rows, inner) by (inner, columns), `copies` times for one caption.

    Attributes:
        kind: "shared", by a weight that all captions share, so that all rows of a batch are one product; "in turn", the
            same, but each row waits for the one before it; "apart", both factors are the caption's own.
        gradients: factors whose gradient is needed; 1 where the left factor is features.
    """

    name: str
    rows: float
    inner: float
    columns: float
    kind: Literal["shared", "in turn", "apart"] = "shared"
    copies: int = 1
    gradients: int = 2

    @property
    def operations(self) -> float:
        """Of one caption, forward and backward."""
        return 2 * self.rows * self.inner * self.columns * self.copies * (1 + self.gradients)

    @property
    def weights(self) -> float:
        """How many weights it multiplies with."""
        return 0 if self.kind == "apart" else self.inner * self.columns * self.copies


def products(spec: DecoderSpec, words: float) -> tuple[Product, ...]:
    """Every product of training one caption of `words` words, the end mark counted; a mean need not be whole.

    Raises:
        UnknownName: the decoder's products are not known.
        DataError: less than one word, or a decoder that looks at a map has none.
    """
    if spec.decoder not in PRODUCTS:
        raise UnknownName("decoder whose products are counted", spec.decoder, PRODUCTS)
    if words < 1:
        raise DataError(f"a caption has one word at least, if only the end mark; got {words} words")
    if spec.decoder in ATTENDING and len(spec.feature_shape) != 3:
        raise DataError(
            f"{spec.decoder} looks at a map of features, (height, width, channels): got {spec.feature_shape}"
        )
    return PRODUCTS[spec.decoder](spec, words)


def operations(spec: DecoderSpec, words: float) -> float:
    """Floating-point operations of training one caption, forward and backward: see `products`."""
    return sum(product.operations for product in products(spec, words))


def _recurrent(spec: DecoderSpec, words: float, *, gates: int = 4, beside: int = 0) -> tuple[Product, ...]:
    """A word, and what stands beside it, to the gates; the state to the gates."""
    return (
        Product("word to gates", words, spec.embedding + beside, gates * spec.units),
        Product("state to gates", words, spec.units, gates * spec.units, kind="in turn"),
    )


def _answer(spec: DecoderSpec, words: float, known: int) -> tuple[Product, ...]:
    return Product("hidden", words, known, spec.units), _logits(spec, words)


def _logits(spec: DecoderSpec, words: float) -> Product:
    return Product("logits", words, spec.units, spec.vocabulary_size)


def _merge(spec: DecoderSpec, words: float) -> tuple[Product, ...]:
    image = Product("image", 1, spec.channels, spec.units, gradients=1)
    return image, *_recurrent(spec, words), *_answer(spec, words, spec.units)


def _gru(spec: DecoderSpec, words: float) -> tuple[Product, ...]:
    image = Product("image", 1, spec.channels, spec.units, gradients=1)
    return image, *_recurrent(spec, words, gates=3), *_answer(spec, words, spec.units)


def _par_inject(spec: DecoderSpec, words: float) -> tuple[Product, ...]:
    image = Product("image", 1, spec.channels, spec.embedding, gradients=1)
    return image, *_recurrent(spec, words, beside=spec.embedding), *_answer(spec, words, spec.units)


def _attention(spec: DecoderSpec, words: float) -> tuple[Product, ...]:
    units, places = spec.units, _places(spec)
    return (
        Product("regions", places, spec.channels, units, gradients=1),
        Product("first state", 1, units, units),
        Product("keys and values of the map", places, units, units, copies=2),
        *_recurrent(spec, words),
        Product("queries", words, units, units),
        *_look(spec, "map", words, places, spec.heads),
        *_answer(spec, words, 2 * units),
    )


def _transformer(spec: DecoderSpec, words: float) -> tuple[Product, ...]:
    units, layers, places = spec.units, spec.layers, _places(spec)
    return (
        Product("regions", places, spec.channels, units, gradients=1),
        Product("keys and values of the map", places, units, units, copies=2 * layers),
        # queries, keys, values and answer of what was said; queries and answer of the map
        Product("attention of words", words, units, units, copies=6 * layers),
        # word t looks at t words
        *_look(spec, "words", words, (words + 1) / 2, spec.heads * layers),
        *_look(spec, "map", words, places, spec.heads * layers),
        Product("inner", words, units, WIDER * units, copies=layers),
        Product("outer", words, WIDER * units, units, copies=layers),
        _logits(spec, words),
    )


def _look(spec: DecoderSpec, at: str, words: float, places: float, copies: int) -> tuple[Product, ...]:
    """Scores of places for each word, and what is seen with them, head by head."""
    size = spec.units // spec.heads
    return (
        Product(f"scores of the {at}", words, size, places, kind="apart", copies=copies),
        Product(f"seen of the {at}", words, places, size, kind="apart", copies=copies),
    )


def _places(spec: DecoderSpec) -> int:
    return prod(spec.feature_shape[:-1])


PRODUCTS: dict[str, Callable[[DecoderSpec, float], tuple[Product, ...]]] = {
    "merge": _merge,
    "gru": _gru,
    "init_inject": _merge,
    "par_inject": _par_inject,
    "attention": _attention,
    "transformer": _transformer,
}
"""Decoder -> its products; `camp` is trained on prefixes, not on captions, and is not among them."""
