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


def _above(metrics: Mapping[str, float], score: str, floor: str) -> Verdict:
    """By the 95 % intervals over test images of a score, the run's and a floor's; where they overlap, undecided."""
    if metrics[f"test/{score}_low"] > metrics[f"test/{floor}_{score}_high"]:
        return "supported"
    return "refuted" if metrics[f"test/{score}_high"] < metrics[f"test/{floor}_{score}_low"] else "undecided"


def beats_blind(metrics: Mapping[str, float]) -> Verdict:
    """By the truth of the captions, and of those of the same network without images."""
    return _above(metrics, "truthful", "blind")


def fits_its_image(metrics: Mapping[str, float]) -> Verdict:
    """By CIDEr of the captions as they are, and shuffled over the images."""
    return _above(metrics, "cider", "shuffled")


BEATS_BLIND = Claim(
    "the captions are true more often than those of the same network without images",
    "the 95 % interval of `truthful` over test images lies below that of the network without images",
    beats_blind,
)

FITS_ITS_IMAGE = Claim(
    "the captions fit their own images better than other images",
    "the 95 % interval of CIDEr over test images lies below that of the captions shuffled over the images",
    fits_its_image,
)
