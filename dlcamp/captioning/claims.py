"""What every captioner is asked: does it beat its own network without images, and do its captions fit their images?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dlcamp.experiment import Claim, Verdict


def gained(score: str) -> Callable[[Mapping[str, float]], Verdict]:
    """Judges `test/gain_<score>` (`gains.gains`) by its interval."""

    def judge(metrics: Mapping[str, float]) -> Verdict:
        if metrics[f"test/gain_{score}_low"] > 0:
            return "supported"
        return "refuted" if metrics[f"test/gain_{score}_high"] < 0 else "undecided"

    return judge


def _beats_blind(metrics: Mapping[str, float]) -> Verdict:
    return "supported" if metrics["test/truthful_low"] > metrics["test/blind_truthful_high"] else "refuted"


def fits_its_image(metrics: Mapping[str, float]) -> Verdict:
    """By the 95 % intervals of CIDEr over test images, of the captions as they are and shuffled."""
    return "supported" if metrics["test/cider_low"] > metrics["test/shuffled_cider_high"] else "refuted"


BEATS_BLIND = Claim(
    "the captions are true more often than those of the same network without images",
    "the 95 % intervals of `truthful` over test images overlap",
    _beats_blind,
)

FITS_ITS_IMAGE = Claim(
    "the captions fit their own images better than other images",
    "the 95 % intervals of CIDEr of the captions as they are and shuffled over the images overlap",
    fits_its_image,
)
