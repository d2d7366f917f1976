"""What does an LSTM that looks at the 7x7 map before each word see, and where?

    make exp NAME=caption_attention                about 6 minutes on two cores: 2,000 drawn scenes, 400 test scenes
    make exp NAME=caption_attention PRESET=smoke   seconds; its model never becomes a champion
    make exp NAME=caption_attention DATA=flickr8k  15 to 25 minutes on two cores, after: make data DATA=flickr8k

The LSTM's state asks the positions of EfficientNet-Lite0's map, by four heads (spatial attention, Lu et al. 2017; dot
products as in Vaswani et al. 2017), and the next word is said from what it knows and what it saw. The gallery draws
where it looked, word by word; for any photograph:
.venv/bin/python -m dlcamp caption RUN photo.jpg --attention out.html
"""

from dlcamp import experiment
from dlcamp.captioning.declared import CAPTIONER, SOURCES


@experiment(
    **CAPTIONER,
    course="7.2 图像描述",
    sources={"network": "dlcamp.captioning.decoders.attention:attention", **SOURCES},
    next="make register NAME=caption_attention, then: "
    ".venv/bin/python -m dlcamp caption caption_attention@champion photo.jpg --attention out.html",
)
def caption_attention(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
