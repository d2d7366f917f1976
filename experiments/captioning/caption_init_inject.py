"""Does an image say more as the first state of the LSTM than merged in after it?

    make exp NAME=caption_init_inject                2 to 3 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_init_inject PRESET=smoke   seconds; its model never becomes a champion
    make exp NAME=caption_init_inject DATA=flickr8k  10 to 15 minutes on two cores, after: make data DATA=flickr8k

The image is what the LSTM remembers before the first word, and is never seen again ("init-inject", Tanti et al. 2018,
whose three runs give BLEU-4 19.1 on Flickr8k against 17.8 for merge, with VGG features and a GRU). It has exactly as
many parameters as merge; caption_decoders compares them over seeds.
"""

from dlcamp import experiment
from dlcamp.captioning.declared import CAPTIONER, SOURCES


@experiment(
    **CAPTIONER,
    course="7.2 图像描述",
    sources={"network": "dlcamp.captioning.decoders.recurrent:init_inject", **SOURCES},
    next="the decoders side by side: make exp NAME=caption_decoders",
)
def caption_init_inject(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
