"""What a study holds of an ablation: what cells.json says counts, and what cannot be read costs only itself."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlcamp.analysis.cells import cell
from dlcamp.analysis.learning import bases, learning_lines, thinned
from dlcamp.analysis.pictures import BYTES, pictures_of, smaller
from dlcamp.analysis.study import Study, assemble
from dlcamp.comparison import Comparison
from dlcamp.tracking.memory import MemoryTracker
from dlcamp.tracking.protocol import RunRow
from tests.analysis.ablation_store import Ablation
from tests.analysis.made_cells import made

GAINS = {"none": 0.0, "l2": 0.004, "dropout": 0.02}


def png(width: int = 300, height: int = 200, noisy: bool = False) -> bytes:
    import numpy as np
    from PIL import Image

    grey = np.random.default_rng(0).integers(0, 255 if noisy else 2, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG")
    return stream.getvalue()


def study_of(ablation: Ablation, tmp_path: Path, tracker: MemoryTracker | None = None) -> Study:
    tracker = tracker or MemoryTracker()
    return assemble(tracker, ablation.write(tracker, tmp_path), ablation.experiment())


def rewrite(tracker: MemoryTracker, parent: RunRow, tmp_path: Path, name: str, content: Any) -> None:
    """Replace a file of the parent run."""
    run = tracker.resume(parent.id)
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    run.artifact(path)
    run.end("FINISHED")


def test_a_study_has_a_cell_for_every_run_and_what_it_rests_on(tmp_path: Path) -> None:
    study = study_of(Ablation(GAINS, tuned={"l2": {"l2": [1e-3, 1e-4, 1e-2]}}), tmp_path)
    assert (study.variants, study.seeds, study.axes) == (["none", "l2", "dropout"], [0, 1, 2], {})
    assert len(study.cells) == study.count("FINISHED") == 9
    assert {cell.commit for cell in study.cells} == {"0123456789ab"}
    assert study.findings is not None
    assert [(row.variant, row.mean.n) for row in study.findings.variants] == [("none", 3), ("l2", 3), ("dropout", 3)]
    assert study.source.command == "make exp NAME=regularizers SEEDS=3"
    assert study.source.machine == "Example CPU 3000"
    assert study.tuned[0].chosen in [trial.values for trial in study.tuned[0].trials]


def test_a_cell_from_the_cache_stands_where_the_ablation_put_it(tmp_path: Path) -> None:
    ablation, tracker = Ablation(GAINS), MemoryTracker()
    parent = ablation.write(tracker, tmp_path)
    other = tracker.start("regularizers", "by-hand", {"dlcamp.variant": "something else"}, parent=None)
    other.params({"seed": 77})
    other.final({"test/accuracy": 0.5})
    other.end("FINISHED")
    entries = json.loads(tracker.fetch(parent.id, "cells.json").read_text())
    entries[0]["run"] = other.id
    rewrite(tracker, parent, tmp_path, "cells.json", entries)
    cell = assemble(tracker, tracker.run(parent.id), ablation.experiment()).cells[0]
    assert (cell.variant, cell.seed, cell.metrics["test/accuracy"]) == ("none", 0, 0.5)


def test_failed_cells_are_counted_and_enter_no_mean(tmp_path: Path) -> None:
    study = study_of(Ablation(GAINS, failed={("l2", 1): "loss is nan"}), tmp_path)
    assert (study.count("FINISHED"), study.count("FAILED")) == (8, 1)
    assert [cell.error for cell in study.cells if cell.status == "FAILED"] == ["loss is nan"]
    assert study.findings is not None
    row = next(row for row in study.findings.variants if row.variant == "l2")
    assert (row.mean.n, row.failed) == (2, 1)


def test_a_running_ablation_gives_a_study_of_what_is_there(tmp_path: Path) -> None:
    ablation, tracker = Ablation(GAINS), MemoryTracker()
    parent = ablation.write(tracker, tmp_path)
    entries = json.loads(tracker.fetch(parent.id, "cells.json").read_text())
    for entry in entries[4:]:
        entry |= {"run": "", "status": "WAITING", "metrics": {}}
    study = assemble(tracker, parent, ablation.experiment(), entries=entries)
    assert (study.count("FINISHED"), study.count("WAITING")) == (4, 5)
    assert study.findings is not None


def test_a_run_that_has_left_the_store_keeps_what_the_ablation_wrote_down(tmp_path: Path) -> None:
    ablation, tracker = Ablation(GAINS), MemoryTracker()
    parent = ablation.write(tracker, tmp_path)
    entries = json.loads(tracker.fetch(parent.id, "cells.json").read_text())
    entries[2]["run"] = "gone"
    rewrite(tracker, parent, tmp_path, "cells.json", entries)
    study = assemble(tracker, tracker.run(parent.id), ablation.experiment())
    assert study.cells[2].metrics == entries[2]["metrics"]
    assert any("gone is no longer in the store" in note for note in study.notes)


def test_a_file_that_cannot_be_understood_costs_only_itself(tmp_path: Path) -> None:
    ablation, tracker = Ablation(GAINS), MemoryTracker()
    parent = ablation.write(tracker, tmp_path)
    for name in ("tuning.json", "declaration.json"):
        rewrite(tracker, parent, tmp_path, name, '[{"half": ')
    study = assemble(tracker, tracker.run(parent.id), ablation.experiment())
    assert study.tuned == ()
    assert len(study.cells) == 9
    assert sorted(note.split()[0] for note in study.notes) == ["declaration.json", "tuning.json"]


def test_without_the_experiments_file_the_runs_own_declaration_is_used(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    study = assemble(tracker, Ablation(GAINS).write(tracker, tmp_path), None)
    assert study.comparison == Comparison("test/accuracy", "none")


def test_runs_on_other_data_are_not_compared_and_the_study_says_so(tmp_path: Path) -> None:
    ablation, tracker = Ablation(GAINS), MemoryTracker()
    parent = ablation.write(tracker, tmp_path)
    run = tracker.resume(next(row.id for row in tracker.runs() if row.tags.get("dlcamp.variant") == "l2"))
    run.tags({"dlcamp.data_digest": "sha256:another"})
    run.end("FINISHED")
    study = assemble(tracker, parent, ablation.experiment())
    assert study.findings is None
    assert "sha256:another" in study.refusal


def test_axis_values_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    study = study_of(
        Ablation({"none": 0.0, "l2": 0.01}, seeds=2, axes={"train_images": ["1000", "50", "200"]}), tmp_path
    )
    assert study.axes == {"train_images": ["50", "200", "1000"]}


def test_a_line_is_the_mean_over_seeds_without_the_final_value(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    study = study_of(Ablation(GAINS, curve=10), tmp_path, tracker)
    lines = [line for line in study.lines if (line.variant, line.base) == ("none", "accuracy")]
    assert {line.split: line.steps for line in lines} == {split: tuple(range(1, 11)) for split in ("train", "val")}
    runs = [cell.run for cell in study.cells if cell.variant == "none"]
    values = [tracker.history(run, "val/accuracy")[4].value for run in runs]
    val = next(line for line in lines if line.split == "val")
    assert val.mean[4] == pytest.approx(sum(values) / 3)
    assert val.low[4] < val.mean[4] < val.high[4]


def test_a_line_ends_where_fewer_than_half_of_the_seeds_go_on(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    study = study_of(
        Ablation({"none": 0.0}, seeds=3, curve=5, comparison=Comparison("test/accuracy")), tmp_path, tracker
    )
    longer = tracker.resume(study.cells[0].run)
    longer.metrics({"train/loss": 0.1, "val/loss": 0.1}, step=9)
    longer.end("FINISHED")
    line = next(line for line in learning_lines(tracker, study.cells) if (line.base, line.split) == ("loss", "val"))
    assert line.steps == (1, 2, 3, 4, 5)


@pytest.mark.parametrize(("count", "most"), [(5, 10), (10, 10), (1001, 100)])
def test_thinning_keeps_both_ends_and_even_spaces(count: int, most: int) -> None:
    kept = thinned(range(count), most)
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) == min(count, most)
    assert kept == sorted(set(kept))


def test_pictures_are_those_of_one_seed_of_each_variant(tmp_path: Path) -> None:
    study = study_of(Ablation(GAINS, pictures=lambda variant: {"weights.png": png(), "notes.txt": b"no"}), tmp_path)
    assert [(one.variant, one.seed, one.name) for one in study.pictures] == [
        ("none", 0, "weights.png"), ("l2", 0, "weights.png"), ("dropout", 0, "weights.png"),
    ]  # fmt: skip
    assert study.pictures[0].source.startswith("data:image/webp;base64,")


def test_a_picture_that_cannot_be_read_is_counted_as_left_out(tmp_path: Path) -> None:
    drawn = {"none": png(), "l2": b"not a picture", "dropout": png()}
    study = study_of(Ablation(GAINS, pictures=lambda variant: {"weights.png": drawn[variant]}), tmp_path)
    assert [one.variant for one in study.pictures] == ["none", "dropout"]
    assert study.pictures_left_out == 1


def test_large_pictures_are_made_smaller_until_all_of_them_fit(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    path.write_bytes(png(700, 500, noisy=True))
    assert len(smaller(path, 30_000)) <= 30_000
    tracker = MemoryTracker()
    noise = path.read_bytes()
    ablation = Ablation(GAINS, seeds=1, pictures=lambda variant: {f"{number}.png": noise for number in range(2)})
    study = study_of(ablation, tmp_path, tracker)
    assert sum(len(one.data) for one in study.pictures) <= BYTES


def test_of_many_axis_values_the_last_ones_keep_their_pictures(tmp_path: Path) -> None:
    tracker, small = MemoryTracker(), png(20, 20)
    axes = {"depth": [str(depth) for depth in range(2, 32)]}
    ablation = Ablation(
        {"none": 0.0, "l2": 0.01}, seeds=1, curve=1, axes=axes, pictures=lambda variant: {"a.png": small}
    )
    study = study_of(ablation, tmp_path, tracker)
    kept, left_out = pictures_of(tracker, study.cells)
    assert (len(kept), left_out) == (36, 24)
    assert {int(one.axes["depth"]) for one in kept} == set(range(14, 32))


def test_items_are_drawn_again_where_the_comparison_names_their_score(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    comparison = Comparison("test/accuracy", baseline="none", items={"test/accuracy": "correct"})
    study = study_of(Ablation(GAINS, items=200, comparison=comparison), tmp_path)
    assert [(one.variant, one.seeds, one.items) for one in study.by_item] == [("l2", 3, 200), ("dropout", 3, 200)]
    assert all(one.low < one.difference < one.high for one in study.by_item)


def test_no_items_are_drawn_where_no_score_is_named(tmp_path: Path) -> None:
    assert study_of(Ablation(GAINS, items=20), tmp_path).by_item == ()


def test_a_final_value_is_no_point_of_the_curve_when_every_metric_has_one(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    run = tracker.start("regularizers", "r", {})
    for epoch in (1, 2, 3):
        run.metrics({"train/loss": 1 / epoch, "val/loss": 2 / epoch}, step=epoch)
        time.sleep(0.02)
    run.final({"train/loss": 0.3, "val/loss": 0.6, "cost/seconds": 1.0})
    run.end("FINISHED")
    lines = learning_lines(tracker, [cell(tracker.run(run.id))])
    assert {line.split: line.steps for line in lines} == {"train": (1, 2, 3), "val": (1, 2, 3)}


def test_of_many_metrics_the_compared_one_has_a_curve() -> None:
    scores = {f"val/{name}": 0.5 for name in ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")}
    cells = made("merge", [0.4], "test/cider")
    cells = [replace(one, metrics={**one.metrics, **scores, "train/loss": 1.0}) for one in cells]
    assert bases(cells, "test/cider") == ["loss", "cider", "bleu_1", "bleu_2"]
    assert "cider" not in bases(cells)
