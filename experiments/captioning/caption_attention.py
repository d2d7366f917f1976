"""What does an LSTM that looks at the 7x7 map before each word see, and where?

    make exp NAME=caption_attention                2 to 3 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_attention PRESET=smoke   seconds; its model never becomes a champion
    make exp NAME=caption_attention DATA=flickr8k  10 to 15 minutes on two cores, after: make data DATA=flickr8k

The LSTM's state asks the positions of EfficientNet-Lite0's map, by four heads (spatial attention, Lu et al. 2017; dot
products as in Vaswani et al. 2017), and the next word is said from what it knows and what it saw. The gallery draws
where it looked, word by word; for any photograph:
.venv/bin/python -m dlcamp caption RUN photo.jpg --attention out.html
"""

from dlcamp import experiment, maximize
from dlcamp.captioning.claims import BEATS_BLIND, FITS_ITS_IMAGE
from dlcamp.captioning.config import CaptionConfig


@experiment(
    config=CaptionConfig,
    data=["scenes", "flickr8k", "mine"],
    objective=maximize("val/cider"),
    course="7.2 图像描述",
    claims=[BEATS_BLIND, FITS_ITS_IMAGE],
    sources={
        "network": "dlcamp.captioning.decoders.attention:attention",
        "loss": "dlcamp.captioning.train:word_loss",
        "search": "dlcamp.captioning.decoding:Search",
        "BLEU": "dlcamp.captioning.bleu:bleu_of_sums",
    },
    predictor="dlcamp.captioning.predictor:CaptionPredictor",
    scorer="dlcamp.captioning.study:rescore",
    next=".venv/bin/python -m dlcamp caption caption_attention@champion photo.jpg --attention out.html",
)
def caption_attention(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
