"""Does a transformer caption better than recurrent nets on as little data as this?

    make exp NAME=caption_transformer                about 7 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_transformer PRESET=smoke   seconds; its model never becomes a champion
    make exp NAME=caption_transformer DATA=flickr8k  15 to 25 minutes on two cores, after: make data DATA=flickr8k

What was said attends to itself and then to EfficientNet-Lite0's 7x7 map, layer by layer (Vaswani et al. 2017;
normalised before each part, Xiong et al. 2020). The gallery draws what its last layer looked at; caption_decoders
compares it at equal parameters.
"""

from dlcamp import experiment
from dlcamp.captioning.declared import CAPTIONER, SOURCES


@experiment(
    **CAPTIONER,
    course="7.2 图像描述",
    sources={"network": "dlcamp.captioning.decoders.attention:transformer", **SOURCES},
    next="make register NAME=caption_transformer, then: "
    ".venv/bin/python -m dlcamp caption caption_transformer@champion photo.jpg --attention out.html",
)
def caption_transformer(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
