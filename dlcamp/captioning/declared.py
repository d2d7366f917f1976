"""What the experiments of one decoder declare alike: a module adds which decoder, its question, and what comes next."""

from __future__ import annotations

from typing import Any

from dlcamp.captioning.claims import BEATS_BLIND, FITS_ITS_IMAGE
from dlcamp.captioning.config import CaptionConfig
from dlcamp.experiment import maximize

CAPTIONER: dict[str, Any] = {
    "config": CaptionConfig,
    "data": ["scenes", "flickr8k", "mine"],
    "objective": maximize("val/cider"),
    "claims": [BEATS_BLIND, FITS_ITS_IMAGE],
    "predictor": "dlcamp.captioning.predictor:CaptionPredictor",
    "scorer": "dlcamp.captioning.study:rescore",
}

SOURCES = {
    "loss": "dlcamp.captioning.train:word_loss",
    "search": "dlcamp.captioning.decoding:Search",
    "BLEU": "dlcamp.captioning.bleu:bleu_of_sums",
}
