"""`compare`: is A better than B, given the seeds? Over any runs in the store, also those that dlcamp did not write.

    make compare NAMES=regularizers                                  its variants against its baseline
    make compare NAMES=caption_lstm,caption_gru METRIC=test/cider    experiments against the first
    make compare NAMES=regularizers:l2,regularizers:none FORMAT=csv  two variants; csv, latex and json for machines

The newest finished run of each group, axis values and seed counts. Tables go to stdout, remarks of a machine format
to stderr.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.comparison import Comparison
from dlcamp.discovery import find as find_listing
from dlcamp.discovery import listing, load
from dlcamp.errors import Refusal, UnknownName, UserError
from dlcamp.experiment import Claim, Experiment
from dlcamp.settings import settings

if TYPE_CHECKING:
    from dlcamp.analysis.cells import Cell
    from dlcamp.analysis.formats import Format
    from dlcamp.analysis.groups import Observation
    from dlcamp.analysis.selection import Selection, Wanted
    from dlcamp.tracking.protocol import Reader

# words in a metric's name that say less is better, where no experiment declares it
_LESS = {"loss", "error", "errors", "perplexity", "seconds", "parameters", "bytes", "mse", "mae", "rmse", "wer"}


def run(given: Given, root: Path) -> int:
    """Pick the runs, compare them, write the comparison."""
    from dlcamp.analysis.formats import FORMATS

    asked = given.get("FORMAT") or "table"
    form = next((one for one in FORMATS if one == asked), None)
    if form is None:
        raise UnknownName("FORMAT", asked, FORMATS)
    names = given.words("NAMES")
    if not names:
        raise UserError("NAMES names nothing\nexample: make compare NAMES=caption_lstm,caption_gru")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"NAMES holds {twice[0]!r} twice; a group is not compared with itself")
    from dlcamp.tracking import open_existing_store

    store = open_existing_store(say=_remark)
    print(compared(names, given, root, store.reader if store else None, form))
    return 0


def compared(names: Sequence[str], given: Given, root: Path, reader: Reader | None, form: Format) -> str:
    """The comparison in one of the formats; remarks that its text does not hold go to stderr.

    Raises:
        UnknownName: an experiment, a variant or a metric that nothing answers to.
        UserError: a group without finished runs.
        Refusal: the runs are of different data.
    """
    from dlcamp.analysis.findings import find
    from dlcamp.analysis.formats import write
    from dlcamp.analysis.selection import Filters, select

    wanted, found = _wanted(names, root, reader)
    declared = {name: _experiment(root, name) for name in found}
    filters = Filters(given.get("DATA"), given.get("PRESET"), given.words("VARIANT"))
    order = {name: _variants(root, name, filters.preset) for name, known in declared.items() if known}
    chosen = select(wanted, found, filters, order)
    metric = _metric(given.get("METRIC"), declared, found, chosen)
    comparison, claims = _comparison(metric, declared, chosen)
    try:
        findings = find(comparison, claims, chosen.cells, next(iter(chosen.presets.values())))
    except Refusal as refused:
        raise Refusal("\n".join([str(refused), *_by_data(chosen)])) from None
    notes = [*chosen.notes, *_missing(metric, chosen), *_remarks(comparison, declared, chosen)]
    notes += _over_items(reader, chosen.cells, comparison) if reader is not None else []
    if form != "table":
        for line in dict.fromkeys([*findings.warnings, *(f"left out: {one}" for one in findings.excluded), *notes]):
            _remark(line)
    return write(findings, form, chosen.unverified, notes)


def _wanted(
    names: Sequence[str], root: Path, reader: Reader | None
) -> tuple[list[Wanted], dict[str, list[Observation]]]:
    """What NAMES asks for, and the runs of each experiment in it."""
    from dlcamp.analysis.groups import observations
    from dlcamp.analysis.selection import Wanted

    files = listing(root, {})
    wanted: list[Wanted] = []
    found: dict[str, list[Observation]] = {}

    def known(name: str) -> bool:
        if name not in found and reader is not None:
            found[name] = observations(reader, name)
        return bool(found.get(name)) or name in files

    for name in names:
        experiment, colon, variant = name.partition(":")
        if known(name):
            wanted.append(Wanted(name))
        elif colon and known(experiment):
            wanted.append(Wanted(experiment, variant))
        else:
            stored = {row.experiment for row in reader.runs()} if reader is not None else set()
            raise UnknownName("experiment", experiment, {*files, *stored}, "see them all: make list")
    return wanted, {one.experiment: found.get(one.experiment, []) for one in wanted}


def _experiment(root: Path, name: str) -> Experiment | None:
    """The experiment's declaration; None for one that only the store knows."""
    try:
        return load(find_listing(root, name))
    except UserError:
        return None


def _variants(root: Path, name: str, preset: str | None) -> list[str]:
    """The variants that the experiment's yaml declares."""
    written = settings(root, find_listing(root, name))
    return list(written.grid(preset if preset in written.presets else None).variants)


def _metric(
    asked: str | None,
    declared: Mapping[str, Experiment | None],
    found: Mapping[str, Sequence[Observation]],
    chosen: Selection,
) -> str:
    """METRIC, else what the first experiment compares by; it must be a metric of some run."""
    metric = asked or ""
    if not metric:
        known = next((one for one in declared.values() if one is not None), None)
        if known is not None:
            metric = known.compare.metric if known.compare else known.objective.metric
        else:
            tags = [one.row.tags.get("dlcamp.objective", "") for runs in found.values() for one in runs]
            metric = next((tag.split()[-1] for tag in tags if tag), "")
    there = chosen.metrics()
    if metric not in there:
        kind = "metric of these runs" if metric else "METRIC"
        raise UnknownName(kind, metric, there, "" if there else "these runs have no metrics at all")
    return metric


def _comparison(
    metric: str, declared: Mapping[str, Experiment | None], chosen: Selection
) -> tuple[Comparison, list[Claim]]:
    """The declared comparison and claims where one experiment is compared, else each group against the first."""
    alone = next(iter(declared.values())) if len(declared) == 1 else None
    direction = _declared_direction(metric, declared)
    higher = _guessed_direction(metric) if direction is None else direction
    plain = Comparison(metric, chosen.labels[0], higher_is_better=higher, items=_items(metric, declared))
    if alone is None or alone.compare is None:
        return plain, []
    baseline = alone.compare.baseline if alone.compare.baseline in chosen.labels else chosen.labels[0]
    if metric != alone.compare.metric:
        # its smallest interesting difference and margin are in the units of another metric
        return replace(plain, baseline=baseline), []
    needed = {name for claim in alone.claims for contrast in claim.contrasts for name in contrast.variants()}
    claims = [claim for claim in alone.claims if claim.contrasts] if needed <= set(chosen.labels) else []
    preset = next(iter(chosen.presets.values()), "")
    return replace(alone.compare.under(preset), baseline=baseline), claims


def _items(metric: str, declared: Mapping[str, Experiment | None]) -> dict[str, str]:
    """What all the experiments compute the metric from, item by item; empty where they do not say, or not the same."""
    said = {one.compare.items.get(metric, "") if one and one.compare else "" for one in declared.values()}
    found = said.pop()
    return {metric: found} if found and not said else {}


def _over_items(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> list[str]:
    """Each difference with its interval over items, of the seeds that both have: all that one seed can tell."""
    from dlcamp.analysis.items import item_differences

    only = {name: named for name, named in comparison.items.items() if name == comparison.metric}
    return [
        f"over {one.items} items, {one.seeds} {'seed' if one.seeds == 1 else 'seeds'}: {one.variant} − "
        f"{comparison.baseline} {one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        for one in item_differences(reader, cells, replace(comparison, items=only))
    ]


def _declared_direction(metric: str, declared: Mapping[str, Experiment | None]) -> bool | None:
    """Whether more of a metric is better, as an experiment says; its val/ objective speaks for test/ too."""
    for one in declared.values():
        if one is not None and one.compare is not None and one.compare.metric == metric:
            return one.compare.higher_is_better
        if one is not None and _last(one.objective.metric) == _last(metric):
            return one.objective.direction == "maximize"
    return None


def _guessed_direction(metric: str) -> bool:
    words = re.split(r"[^a-z]+", _last(metric).lower())
    return not (metric.startswith("cost/") or set(words) & _LESS or words[-1].endswith("loss"))


def _last(metric: str) -> str:
    return metric.rpartition("/")[2]


def _by_data(chosen: Selection) -> list[str]:
    """Which runs are on which data, a line a data set and digest."""
    runs: dict[str, list[str]] = {}
    for cell in chosen.finished:
        runs.setdefault(f"  {cell.data or 'unnamed'}, digest {cell.digest[:60] or 'unknown'}", []).append(cell.name)
    return [f"{where}: {_some(names)}" for where, names in runs.items()]


def _missing(metric: str, chosen: Selection) -> list[str]:
    lacking = [cell.name or cell.run for cell in chosen.finished if metric not in cell.metrics]
    return [f"runs without {metric}: {_some(lacking)}"] if lacking else []


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _remarks(comparison: Comparison, declared: Mapping[str, Experiment | None], chosen: Selection) -> list[str]:
    notes = []
    if len(chosen.labels) == 1:
        notes.append("one group only: there is nothing to compare it with")
    if _declared_direction(comparison.metric, declared) is None:
        word = "higher" if comparison.higher_is_better else "lower"
        notes.append(f"{word} {comparison.metric} is taken to be better; no experiment here declares it")
    return notes


def _remark(line: str) -> None:
    print(line, file=sys.stderr)
