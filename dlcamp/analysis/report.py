"""The report: one self-contained HTML page of a study, which asks for nothing from a network.

    page = report.page(assemble(reader, parent, experiment))

Plotly is embedded once, pictures as `data:` addresses. All text from runs is escaped. The page works from a disk, from
an artifact store, and in MLflow's frame, which is sandboxed: links out of it are dead there, so run ids stand as text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_cost import cost_info
from dlcamp.analysis.charts import chart_script, figure_div, figures, metric_scale
from dlcamp.analysis.claim_reasons import amount
from dlcamp.analysis.judged import against_baseline, answer, coverage, fairness, family
from dlcamp.analysis.report_tables import (
    axis_matrix,
    item_rows,
    other_rows,
    pair_matrices,
    result_rows,
    shown_scales,
    without_data,
)
from dlcamp.analysis.scale import MINUS, p_value, seconds, short
from dlcamp.analysis.search_words import objective_text, value_text
from dlcamp.analysis.study import Study
from dlcamp.analysis.study_files import place_label
from dlcamp.analysis.text_columns import MARKS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from dlcamp.analysis.cells import Cell
    from dlcamp.analysis.pictures import Picture

UI = "http://127.0.0.1:5000"
"""Where `make ui` serves MLflow, unless told another port."""
_TEMPLATES = Path(__file__).parent / "templates"
_NUMERIC = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "mlflow", "dlcamp")
_SECTIONS = {
    "forest": "Differences with their intervals",
    "axis": "The metric against an axis",
    "curves": "Learning curves",
    "cost": "Cost",
    "tuning": "Trials that chose the strengths",
}


@dataclass(frozen=True)
class Choice:
    """One of several figures of a section."""

    id: str
    label: str
    div: Markup


def page(study: Study, ui: str = UI) -> str:
    """The page as text.

    Args:
        study: what it shows; one without findings says why the runs were not compared.
        ui: address of MLflow's pages, for the links of runs.
    """
    from plotly.offline import get_plotlyjs

    found = environment()
    return found.get_template("report.html").render(
        context(study),
        ui=ui.rstrip("/"),
        plotly=found.filters["raw"](get_plotlyjs()),
        script=found.filters["raw"](chart_script()),
        style=found.filters["raw"](style()),
    )


def style() -> str:
    """The style sheet of every report."""
    return (_TEMPLATES / "report.css").read_text("utf-8")


def environment() -> Environment:
    """What templates of reports are filled in by; everything that is not marked as markup is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "raw": Markup, "short": short, "p": p_value, "duration": seconds, "place": place_label, "when": _when,
        "value": lambda value: f"{value:.4g}",
        "effect": lambda value: "–" if value is None else f"{value:.1f}".replace("-", MINUS),
        "setting": value_text, "objective": objective_text,
    }  # fmt: skip
    return found


def context(study: Study) -> dict[str, Any]:
    """What the template fills in; also for another page that shows the same."""
    scale = metric_scale(study)
    return {
        "study": study,
        "findings": study.findings,
        "scale": scale,
        "sentences": answer(study, scale),
        "facts": facts(study),
        "claims": study.findings.claims if study.findings else [],
        "rows": result_rows(study),
        "others": other_rows(study),
        "absent": without_data(study.findings) if study.findings else [],
        "shown": shown_scales(study),
        "matrix": axis_matrix(study, scale),
        "pairs": pair_matrices(study, scale),
        "choices": choices(study),
        "pictures": by_name(study.pictures),
        "costs": cost_info(study.cells, study.variants, study.comparison.baseline),
        "by_item": item_rows(study, scale),
        "coverage": coverage(study),
        "fairness": fairness(study),
        "marks": MARKS,
        "amount": amount,
        "level": f"{(study.findings.level if study.findings else 0.95) * 100:g} %",
        "tested": bool(study.findings and against_baseline(study.findings)),
        "family": family(study.findings) if study.findings else 0,
        "axis_names": " and ".join(study.axes),
        "warnings": study.findings.warnings if study.findings else [],
        "failed": left_out(study),
        "packages": {name: study.source.packages[name] for name in _NUMERIC if name in study.source.packages},
    }


def left_out(study: Study) -> list[Cell]:
    """Cells that ended without the compared metric."""
    ended = [cell for cell in study.cells if cell.status not in ("WAITING", "RUNNING")]
    values = [cell.metrics.get(study.comparison.metric) if cell.finished else None for cell in ended]
    return [cell for cell, value in zip(ended, values, strict=True) if value is None or not math.isfinite(value)]


def choices(study: Study) -> dict[str, list[Choice]]:
    """Section -> its figures, ready for a page."""
    found: dict[str, list[Choice]] = {section: [] for section in _SECTIONS}
    for number, (name, figure) in enumerate(figures(study).items()):
        section, _, label = name.partition("/")
        label = label.replace("/", ", ")
        described = f"{_SECTIONS[section]}: {label}" if label else _SECTIONS[section]
        found[section].append(Choice(f"choice-{number}", label, figure_div(figure, str(number), described)))
    return found


def by_name(pictures: Sequence[Picture]) -> dict[str, list[Picture]]:
    """Pictures of the same name beside each other, a variant each."""
    found: dict[str, list[Picture]] = {}
    for picture in pictures:
        found.setdefault(picture.name, []).append(picture)
    return found


def facts(study: Study) -> dict[str, str]:
    """The strip under the answer."""
    runs = [f"{study.count('FINISHED')} finished"]
    for status, word in (("FAILED", "failed"), ("KILLED", "stopped"), ("RUNNING", "running"), ("WAITING", "waiting")):
        if study.count(status):
            runs.append(f"{study.count(status)} {word}")
    grid = [f"{len(study.variants)} variants", *(f"{len(values)} {axis}" for axis, values in study.axes.items())]
    seeds = study.seeds
    whole = seeds == list(range(len(seeds))) and len(seeds) > 1
    found = {
        "runs": ", ".join(runs),
        "grid": " × ".join([*grid, f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''}"]),
        "seeds": f"{seeds[0]}–{seeds[-1]}" if whole else ", ".join(map(str, seeds)),
        "data": study.data,
        "preset": study.preset,
        "test": study.scorings.removeprefix(f"test of {study.data} was "),
        "metric": f"{study.comparison.metric}, {'higher' if study.comparison.higher_is_better else 'lower'} is better",
        "computed in": seconds(cost_info(study.cells, study.variants).total),
        "started": _when(study.started),
    }
    return {name: value for name, value in found.items() if value}


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
