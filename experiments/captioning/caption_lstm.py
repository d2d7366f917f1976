"""What does the course's merge network (LSTM 256, one pooled image vector) say about an image?

    make exp NAME=caption_lstm               2 to 3 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_lstm PRESET=smoke  seconds; its model never becomes a champion
    make exp NAME=caption_lstm DATA=flickr8k about 10 minutes on two cores, after: make data DATA=flickr8k
    make exp NAME=caption_lstm DATA=flickr8k PRESET=camp   as the course teaches it: VGG16, one row a prefix; hours

The image enters after the language: EfficientNet-Lite0's pooled vector and the LSTM's state of the words so far are
added before the next word is predicted (Tanti et al. 2018, "merge"). Photographs are taught by a wider and more
regularised net than the course's (see the yaml); PRESET=camp is the course's to the letter. On drawn scenes the truth
of a caption can be checked, so that besides BLEU the run says how often it is true, by aspect. A pooled vector has
lost where things are: a decoder that attends to the 7x7 map must beat it on relations (caption_decoders judges it).
"""

from dlcamp import experiment, maximize
from dlcamp.captioning.claims import BEATS_BLIND, FITS_ITS_IMAGE
from dlcamp.captioning.config import CaptionConfig


@experiment(
    config=CaptionConfig,
    data=["scenes", "flickr8k", "mine"],
    objective=maximize("val/cider"),
    course="7.2 图像描述",
    claims=[
        BEATS_BLIND,
        FITS_ITS_IMAGE,
    ],
    sources={
        "network": "dlcamp.captioning.decoders.recurrent:merge",
        "loss": "dlcamp.captioning.train:word_loss",
        "search": "dlcamp.captioning.decoding:Search",
        "camp": "dlcamp.captioning.camp.train:train_camp",
        "BLEU": "dlcamp.captioning.bleu:bleu_of_sums",
    },
    predictor="dlcamp.captioning.predictor:CaptionPredictor",
    scorer="dlcamp.captioning.study:rescore",
    next="make register NAME=caption_lstm, then: .venv/bin/python -m dlcamp caption caption_lstm@champion photo.jpg",
)
def caption_lstm(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
