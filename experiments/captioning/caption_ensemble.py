"""What is gained when several captioners say each word together?

    make exp NAME=caption_ensemble               about 5 minutes on two cores: trains two captioners on drawn scenes
    make exp NAME=caption_ensemble PRESET=smoke  seconds; its model never becomes a champion
    make exp NAME=caption_ensemble DATA=flickr8k SET="members=best:caption_attention,best:caption_transformer"

Every word is said by the mean of what the members think of it; they search as one. Members may differ in seed, decoder
and encoder, and must know the same words: runs on one data set with one min_count do. Each member alone is scored on
validation by the same search; the best of them is compared with the ensemble on the same images, in pairs.
"""

from dlcamp import Claim, experiment, maximize
from dlcamp.captioning.claims import FITS_ITS_IMAGE, gained
from dlcamp.captioning.declared import COMPARED
from dlcamp.captioning.ensemble_config import EnsembleConfig


@experiment(
    config=EnsembleConfig,
    data=["scenes", "flickr8k", "mine"],
    objective=maximize("val/cider"),
    compare=COMPARED,
    course="7.2 图像描述",
    claims=[
        Claim(
            "together they have a higher CIDEr on test than the one of them that is best alone on validation",
            "the paired 95 % interval of the difference over test images lies below zero",
            gained("cider"),
        ),
        FITS_ITS_IMAGE,
    ],
    sources={
        "ensemble": "dlcamp.captioning.ensemble:Ensemble",
        "search": "dlcamp.captioning.decoding:Search",
        "study": "dlcamp.captioning.ensemble_study:ensemble_study",
    },
    predictor="dlcamp.captioning.ensemble:EnsemblePredictor",
    scorer="dlcamp.captioning.study:rescore",
    floor="dlcamp.captioning.constant_floor:rows",
    next="make register NAME=caption_ensemble",
)
def caption_ensemble(config, data, run):
    from dlcamp.captioning.ensemble_study import ensemble_study

    return ensemble_study(config, data, run)
