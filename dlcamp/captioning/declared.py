"""What the experiments of one decoder declare alike: a module adds which decoder, its question, and what comes next."""

from __future__ import annotations

from typing import Any

from dlcamp.captioning.claims import BEATS_BLIND, FITS_ITS_IMAGE
from dlcamp.captioning.config import CaptionConfig
from dlcamp.comparison import Comparison
from dlcamp.experiment import maximize

ITEMS = {
    "test/cider": "cider",
    "test/bleu_4": "dlcamp.captioning.item_scores:BLEU_4",
    "test/truthful": "truthful",
    "test/ranked_relation": "dlcamp.captioning.item_scores:RANKED_RELATION",
    "test/ranked_binding": "dlcamp.captioning.item_scores:RANKED_BINDING",
    "test/told_relation": "dlcamp.captioning.item_scores:TOLD_RELATION",
    "test/told_binding": "dlcamp.captioning.item_scores:TOLD_BINDING",
}
"""What a captioner's metrics are computed from, image by image, for intervals over images."""

COMPARED = Comparison("test/cider", smallest_interesting=0.02, shown=["test/bleu_4", "test/truthful"], items=ITEMS)

CAPTIONER: dict[str, Any] = {
    "config": CaptionConfig,
    "data": ["scenes", "flickr8k", "mine"],
    "objective": maximize("val/cider"),
    "claims": [BEATS_BLIND, FITS_ITS_IMAGE],
    "compare": COMPARED,
    "predictor": "dlcamp.captioning.predictor:CaptionPredictor",
    "scorer": "dlcamp.captioning.study:rescore",
    "floor": "dlcamp.captioning.constant_floor:rows",
}

SOURCES = {
    "loss": "dlcamp.captioning.train:word_loss",
    "search": "dlcamp.captioning.decoding:Search",
    "BLEU": "dlcamp.captioning.bleu:bleu_of_sums",
}
