"""How much CIDEr does a captioner gain by learning from the rewards of its own captions?

    make exp NAME=caption_scst               about 3 minutes on two cores: 2,000 drawn scenes; trains its start first
    make exp NAME=caption_scst PRESET=smoke  seconds; its model never becomes a champion
    make exp NAME=caption_scst DATA=flickr8k SET="start=best:caption_attention"   goes on from a trained captioner

Cross-entropy teaches the next word of somebody's caption; a captioner is scored on whole captions of its own. Self-
critical training (Rennie et al. 2017) draws captions, scores each with CIDEr against the references of its image, and
makes those likelier that beat the mean of the others drawn for it (Luo 2020). Start and outcome speak by the same
search, and are compared on the same images, in pairs. What is rewarded is what grows: on drawn scenes the run also
says whether captions become true more often, and BLEU-4, which nobody rewarded, is judged beside CIDEr.
"""

from dlcamp import Claim, experiment, maximize
from dlcamp.captioning.claims import FITS_ITS_IMAGE, gained
from dlcamp.captioning.declared import COMPARED
from dlcamp.captioning.self_critical_config import SelfCriticalConfig


@experiment(
    config=SelfCriticalConfig,
    data=["scenes", "flickr8k", "mine"],
    objective=maximize("val/cider"),
    compare=COMPARED,
    course="7.2 图像描述",
    claims=[
        Claim(
            "self-critical training raises the CIDEr of its start on test",
            "the paired 95 % interval of the difference over test images lies below zero",
            gained("cider"),
        ),
        Claim(
            "BLEU-4, which is not rewarded, rises with it",
            "the paired 95 % interval of the difference over test images lies below zero",
            gained("bleu_4"),
        ),
        FITS_ITS_IMAGE,
    ],
    sources={
        "training": "dlcamp.captioning.self_critical:train_self_critical",
        "loss": "dlcamp.captioning.self_critical:policy_loss",
        "reward": "dlcamp.captioning.reward:CiderReward",
        "drawn captions": "dlcamp.captioning.sampling:Sampler",
        "comparison": "dlcamp.captioning.self_critical_study:self_critical_study",
    },
    predictor="dlcamp.captioning.predictor:CaptionPredictor",
    scorer="dlcamp.captioning.study:rescore",
    floor="dlcamp.captioning.constant_floor:rows",
    next="make register NAME=caption_scst, then: .venv/bin/python -m dlcamp caption caption_scst@champion photo.jpg",
)
def caption_scst(config, data, run):
    from dlcamp.captioning.self_critical_study import self_critical_study

    return self_critical_study(config, data, run)
