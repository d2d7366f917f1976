"""The parameters of an ensemble, beside those of the captioners that it trains where none are given."""

from __future__ import annotations

from dlcamp.captioning.config import CaptionConfig
from dlcamp.config import tune
from dlcamp.errors import ConfigError
from dlcamp.model_ref import ModelRef
from dlcamp.spaces import Int


class EnsembleConfig(CaptionConfig):
    """Who speaks, and how they search together.

    With `members`, decoder, encoder and training are theirs, whatever the fields say.
    """

    members: tuple[ModelRef, ...] = tune((), help="trained captioners; empty: train `count` of them first")
    count: int = tune(2, valid=Int(1, 100), help="captioners trained where no members are given, of seeds in a row")

    def _check(self) -> None:
        super()._check()
        if self.recipe != "sequences" or self.features_file:
            raise ConfigError(
                "an ensemble is made of captioners that are taught whole captions from images\n"
                "leave out recipe=camp and features_file"
            )
