"""Does a GRU caption as well as the LSTM, with a quarter fewer weights in it?

    make exp NAME=caption_gru                2 to 3 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_gru PRESET=smoke   seconds; its model never becomes a champion
    make exp NAME=caption_gru DATA=flickr8k  10 to 15 minutes on two cores, after: make data DATA=flickr8k

The merge network of caption_lstm with a gated recurrent unit (Cho et al. 2014): three gates' weights instead of four,
one state instead of two. Here it is trained with flips and averaged weights, as all decoders but caption_lstm are (see
its yaml); caption_decoders compares them at equal parameters, trained alike.
"""

from dlcamp import experiment
from dlcamp.captioning.declared import CAPTIONER, SOURCES


@experiment(
    **CAPTIONER,
    course="7.2 图像描述",
    sources={"network": "dlcamp.captioning.decoders.recurrent:gru", **SOURCES},
    next="the decoders side by side: make exp NAME=caption_decoders",
)
def caption_gru(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
