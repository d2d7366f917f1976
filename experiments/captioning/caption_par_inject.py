"""Does it help the LSTM to see the image beside every word?

    make exp NAME=caption_par_inject                2 to 3 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_par_inject PRESET=smoke   seconds; its model never becomes a champion
    make exp NAME=caption_par_inject DATA=flickr8k  10 to 15 minutes on two cores, after: make data DATA=flickr8k

Image and word are one input at every step ("par-inject", Tanti et al. 2018). The LSTM need not remember the image,
but has less room for the words; caption_decoders compares it with the others at equal parameters.
"""

from dlcamp import experiment
from dlcamp.captioning.declared import CAPTIONER, SOURCES


@experiment(
    **CAPTIONER,
    course="7.2 图像描述",
    sources={"network": "dlcamp.captioning.decoders.recurrent:par_inject", **SOURCES},
    next="the decoders side by side: make exp NAME=caption_decoders",
)
def caption_par_inject(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
