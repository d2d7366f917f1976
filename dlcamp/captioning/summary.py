"""The lines a person reads at the end of a captioning run, and the same table as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from dlcamp.captioning.bounds import Bound
from dlcamp.captioning.ranking import RANKED
from dlcamp.captioning.results import Results

TABLE = "scores.csv"
"""What a run keeps of its scores beside those of floors and ceilings: `table_csv`."""

LABELS = {
    "truthful": "truthful",
    "grammatical": "  grammatical",
    "truthful_count": "  count right",
    "truthful_colour": "  colour right",
    "truthful_shape": "  shape right",
    "truthful_size": "  size right",
    "truthful_relation": "  relation right",
    "truthful_binding": "  binding right",
    "told_relation": "  relation told",
    "told_binding": "  binding told",
    "ranked_relation": "  relation ranked",
    "ranked_binding": "  binding ranked",
    "ranked_colour": "  colour ranked",
    "ranked_shape": "  shape ranked",
    "truthful_seen_pairs": "  seen pairs only",
    "truthful_held_out_pairs": "  held-out pairs",
    "truthful_1_objects": "  one object",
    "truthful_2_objects": "  two objects",
    "truthful_3_objects": "  three objects",
    "truthful_4_objects": "  four objects",
    "bleu_1": "BLEU-1",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
}


CHOICE = "ranked: a true caption held for likelier than one that is false in this alone; chance 0.500"
"""What the ranked rates are."""

STUDENT = {"bleu_1": 0.564, "bleu_2": 0.297, "bleu_3": 0.125, "bleu_4": 0.070}
"""What a student of the course printed for Flickr8k, 1,000 test images, VGG16."""


def course_lines(course: Mapping[str, float]) -> list[str]:
    """The course's metric beside what a student printed with it, and why it is not the honest one."""
    if not course:
        return []
    ours = " / ".join(f"{course[name]:.3f}" for name in STUDENT)
    theirs = " / ".join(f"{value:.3f}" for value in STUDENT.values())
    return [
        f"the course's BLEU-1 to 4: {ours}; a student's on Flickr8k: {theirs}",
        "  startseq and endseq on both sides inflate it, capitals and points left in the references deflate it, and",
        "  the weights of its BLEU-3 sum to .9; the table above is the one to compare with published scores",
    ]


def substituted_lines(substituted: str) -> list[str]:
    """What must be said of a run whose encoder stands in for another; nothing where it does not."""
    return [f"SUBSTITUTED: {substituted}; this run never becomes a champion"] if substituted else []


def summary(found: Results, rows: Sequence[Bound], beam: int, notes: Sequence[str] = ()) -> str:
    """The table with intervals, floors and ceilings, what it rests on, notes, and captions right and wrong."""
    n = found.scores.n
    heads = [row.name for row in rows]
    lines = [
        f"{f'test, {n} images, beam {beam}':<28}{'this run':>9}   {'95 % over images':<18}"
        + "".join(f"{head:>11}" for head in heads)
    ]
    for name, label in LABELS.items():
        value = found.value(name)
        if value != value:
            continue
        interval = found.intervals[name]
        others = "".join(_cell(row.results.value(name)) for row in rows)
        count = f" (n {found.rates[name].n})" if name in found.rates and found.rates[name].n != n else ""
        lines.append(f"  {label + count:<26}{value:>9.3f}   [{interval.low:.3f}, {interval.high:.3f}]    {others}")
    lines += [f"{row.kind}: {row.name}, {row.note}" for row in rows] + [*_choice(found), *notes]
    totals = found.scores.totals
    lines.append(
        f"length {totals['length_ratio']:.2f} of the references', {totals['vocabulary']:.0f} words used, "
        f"{totals['distinct_share']:.0%} distinct, {totals.get('copied_share', 0):.0%} stand in the training captions"
    )
    lines.append("One seed: the interval covers images, not training. Other seeds: SEED=1, SEED=2, ...")
    return "\n".join([*lines, *_examples(found)])


def val_summary(found: Results, beam: int, notes: Sequence[str] = ()) -> str:
    """The table of a run that leaves test alone, and notes."""
    lines = [f"{f'val, {found.scores.n} images, beam {beam}':<28}{'this run':>9}   95 % over images"]
    for name, label in LABELS.items():
        if found.value(name) == found.value(name):
            low, high = found.intervals[name]
            lines.append(f"  {label:<26}{found.value(name):>9.3f}   [{low:.3f}, {high:.3f}]")
    lines += [*_choice(found), *notes, "Test was not scored (score_test: no)."]
    return "\n".join([*lines, *_examples(found)])


def _choice(found: Results) -> list[str]:
    return [CHOICE] if any(name in found.rates for name in RANKED.values()) else []


def _cell(value: float) -> str:
    return f"{value:>11.3f}" if value == value else f"{'':>11}"


def _examples(found: Results) -> list[str]:
    """Two captions of each kind, the first in the split's order; for photographs two of the best and worst."""
    captions = dict(zip(found.scores.ids, found.scores.captions, strict=True))
    if found.truth:
        right = [str(row["item"]) for row in found.truth if row["truthful"]][:2]
        wrong = list(found.reasons.items())[:2]
        lines = [f"  ok     {captions[item]}" for item in right]
        return lines + [f"  wrong  {captions[item]}   ({reason})" for item, reason in wrong]
    ranked = sorted(zip(found.scores.cider.tolist(), found.scores.captions, strict=True), reverse=True)
    return [f"  best   {said}" for _, said in ranked[:2]] + [f"  worst  {said}" for _, said in ranked[-2:]]


def table_csv(found: Results, rows: Sequence[Bound]) -> str:
    """The table as CSV: measure, n, this run, low, high, then every bound."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["measure", "n", "this_run", "low", "high", *(f"{row.kind}_{row.name}" for row in rows)])
    for name in [*found.rates, *found.scores.scores]:
        n = found.rates[name].n if name in found.rates else found.scores.n
        low, high = found.intervals[name]
        values = [found.value(name), low, high, *(row.results.value(name) for row in rows)]
        writer.writerow([name, n, *(f"{value:.6f}" for value in values)])
    return buffer.getvalue()
