"""The parameters of self-critical training, beside those of the captioner that it begins with."""

from __future__ import annotations

from dlcamp.captioning.config import CaptionConfig
from dlcamp.config import tune
from dlcamp.errors import ConfigError
from dlcamp.model_ref import ModelRef
from dlcamp.spaces import Float, Int


class SelfCriticalConfig(CaptionConfig):
    """Where training starts, and how captions are drawn and rewarded.

    With a `start`, the encoder, the decoder with its widths, and the words are the start's, whatever the fields say.
    """

    start: ModelRef | None = tune(
        None, help="trained captioner to go on from; empty: train one first, by cross-entropy"
    )
    scst_samples: int = tune(5, valid=Int(2, 100), help="captions drawn an image; each is judged by the others")
    scst_images: int = tune(16, valid=Int(1, 4096), space=Int(8, 64, log=True), help="images a training step")
    scst_epoch_images: int | None = tune(None, valid=Int(1, 10_000_000), help="images an epoch; all")
    scst_learning_rate: float = tune(
        1e-4, valid=Float(1e-8, 1), space=Float(1e-5, 5e-4, log=True), help="Adam's step, constant"
    )
    scst_epochs: int = tune(10, valid=Int(1, 1000), help="at most so many epochs of rewarded captions")
    scst_patience: int = tune(3, valid=Int(1, 1000), help="epochs without a better val/cider before stopping")
    scst_dropout: float = tune(
        0.0,
        valid=Float(0, 0.95),
        space=Float(0, 0.5),
        help="share dropped while learning; 0: what learns is what draws",
    )
    scst_ends: bool = tune(True, help="the end of a caption counts as a word in the reward; no: plain CIDEr")

    def _check(self) -> None:
        super()._check()
        if self.recipe != "sequences":
            raise ConfigError(
                f"self-critical training needs whole captions, the recipe {self.recipe} has one row a prefix\n"
                "leave out recipe=camp"
            )
