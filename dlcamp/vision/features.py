"""The result of an extraction: rows aligned with ids, and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcamp.vision.encoder import Encoder


@dataclass(frozen=True)
class Skipped:
    """An item left out, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Features:
    """Features of images.

    Args:
        ids: what was asked, in that order, without what was skipped.
        array: (len(ids), *encoder.shape), float32 or float16, memory-mapped, read-only; row i belongs to ids[i].
        encoder: what computed them; its precision is settled.
        skipped: items that could not be read.
        digest: sha256 over the encoder's key, the ids and the content of each image: equal digests, equal arrays.
        images_per_second: reading, decoding, computing and storing; 0.0 when nothing had to be computed.
        from_cache: how many of `ids` needed no computing, stored earlier or a copy of another image.
    """

    ids: tuple[str, ...]
    array: np.ndarray
    encoder: Encoder
    skipped: tuple[Skipped, ...]
    digest: str
    images_per_second: float
    from_cache: int

    def __len__(self) -> int:
        return len(self.ids)


def features_digest(encoder: Encoder, ids: Sequence[str], contents: Sequence[bytes]) -> str:
    """Identifies an extraction by all it depends on."""
    state = hashlib.sha256(encoder.key.encode())
    for item, content in zip(ids, contents, strict=True):
        state.update(f"\n{len(item)} {item} ".encode())
        state.update(content)
    return state.hexdigest()
