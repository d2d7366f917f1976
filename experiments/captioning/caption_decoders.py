"""Which decoder describes images best at equal size, and what does looking at the map buy over one pooled vector?

    make exp NAME=caption_decoders                about 50 min on two busy cores: 6 decoders x 3 seeds on drawn scenes
    make exp NAME=caption_decoders PRESET=smoke   seconds: two tiny decoders, one seed
    make exp NAME=caption_decoders PRESET=full    5 seeds
    make exp NAME=caption_decoders DATA=flickr8k  hours on two cores, after: make data DATA=flickr8k

The trained parameters of all decoders lie within 1 % of each other (`parameters`; units follow from it); vocabulary,
optimiser, epochs at most, early stopping and beam are the same. merge, gru, init_inject and par_inject see the pooled
vector of EfficientNet-Lite0 (Tanti et al. 2018), attention and transformer its 7x7 map. A pooled vector knows what is
there but hardly where, nor which colour belongs to which shape: on scenes, where the truth of a caption can be checked,
relations and binding must show it. What a decoder says cannot tell: the likeliest caption hardly ever states a relation
("a star and a box" is the safe form), whoever speaks. So they are judged by forced choice (`ranked_...`): on every
scene that allows it, is the true caption likelier given the image than one that is false in this alone? Chance is 0.5.
What is told and true stays beside it, as shares of all images that allow it (`told_...`).
"""

from dlcamp import Claim, Comparison, Contrast, experiment, maximize
from dlcamp.captioning.claims import fits_its_image
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.declared import ITEMS

POOLED = ("merge", "init_inject")
PHOTOGRAPHS = ("flickr8k", "mine")


def _attention_against_pooled(*metrics):
    return [Contrast("attention", other, metric=metric) for metric in metrics for other in POOLED]


@experiment(
    config=CaptionConfig,
    data=["scenes", *PHOTOGRAPHS],
    objective=maximize("val/cider"),
    course="7.2 图像描述",
    claims=[
        Claim(
            "init-inject has a higher BLEU-4 than merge (published on Flickr8k: 19.1 against 17.8)",
            "its BLEU-4 is not the higher one",
            contrasts=[Contrast("init_inject", "merge", metric="test/bleu_4")],
        ),
        Claim(
            "asked to choose, attention over the map knows relations and which colour belongs to which shape on more "
            "scenes than a pooled vector does",
            "for merge or init_inject, in relations or in binding, the difference is not above 0",
            contrasts=_attention_against_pooled("test/ranked_relation", "test/ranked_binding"),
            data=["scenes"],
        ),
        Claim(
            "attention over the map has a higher CIDEr than a pooled vector on photographs",
            "the difference to merge or to init_inject is not above 0",
            contrasts=_attention_against_pooled("test/cider"),
            data=PHOTOGRAPHS,
        ),
        Claim(
            "captions change when the image is exchanged: each decoder's fit their own images better than others",
            "of every run that decides, the 95 % interval of CIDEr lies below that of its captions shuffled",
            fits_its_image,
        ),
    ],
    compare=Comparison(
        "test/cider",
        baseline="merge",
        smallest_interesting=0.02,
        sd=0.06,
        seconds=380,
        shown=[
            "test/bleu_4",
            "test/truthful",
            "test/ranked_relation",
            "test/ranked_binding",
            "test/told_relation",
            "test/told_binding",
            "test/truthful_held_out_pairs",
            "test/length_ratio",
            "test/vocabulary",
            "val/cider",
            "cost/parameters",
        ],
        items=ITEMS,
        sections=[
            "dlcamp.captioning.sections.scores:section",
            "dlcamp.captioning.sections.truth:section",
            "dlcamp.captioning.sections.side_by_side:section",
        ],
    ),
    sources={
        "decoders": "dlcamp.captioning.decoders:build",
        "sizes": "dlcamp.captioning.decoders:matched",
        "loss": "dlcamp.captioning.train:word_loss",
        "search": "dlcamp.captioning.decoding:Search",
        "truth": "dlcamp.data.scenes.truth:judge",
        "foils": "dlcamp.data.scenes.foils:contrast",
        "ranking": "dlcamp.captioning.ranking:log_probabilities",
        "intervals": "dlcamp.analysis.nested:nested_difference",
    },
    predictor="dlcamp.captioning.predictor:CaptionPredictor",
    scorer="dlcamp.captioning.study:rescore",
    floor="dlcamp.captioning.constant_floor:rows",
    next="photographs: make data DATA=flickr8k, then make exp NAME=caption_decoders DATA=flickr8k",
)
def caption_decoders(config, data, run):
    from dlcamp.captioning.study import study

    return study(config, data, run)
