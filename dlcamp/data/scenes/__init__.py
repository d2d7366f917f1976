"""`scenes`: drawn images with grammar captions, whose truth, floors and ceilings are known."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bounds": ["consensus_oracle", "sampled_oracle"],
        "dataset": ["Scenes"],
        "parser": ["parse"],
        "truthfulness": ["Rate", "rates", "report"],
        "truth": ["ASPECTS", "Judgement", "judge"],
        "world": ["HELD_OUT", "Scene", "SceneObject"],
    },
)
