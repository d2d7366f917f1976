"""What does the course's merge network (LSTM 256, one pooled image vector) say about an image?

    make exp NAME=caption_lstm               2 to 3 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_lstm PRESET=smoke  seconds; its model never becomes a champion
    make exp NAME=caption_lstm DATA=flickr8k about 10 minutes on two cores, after: make data DATA=flickr8k
    make exp NAME=caption_lstm DATA=flickr8k PRESET=camp   as the course teaches it: VGG16, one row a prefix; hours

The image enters after the language: EfficientNet-Lite0's pooled vector and the LSTM's state of the words so far are
added before the next word is predicted (Tanti et al. 2018, "merge"). Photographs are taught by a wider and more
regularised net than the course's (see the yaml); PRESET=camp is the course's to the letter. On drawn scenes the truth
of a caption can be checked, so that besides BLEU the run says how often it is true, by aspect. A pooled vector has
lost where things are: caption_decoders asks whether one that attends to the 7x7 map beats it on relations.
"""

from dlcamp import experiment
from dlcamp.captioning.declared import CAPTIONER, SOURCES


@experiment(
    **CAPTIONER,
    course="7.2 图像描述",
    sources={
        "network": "dlcamp.captioning.decoders.recurrent:merge",
        **SOURCES,
        "camp": "dlcamp.captioning.camp.train:train_camp",
    },
    next="make register NAME=caption_lstm, then: .venv/bin/python -m dlcamp caption caption_lstm@champion photo.jpg",
)
def caption_lstm(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
