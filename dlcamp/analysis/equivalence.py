"""Whether two variants are the same for all practical purposes: two one-sided tests against a margin.

A test that finds no difference shows nothing; this one shows that a difference beyond the margin is unlikely. It holds
at 5 % just when the 90 % interval of the difference lies inside the margin.

Source: Schuirmann, A Comparison of the Two One-Sided Tests Procedure and the Power Approach, J. Pharmacokin. Biopharm.
15, 1987.
"""

from __future__ import annotations

from collections.abc import Iterable

from scipy.special import stdtr

from dlcamp.analysis.estimates import finite
from dlcamp.analysis.paired import no_spread


def tost(differences: Iterable[float], margin: float, magnitude: float = 0.0) -> float | None:
    """p of the true mean difference lying at or beyond +-margin; small: equivalent. None for fewer than two pairs.

    Where every pair shows the same difference, inside of the margin, p is 2^-n, that of sign flips about the margin:
    two seeds that happen to agree are no proof.

    Args:
        differences: one a seed.
        margin: in the metric's units, above 0.
        magnitude: of the values that were subtracted, see `paired.no_spread`.

    Raises:
        ValueError: a margin that is not positive, differences that are not finite.
    """
    if not margin > 0:
        raise ValueError(f"margin {margin}: an equivalence margin must be above 0")
    sample = finite(differences)
    n = len(sample)
    if n < 2:
        return None
    mean = float(sample.mean())
    if no_spread(sample, magnitude):
        return 2.0**-n if abs(mean) < margin else 1.0
    error = float(sample.std(ddof=1)) / n**0.5
    # the larger of the two one-sided p values belongs to the nearer end
    return float(stdtr(n - 1, (abs(mean) - margin) / error))
