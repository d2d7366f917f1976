"""ROUGE-L as the COCO caption evaluation computes it (Lin, Text Summarization Branches Out, ACL 2004; beta 1.2).

For one caption: the best precision and the best recall of the longest common subsequence over the references,
which need not be of one reference, joined by F with beta 1.2. A corpus is the mean over images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BETA = 1.2

Tokens = Sequence[str]


def rouge_l(references: Sequence[Sequence[Tokens]], hypotheses: Sequence[Tokens]) -> NDArray[np.float64]:
    """ROUGE-L of each tokenised caption against its references, (images,), as fractions."""
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(hypotheses)} captions for {len(references)} images; give one caption an image")
    return np.array([_score(tokens, image) for tokens, image in zip(hypotheses, references, strict=True)], dtype=float)


def _score(tokens: Tokens, references: Sequence[Tokens]) -> float:
    places = _places(tokens)
    common = [_longest_common(places, len(tokens), reference) for reference in references]
    precision = max(common, default=0) / max(1, len(tokens))
    recall = max((shared / max(1, len(r)) for shared, r in zip(common, references, strict=True)), default=0.0)
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _places(tokens: Tokens) -> dict[str, int]:
    """For each token the positions it stands at, as bits."""
    places: dict[str, int] = {}
    for position, token in enumerate(tokens):
        places[token] = places.get(token, 0) | 1 << position
    return places


def _longest_common(places: dict[str, int], size: int, other: Tokens) -> int:
    """Length of the longest common subsequence, a row of the table at once in the bits of an int (Hyyro 2004)."""
    everything = (1 << size) - 1
    row = everything
    for token in other:
        matched = row & places.get(token, 0)
        row = ((row + matched) | (row - matched)) & everything
    return size - row.bit_count()
