"""Findings as lines for a terminal of 100 columns: variants, contrasts with a forest plot, claims, what is missing.

Rates are in percent and their differences in points; the best variant comes first. Nothing here computes.
"""

from __future__ import annotations

from dlcamp.analysis.findings import Findings
from dlcamp.analysis.text_columns import MARKS, WIDTH, hanging, wrapped
from dlcamp.analysis.text_contrasts import contrast_lines
from dlcamp.analysis.text_variants import variant_lines

INDENT = 14
SHORT = WIDTH - INDENT
"""A claim and its reason that are shorter share a line."""


def table_lines(findings: Findings) -> list[str]:
    """The findings, lines of at most 100 columns (but for words that are longer), without colour."""
    lines = [*variant_lines(findings), *contrast_lines(findings)]
    if findings.claims:
        lines.append("")
    for claim in findings.claims:
        short = f"{claim.statement} ({claim.why})"
        said = [short] if len(short) <= SHORT else [claim.statement, claim.why]
        lines += hanging(f"{MARKS[claim.verdict]} {claim.verdict}", said, INDENT)
    lost = [*(f"left out: {line}" for line in findings.excluded), *(f"warning: {line}" for line in findings.warnings)]
    return [*lines, *([""] if lost else []), *(part for line in lost for part in wrapped(line))]
