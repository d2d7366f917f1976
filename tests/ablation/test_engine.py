"""run_ablation(): what runs, what is taken from the cache, what fails alone, and what the parent keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlcamp.ablation.engine import Ablation, AblationOutcome, run_ablation
from dlcamp.ablation.parent import Parent
from dlcamp.analysis.scorings import SCORINGS_TAG
from dlcamp.cli.ablate import ablation_of
from dlcamp.cli.commands import Given
from dlcamp.errors import ConfigError, RunFailed, RunInterrupted, UnknownName, UserError
from dlcamp.launch.inline import Inline
from dlcamp.tracking import MemoryTracker

MODULE = '''"""Does strength help?"""
import os, signal, time
from pathlib import Path
from dlcamp import Claim, Comparison, Contrast, ExperimentConfig, Float, Int, experiment, maximize, tune

class Config(ExperimentConfig):
    kind: str = "none"
    strength: float = tune(0.5, valid=Float(0, 1), space=Float(0, 1))
    size: int = tune(10, valid=Int(1, 99))
    tested: bool = tune(True, trial=False)

@experiment(config=Config, data=["purchases"], objective=maximize("val/score"),
            compare=Comparison("test/score", baseline="none", smallest_interesting=0.1),
            claims=[Claim("strong beats none", "it does not", contrasts=[Contrast("strong", "none")])])
def toy(config, data, run):
    with Path(os.environ["TOY_MARK"]).open("a") as file:
        file.write(f"{config.kind} {config.size} {config.seed}\\n")
    if config.kind == "ill" and config.seed == 1:
        raise ValueError("<b>the cause</b>")
    if config.kind == "nan":
        return {"val/score": float("nan")}
    if config.kind == "stopped" and config.seed == 1 and "TOY_STOP" in os.environ:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    gain = 1 - abs(config.strength - 0.7) if config.kind == "strong" else 0.0
    run.metrics({"train/loss": 1.0}, step=1)
    run.predictions([{"item": i, "correct": int(i < 5)} for i in range(10)])
    score = gain + 0.01 * config.seed + 0.001 * ((config.seed * 7 + len(config.kind)) % 5)
    return {"val/score": score} | ({"test/score": score + config.size / 1000} if config.tested else {})
'''
YAML = """
variants:
  none: {kind: none}
  strong: {kind: strong, tune: [strength]}
  ill: {kind: ill}
seeds: 3
tuning: {trials: 4, seed: 99}
presets:
  sizes: {axes: {size: [10, 20]}, tuning: {trials: 0}, variants: [none, strong]}
  broken: {axes: {size: [10, 1000]}}
  nan: {variants: {none: {kind: nan}}}
  twins: {variants: {none: {kind: none}, one: {size: 11}, two: {size: 11}}}
  seeded: {axes: {seed: [1, 2]}}
  crossed: {axes: {kind: [a, b]}}
  stopped: {variants: {none: {kind: none}, stopped: {kind: stopped}}}
"""


@pytest.fixture
def root(tmp_path: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    for part, name, text in (("experiments", "toy.py", MODULE), ("configs", "toy.yaml", YAML)):
        (folder / part / "basics").mkdir(parents=True)
        (folder / part / "basics" / name).write_text(text, "utf-8")
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "mark"))
    return folder


@pytest.fixture
def store() -> MemoryTracker:
    return MemoryTracker()


def asked(root: Path, **variables: str) -> Ablation:
    return ablation_of(Given({"NAME": "toy", **variables}), root)


def made(root: Path, store: MemoryTracker, said: list[str] | None = None, **variables: str) -> AblationOutcome:
    lines = said if said is not None else []
    return run_ablation(asked(root, **variables), store, Inline(store), lines.append, lambda state, expected: None)


def ran(root: Path) -> list[str]:
    """What bodies were called, and forget it."""
    mark = root.parent / "mark"
    lines = mark.read_text().splitlines() if mark.exists() else []
    mark.unlink(missing_ok=True)
    return lines


def test_an_ablation_is_a_parent_with_a_child_a_cell_and_its_trials(root: Path, store: MemoryTracker) -> None:
    outcome = made(root, store, VARIANT="strong")
    children = store.runs("toy", tags={"dlcamp.parent": outcome.row.id})
    kinds = sorted((row.tags["dlcamp.kind"], row.tags["dlcamp.variant"]) for row in children)
    assert kinds == [("cell", "none")] * 3 + [("cell", "strong")] * 3 + [("trial", "strong")] * 4
    assert outcome.row.status == "FINISHED"
    assert {"cells.json", "tuning.json", "declaration.json", "findings.json", "summary.txt", "report.html"} <= set(
        store.artifacts(outcome.row.id)
    )
    assert outcome.row.metrics["test/score/none"] == pytest.approx(0.02, abs=0.012)


def test_trials_leave_test_alone_and_end_and_page_say_how_often_it_was_scored(root: Path, store: MemoryTracker) -> None:
    outcome = made(root, store, VARIANT="strong")
    tried = store.runs("toy", tags={"dlcamp.parent": outcome.row.id, "dlcamp.kind": "trial"})
    assert len(tried) == 4
    assert not any("test/score" in row.metrics for row in tried)
    assert "test of purchases was scored for 2 configurations of toy so far (6 runs" in outcome.row.tags[SCORINGS_TAG]
    for name in ("summary.txt", "report.html"):
        assert "scored for 2 configurations of toy" in store.fetch(outcome.row.id, name).read_text("utf-8")


def test_strengths_are_chosen_on_validation_by_the_number_of_trials_declared(root: Path, store: MemoryTracker) -> None:
    outcome = made(root, store, VARIANT="strong")
    (choice,) = json.loads(store.fetch(outcome.row.id, "tuning.json").read_text())
    assert choice["trials"][0]["values"] == {"strength": 0.5}
    assert len(choice["trials"]) == 4
    best = max(choice["trials"], key=lambda trial: trial["objective"])
    assert choice["chosen"] == best["values"]
    cells = store.runs("toy", tags={"dlcamp.kind": "cell", "dlcamp.variant": "strong"})
    assert {row.params["strength"] for row in cells} == {str(best["values"]["strength"])}
    assert {row.params["seed"] for row in store.runs("toy", tags={"dlcamp.kind": "trial"})} == {"99"}


def test_again_nothing_runs_and_more_seeds_run_only_the_missing_ones(root: Path, store: MemoryTracker) -> None:
    first = made(root, store, VARIANT="strong")
    assert len(ran(root)) == 10
    again = made(root, store, VARIANT="strong")
    assert ran(root) == []
    assert again.row.id == first.row.id
    wider = made(root, store, VARIANT="strong", SEEDS="5")
    assert sorted(ran(root)) == ["none 10 3", "none 10 4", "strong 10 3", "strong 10 4"]
    assert wider.row.id == first.row.id
    assert [row.n for row in wider.findings.variants] == [5, 5]


def test_a_narrower_question_keeps_what_the_ablation_has(root: Path, store: MemoryTracker) -> None:
    made(root, store)
    narrow = made(root, store, VARIANT="none", SEEDS="2")
    assert {row.variant: (row.n, row.failed) for row in narrow.findings.variants} == {
        "none": (3, 0), "strong": (3, 0), "ill": (2, 1),
    }  # fmt: skip
    declared = json.loads(store.fetch(narrow.row.id, "declaration.json").read_text())
    assert (list(declared["variants"]), declared["seeds"]) == (["none", "strong", "ill"], [0, 1, 2])
    assert narrow.row.tags["dlcamp.command"] == "make exp NAME=toy VARIANT=none,strong,ill SEEDS=3"


def test_an_error_at_the_start_of_a_session_loses_nothing_of_the_earlier_ones(
    root: Path, store: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(root, store, VARIANT="strong")
    monkeypatch.setattr(Parent, "begin", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        made(root, store, VARIANT="strong", SEEDS="4")
    monkeypatch.undo()
    monkeypatch.setenv("TOY_MARK", str(root.parent / "mark"))
    assert len(json.loads(store.fetch(first.row.id, "cells.json").read_text())) == 6
    again = made(root, store, VARIANT="strong")
    assert (again.row.id, again.row.status) == (first.row.id, "FINISHED")


def test_another_compared_metric_is_another_ablation(root: Path, store: MemoryTracker) -> None:
    first = made(root, store, VARIANT="none")
    path = root / "experiments" / "basics" / "toy.py"
    path.write_text(path.read_text().replace('Comparison("test/score"', 'Comparison("val/score"'), "utf-8")
    second = made(root, store, VARIANT="none")
    assert second.row.id != first.row.id
    assert all(child.cached for child in second.state.children.values())


def test_values_of_an_axis_may_hold_what_a_metric_name_cannot(root: Path, store: MemoryTracker) -> None:
    path = root / "configs" / "basics" / "toy.yaml"
    path.write_text("variants: {none: {}}\naxes: {kind: ['a,b', c+d]}\nseeds: 2\n", "utf-8")
    outcome = made(root, store)
    assert {row.axes["kind"] for row in outcome.findings.variants} == {"a,b", "c+d"}
    assert "test/score/none/kind-a_b" in outcome.row.metrics


def test_one_failing_child_does_not_stop_the_others_and_is_counted(root: Path, store: MemoryTracker) -> None:
    said: list[str] = []
    outcome = made(root, store, said)
    assert any("FAILED" in line and "the cause" in line for line in said)
    ill = next(row for row in outcome.findings.variants if row.variant == "ill")
    assert (ill.n, ill.failed) == (2, 1)
    cells = json.loads(store.fetch(outcome.row.id, "cells.json").read_text())
    assert sum(cell["status"] == "FAILED" for cell in cells) == 1
    assert "<b>the cause" not in store.fetch(outcome.row.id, "report.html").read_text("utf-8")


def test_when_nothing_finishes_the_parent_fails_with_the_first_cause(root: Path, store: MemoryTracker) -> None:
    with pytest.raises(RunFailed, match="not finite"):
        made(root, store, PRESET="nan")
    (parent,) = store.runs("toy", tags={"dlcamp.kind": "ablation"})
    assert parent.status == "FAILED"


def test_axes_cross_the_variants(root: Path, store: MemoryTracker) -> None:
    outcome = made(root, store, PRESET="sizes", SEEDS="2")
    assert {(row.variant, row.axes["size"], row.n) for row in outcome.findings.variants} == {
        (variant, size, 2) for variant in ("none", "strong") for size in ("10", "20")
    }


def test_a_stopped_ablation_keeps_what_finished_and_goes_on_with_the_rest(
    root: Path, store: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_STOP", "1")
    with pytest.raises(RunInterrupted, match="runs only what is missing: make exp NAME=toy PRESET=stopped"):
        made(root, store, PRESET="stopped")
    (parent,) = store.runs("toy", tags={"dlcamp.kind": "ablation"})
    assert parent.status == "KILLED"
    before = ran(root)
    monkeypatch.delenv("TOY_STOP")
    outcome = made(root, store, PRESET="stopped")
    assert outcome.row.id == parent.id
    assert len(before) + len(ran(root)) == 7  # six cells, one of them twice
    assert [row.n for row in outcome.findings.variants] == [3, 3]
    stopped = store.runs("toy", tags={"dlcamp.child": "stopped seed 1"})
    assert [row.status for row in stopped] == ["FINISHED"]  # the same run went on


def test_claims_are_judged_and_kept_on_the_parent(root: Path, store: MemoryTracker) -> None:
    row = made(root, store, VARIANT="strong").row
    assert json.loads(row.tags["dlcamp.claims"]) == [["strong beats none", "supported"]]


@pytest.mark.parametrize(
    ("variables", "error", "message"),
    [
        ({"PRESET": "broken"}, ConfigError, "size=1000"),
        ({"SEEDS": "1,1"}, ConfigError, "stands twice"),
        ({"SEEDS": "99,3"}, ConfigError, "also a seed of the cells"),
        ({"VARIANT": "storng"}, UnknownName, "did you mean 'strong'"),
        ({"WORKERS": "0"}, UserError, "at least 1"),
        ({"SET": "kind=none"}, ConfigError, "would make all runs equal"),
        ({"SET": "seed=3"}, ConfigError, "would make all runs equal"),
        ({"PRESET": "twins"}, ConfigError, "the same config as one"),
        ({"PRESET": "seeded"}, ConfigError, "seed is no axis"),
        ({"PRESET": "crossed"}, ConfigError, "which an axis sets too"),
    ],
)
def test_bad_input_is_named_before_anything_runs(
    root: Path, variables: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        asked(root, **variables)
    assert ran(root) == []


def test_a_baseline_that_is_no_variant_is_named(root: Path) -> None:
    path = root / "configs" / "basics" / "toy.yaml"
    path.write_text("variants: {nine: {}, strong: {kind: strong}}\nseeds: 2\n", "utf-8")
    with pytest.raises(UnknownName, match="baseline of toy 'none'; did you mean 'nine'"):
        asked(root)


def test_a_killed_worker_is_tried_once_more_and_its_run_goes_on(root: Path, store: MemoryTracker) -> None:
    from dlcamp.launch.protocol import Event

    class Dying(Inline):
        """Loses the first cell's job as a killed worker does."""

        lost = 0

        def events(self, timeout: float | None = None) -> list[Event]:
            found = super().events(timeout)
            if found and found[0].kind == "done" and not self.lost:
                self.lost = 1
                return [Event(found[0].job, "lost", error="its worker was killed (SIGKILL)")]
            return found

    said: list[str] = []
    outcome = run_ablation(asked(root, VARIANT="none"), store, Dying(store), said.append, lambda state, expected: None)
    assert "tried once more" in said[0]
    assert [row.n for row in outcome.findings.variants] == [3]
