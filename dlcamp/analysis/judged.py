"""What was found, in sentences: the answer of a study, what its intervals cover, how fairly its variants were treated.

A sentence says what a reader may conclude, and names the number of seeds and the correction with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlcamp.analysis.claim_reasons import amount
from dlcamp.analysis.scale import Scale, p_value
from dlcamp.analysis.study_files import ordered, place_label

if TYPE_CHECKING:
    from dlcamp.analysis.findings import ContrastResult, Findings
    from dlcamp.analysis.study import Study


def against_baseline(findings: Findings) -> list[ContrastResult]:
    """The contrasts of the compared metric, each variant minus the baseline, every one once."""
    comparison = findings.comparison
    own = {
        result.label: result
        for result in findings.contrasts
        if result.contrast.second == comparison.baseline
        and result.metric == comparison.metric
        and result.contrast.minus is None
        and result.contrast.second_at is None
    }
    return list(own.values())


def family(findings: Findings) -> int:
    """How many differences were tested, over which Holm corrects."""
    return sum(result.p_adjusted is not None for result in findings.contrasts)


def answer(study: Study, scale: Scale) -> list[str]:
    """The answer in one or two sentences."""
    if study.findings is None:
        return ["These runs cannot be compared."]
    results = [result for result in against_baseline(study.findings) if result.paired.difference is not None]
    if not results:
        return [_no_contrast(study, scale)]
    if all(result.verdict == "one seed" for result in results):
        return _one_seed(results, study, scale)
    tested = family(study.findings)
    sign = 1 if study.comparison.higher_is_better else -1
    whole = [result for result in results if not result.contrast.at] or results
    ranked = sorted(results, key=lambda result: -sign * (result.paired.difference or 0))
    by_verdict: dict[str, list[ContrastResult]] = {}
    for result in ranked:
        by_verdict.setdefault(result.verdict, []).append(result)
    better, worse = ([one for one in by_verdict.get(word, []) if one in whole] for word in ("better", "worse"))
    if better:
        first = _separated(better[0], "better", study, scale, tested)
        return [first, _rest(by_verdict, better[0], study, scale)]
    if worse:
        first = f"Nothing is better than {study.comparison.baseline}. "
        first += _separated(worse[-1], "worse", study, scale, tested)
        return [first, _rest(by_verdict, worse[-1], study, scale)]
    return _nothing_separated([result for result in ranked if result in whole], by_verdict, study, scale)


def _no_contrast(study: Study, scale: Scale) -> str:
    assert study.findings is not None
    rows = [row for row in study.findings.variants if row.n]
    if not rows:
        return "No run has finished, so there is nothing to say yet."
    if len(rows) > 1:
        return f"No difference was declared to be tested; {len(rows)} means of {scale.metric} are below."
    mean = rows[0].mean
    name = rows[0].variant or study.experiment
    interval = scale.interval(mean.low, mean.high)
    return f"{name} has a mean {scale.metric} of {scale.value(mean.mean)} {interval}, n = {mean.n}.".replace(" ,", ",")


def _one_seed(results: Sequence[ContrastResult], study: Study, scale: Scale) -> list[str]:
    largest = max(results, key=lambda result: abs(result.paired.difference or 0))
    return [
        "One seed: no test is made, and no variant can be called better.",
        f"The largest difference on this seed is {_of(largest.label)}, {scale.difference(largest.paired.difference)}"
        f"{_points(scale)}. Repeat it: make exp NAME={study.experiment} SEEDS=5.",
    ]


def _separated(result: ContrastResult, word: str, study: Study, scale: Scale, tested: int) -> str:
    """`dropout is better than none by 1.9 points [1.1, 2.7], n = 5 seeds, p = 0.004 (Holm over 7).`"""
    paired, contrast = result.paired, result.contrast
    low, high = paired.low, paired.high
    if (paired.difference or 0) < 0 and low is not None and high is not None:
        low, high = -high, -low
    where = f" at {place_label(contrast.at)}" if contrast.at else ""
    averaged = "" if contrast.at or not study.axes else f" averaged over {' and '.join(study.axes)},"
    p = p_value(result.p_adjusted)
    p = ("p " + p if p.startswith("<") else f"p = {p}").replace(" ", "\u00a0")
    return (
        f"{contrast.first} is {word} than {contrast.second}{where} by {scale.amount(paired.difference or 0)} "
        f"{scale.interval(low, high)},{averaged} n\u00a0=\u00a0{paired.n} seeds, {p} (Holm\u00a0over\u00a0{tested})."
    )


def _rest(by_verdict: dict[str, list[ContrastResult]], said: ContrastResult, study: Study, scale: Scale) -> str:
    """What became of the other variants."""
    parts = []
    several = {axis for results in by_verdict.values() for result in results for axis in result.contrast.at}
    for verdict, word in (
        ("better", "Also better"),
        ("worse", "Worse"),
        ("equivalent", "Equivalent" + _margin(study, scale)),
        ("not separated", "Not separated"),
        ("one seed", "One shared seed, so untested"),
    ):
        others = [result for result in by_verdict.get(verdict, []) if result is not said]
        if several and verdict == "not separated" and len(others) > 3:
            names = f"{len(others)} of {sum(map(len, by_verdict.values()))} differences"
        else:
            names = _names(others)
        if names:
            parts.append(f"{word}: {names}{_needed(by_verdict[verdict], study, scale)}.")
    return " ".join(parts)


def _nothing_separated(
    ranked: Sequence[ContrastResult], by_verdict: dict[str, list[ContrastResult]], study: Study, scale: Scale
) -> list[str]:
    largest = max(ranked, key=lambda result: abs(result.paired.difference or 0))
    paired = largest.paired
    equal = by_verdict.get("equivalent", [])
    first = f"No variant is separated from {study.comparison.baseline} with n = {paired.n} seeds."
    if len(equal) == len(ranked):
        first = (
            f"Every variant is equivalent to {study.comparison.baseline}{_margin(study, scale)}, n = {paired.n} seeds."
        )
    elif equal:
        first += f" Equivalent{_margin(study, scale)}: {_names(equal)}."
    second = (
        f"The largest difference is {_of(_name(largest))}, {scale.difference(paired.difference)}{_points(scale)} "
        f"{scale.interval(paired.low, paired.high, signed=True)}"
    )
    return [first, f"{second}{_needed(by_verdict.get('not separated', []), study, scale)}."]


def _needed(results: Sequence[ContrastResult], study: Study, scale: Scale) -> str:
    """How many seeds the smallest interesting effect takes, for those that are not separated."""
    interesting = study.comparison.smallest_interesting
    seeds = [result.seeds_needed for result in results if result.seeds_needed and result.verdict == "not separated"]
    if not seeds or interesting is None:
        return ""
    most = max(seeds)
    return f" (to see {amount(interesting, scale)} takes {'about ' if most > 2 else ''}{most} seeds)"


def _margin(study: Study, scale: Scale) -> str:
    return f" within ±{amount(study.comparison.margin, scale)}" if study.comparison.margin else ""


def _points(scale: Scale) -> str:
    return " points" if scale.percent else ""


def _name(result: ContrastResult) -> str:
    at = place_label(result.contrast.at)
    return f"{result.contrast.first} at {at}" if at else result.contrast.first


def _names(results: Sequence[ContrastResult]) -> str:
    """`l1, l2`; where there are axes, every variant once: `dropout at train_images=500, 1000`."""
    places: dict[str, list[ContrastResult]] = {}
    for result in results:
        places.setdefault(result.contrast.first, []).append(result)
    parts = []
    for variant, own in places.items():
        axes = {axis for result in own for axis in result.contrast.at}
        if len(own) == 1 or len(axes) != 1:
            parts.append(_name(own[0]) if len(own) == 1 else f"{variant} at {len(own)} places")
        else:
            (axis,) = axes
            values = dict.fromkeys(str(result.contrast.at.get(axis, "")) for result in own)
            parts.append(f"{variant} at {axis}={', '.join(ordered(values))}")
    return ("; " if any(", " in part for part in parts) else ", ").join(parts)


def _of(name: str) -> str:
    return f"that of {name}"


def coverage(study: Study) -> list[str]:
    """What the intervals cover, and what they do not."""
    level = f"{(study.findings.level if study.findings else 0.95):.0%}".replace("%", " %")
    seeds = len(study.seeds)
    if seeds < 2:
        return ["One seed: nothing here says how much results vary when training is repeated."]
    return [
        f"The {level} intervals (Student's t, n = {seeds} seeds) cover the seeds of training: initialisation, order, "
        "noise. Differences are taken seed by seed, so what a seed has in common for both variants cancels.",
        "The data and their split are the same in every run. Another test set, or another split, is not covered"
        + (", except where items are drawn again too:" if study.by_item else "."),
    ]


def fairness(study: Study) -> list[str]:
    """How strengths were chosen, and whether every variant had the same chance."""
    strengths = study.declaration.strengths
    if not study.tuned:
        return ["No strength was tuned: every variant ran with its declared values."] if strengths else []
    counts = sorted({len(one.trials) for one in study.tuned})
    objective = study.tuned[0].objective
    if len(counts) == 1:
        lines = [
            f"Every tuned variant had the same number of trials, {counts[0]}, judged by {objective} on validation "
            "data; the first trial is the declared values. Test data chose nothing."
        ]
    else:
        lines = [f"Unequal chances: the tuned variants had {', '.join(map(str, counts))} trials."]
    fixed = [name for name, how in strengths.items() if how == "fixed"]
    if fixed:
        lines.append(f"Fixed, not tuned: {', '.join(fixed)}.")
    lost = sum(trial.objective is None for one in study.tuned for trial in one.trials)
    if lost:
        lines.append(f"{lost} trials gave no objective (they failed or were stopped) and could not be chosen.")
    return lines
