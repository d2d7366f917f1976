"""A comparison as text for a terminal, CSV, LaTeX or JSON.

    write(findings, "latex", unverified=["plain_runs"])

CSV is tidy: a line a group and metric (`kind` is "group") and a line a contrast ("contrast"), all in one set of
columns, in the metric's own units. LaTeX is for a paper: booktabs, mean ± half the interval, rates in percent, marks
explained in the caption, remarks as comments. Whatever rests on data without a digest is marked "unverified data" in
each of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dlcamp.analysis.scale import Scale, p_value, scale_of

if TYPE_CHECKING:
    from dlcamp.analysis.estimates import Mean
    from dlcamp.analysis.findings import ContrastResult, Findings, VariantRow

Format = Literal["table", "csv", "latex", "json"]
UNVERIFIED = "unverified data"
FORMATS: tuple[Format, ...] = ("table", "csv", "latex", "json")
_MARKS = {"better": r"\uparrow", "worse": r"\downarrow", "equivalent": r"\approx"}
_WORDS = {"better": "better", "worse": "worse", "equivalent": "equivalent within the margin"}
_ESCAPES = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", **{sign: "\\" + sign for sign in "&%$#_{}"},
}  # fmt: skip


def write(findings: Findings, form: Format, unverified: Collection[str] = (), notes: Sequence[str] = ()) -> str:
    """The comparison in one of the formats, without a newline at its end.

    Args:
        findings: what was found.
        unverified: variants that hold runs without a digest of their data.
        notes: further remarks; CSV has no place for them.
    """
    match form:
        case "table":
            return _table(findings, unverified, notes)
        case "csv":
            return _csv(findings, unverified)
        case "latex":
            return _latex(findings, unverified, notes)
        case "json":
            content = {**findings.to_json(), "unverified_data": sorted(unverified), "notes": list(notes)}
            return json.dumps(content, indent=1, ensure_ascii=False)


def _table(findings: Findings, unverified: Collection[str], notes: Sequence[str]) -> str:
    from dlcamp.analysis.text import table_lines

    lines = table_lines(findings)
    said = any(UNVERIFIED in line for line in lines)
    marked = [f"{UNVERIFIED}: {', '.join(unverified)}"] if unverified and not said else []
    return "\n".join([*lines, *(f"note: {line}" for line in (*marked, *notes))])


def _csv(findings: Findings, unverified: Collection[str]) -> str:
    axes = sorted({axis for row in findings.variants for axis in row.axes})
    columns = ["kind", "label", *axes, "metric", "n", "failed", "estimate", "low", "high", "sd"]
    columns += ["p", "p_holm", "effect", "verdict", "data", "note"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in findings.variants:
        for metric, mean in {findings.comparison.metric: row.mean, **row.shown}.items():
            writer.writerow(
                {"kind": "group", "label": row.variant, **row.axes, "metric": metric, "failed": row.failed}
                | _mean_columns(mean)
                | {"data": UNVERIFIED if row.variant in unverified else "verified"}
            )
    for one in findings.contrasts:
        writer.writerow({"kind": "contrast"} | _contrast_columns(one, axes, unverified))
    return out.getvalue().rstrip("\n")


def _mean_columns(mean: Mean) -> dict[str, Any]:
    if not mean.n:
        return {"n": 0}
    return {"n": mean.n, "estimate": mean.mean, "low": mean.low, "high": mean.high, "sd": mean.sd}


def _contrast_columns(one: ContrastResult, axes: Sequence[str], unverified: Collection[str]) -> dict[str, Any]:
    at = {str(axis): str(value) for axis, value in one.contrast.at.items()}
    return {
        "label": one.label,
        **{axis: at[axis] for axis in axes if axis in at},
        "metric": one.metric,
        "n": one.n,
        "estimate": one.paired.difference,
        "low": one.paired.low,
        "high": one.paired.high,
        "sd": one.paired.sd,
        "p": one.paired.p,
        "p_holm": one.p_adjusted,
        "effect": one.paired.effect,
        "verdict": one.verdict,
        "data": UNVERIFIED if one.contrast.variants() & set(unverified) else "verified",
        "note": one.note,
    }


def _latex(findings: Findings, unverified: Collection[str], notes: Sequence[str]) -> str:
    remarks = dict.fromkeys([*findings.warnings, *findings.excluded, *notes])
    parts = [r"% needs \usepackage{booktabs}", *(f"% {' '.join(line.split())}" for line in remarks)]
    parts += [r"\begin{table}", r"\centering", *_latex_groups(findings, unverified)]
    contrasts = _latex_contrasts(findings)
    if contrasts:
        parts += ["", r"\medskip", *contrasts]
    return "\n".join([*parts, rf"\caption{{{_caption(findings, unverified)}}}", r"\end{table}"])


def _latex_groups(findings: Findings, unverified: Collection[str]) -> list[str]:
    rows = findings.variants
    axes = list(dict.fromkeys(axis for row in rows for axis in row.axes))
    main = findings.comparison.metric
    metrics = list(dict.fromkeys([main, *(metric for row in rows for metric in row.shown)]))
    scales = {metric: _scale(metric, [_mean_of(row, metric, main) for row in rows]) for metric in metrics}
    head = ["", *axes, "$n$", *(scales[metric].axis for metric in metrics)]
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule"]
    lines.append(_line([name if name == "$n$" else latex(name) for name in head]) + r" \midrule")
    for row in rows:
        name = latex(row.variant or "runs") + (r"$^{\ast}$" if row.variant in unverified else "")
        values = [plus_minus(_mean_of(row, metric, main), scales[metric]) for metric in metrics]
        values[0] = _marked(values[0], _verdict(findings, row))
        lines.append(_line([name, *(latex(row.axes.get(axis, "")) for axis in axes), str(row.mean.n), *values]))
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _latex_contrasts(findings: Findings) -> list[str]:
    if not findings.contrasts:
        return []
    lines = [r"\begin{tabular}{llrrrl}", r"\toprule"]
    lines.append(r"contrast & metric & $n$ & difference & $p$ (Holm) & verdict \\ \midrule")
    for one in findings.contrasts:
        paired = one.paired
        half = _half(paired.low, paired.high)
        scale = scale_of(one.metric, [one.first_mean, one.second_mean], [half])
        p = f"${p_value(one.p_adjusted)}$" if one.p_adjusted is not None else "--"
        difference = _pair(paired.difference, half, scale, "+")
        difference += " points" if scale.percent and paired.difference is not None else ""
        lines.append(_line([latex(one.label), latex(one.metric), str(one.n), difference, p, latex(one.verdict)]))
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _caption(findings: Findings, unverified: Collection[str]) -> str:
    level = f"{findings.level * 100:g}"
    texts = [f"Mean over $n$ seeds $\\pm$ half of the {level}\\,\\% confidence interval (Student's $t$)."]
    if findings.contrasts:
        averaged = " averaged over what else varies," if any(row.axes for row in findings.variants) else ""
        tested = sum(one.p_adjusted is not None for one in findings.contrasts)
        texts.append(f"Differences:{averaged} paired on shared seeds, $p$ by Holm over {tested} tests.")
    used = [verdict for verdict in _MARKS if any(_verdict(findings, row) == verdict for row in findings.variants)]
    if used:
        marks = ", ".join(f"${_MARKS[verdict]}$ {_WORDS[verdict]}" for verdict in used)
        against = f"Against {latex(findings.comparison.baseline)} at {1 - findings.level:.2g}"
        texts.append(f"{against}: {marks}; no mark: not separated.")
    if unverified:
        texts.append(f"$^{{\\ast}}$ {UNVERIFIED}: no digest of the data was recorded.")
    return " ".join(texts)


def _verdict(findings: Findings, row: VariantRow) -> str:
    """What the contrast of exactly this row against the baseline says; "" where there is none."""
    for one in findings.contrasts:
        contrast, axes = one.contrast, {str(axis): str(value) for axis, value in one.contrast.at.items()}
        against = contrast.second == findings.comparison.baseline and one.metric == findings.comparison.metric
        if against and not contrast.minus and (contrast.first, axes) == (row.variant, dict(row.axes)):
            return one.verdict
    return ""


def _marked(value: str, verdict: str) -> str:
    """The mark of a verdict inside the number's own math."""
    return rf"{value[:-1]}\,^{{{_MARKS[verdict]}}}$" if verdict in _MARKS and value.endswith("$") else value


def _mean_of(row: VariantRow, metric: str, main: str) -> Mean | None:
    return row.mean if metric == main else row.shown.get(metric)


def _scale(metric: str, means: Sequence[Mean | None]) -> Scale:
    there = [mean for mean in means if mean is not None and mean.n]
    return scale_of(metric, [mean.mean for mean in there], [_half(mean.low, mean.high) for mean in there])


def plus_minus(mean: Mean | None, scale: Scale) -> str:
    r"""`$93.1 \pm 0.4$`; without an interval the mean alone, without a value a dash."""
    return "--" if mean is None or not mean.n else _pair(mean.mean, _half(mean.low, mean.high), scale)


def _pair(value: float | None, half: float | None, scale: Scale, sign: str = "") -> str:
    if value is None:
        return "--"
    text = f"{value * scale.factor:{sign}.{scale.digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")  # no negative zero
    return f"${text}$" if half is None else rf"${text} \pm {half * scale.factor:.{scale.digits}f}$"


def _half(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else (high - low) / 2


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def latex(text: object) -> str:
    """Text with LaTeX's special characters escaped, on one line."""
    return re.sub(r"[\\~^<>|&%$#_{}]", lambda found: _ESCAPES[found[0]], " ".join(str(text).split()))
