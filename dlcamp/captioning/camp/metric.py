"""The course's metric, to stand beside the honest one under its own name; never to compare with published scores.

NLTK's corpus BLEU with three habits that move it: startseq and endseq count as words on both sides (up), references
keep their capitals and full stops though captions have neither (down), and the weights of BLEU-3 sum to .9 (up).
Where no n-gram of an order matches NLTK gives about 1e-231 instead of 0, and so does this.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from dlcamp.captioning.camp.tokenizer import START, wrap
from dlcamp.errors import DataError

WEIGHTS = {
    "bleu_1": (1.0, 0.0, 0.0, 0.0),
    "bleu_2": (0.5, 0.5, 0.0, 0.0),
    "bleu_3": (0.3, 0.3, 0.3, 0.0),
    "bleu_4": (0.25, 0.25, 0.25, 0.25),
}


def camp_bleu(said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """BLEU-1 to 4 as the course's `evaluate_model` prints them, as fractions.

    Args:
        said: one caption an image, marks included: `train.transcripts`.
        references: the captions of each image as they stand in the file.

    Raises:
        DataError: the numbers of captions and images differ, an image has no reference, or a caption no mark.
    """
    from nltk.translate.bleu_score import corpus_bleu

    if len(said) != len(references) or not said:
        raise DataError(f"{len(said)} captions for {len(references)} images; give one caption an image, at least one")
    if not all(references):
        raise DataError("an image has no reference caption; leave it out or give it one")
    spoken = [caption.split() for caption in said]
    bare = next((caption for caption, words in zip(said, spoken, strict=True) if words[:1] != [START]), None)
    if bare is not None:
        raise DataError(f"a caption has no {START}: {bare!r}; give transcripts, which keep the marks")
    truths = [[wrap(caption).split() for caption in image] for image in references]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = corpus_bleu(truths, spoken, weights=list(WEIGHTS.values()))
    return {name: float(value) for name, value in zip(WEIGHTS, values, strict=True)}
