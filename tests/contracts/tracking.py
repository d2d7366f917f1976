"""What every store of runs must do. A backend is done when a subclass of `TrackingContract` passes.

A subclass gives the fixture `store`, empty or not: the tests look only at runs that they made.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from pathlib import Path

import pytest

from dlcamp.errors import ConfigError, UnknownName, UserError
from dlcamp.tracking.protocol import Point, RunRow, Store, TrackedRun

INFINITIES = {"val/up": math.inf, "val/down": -math.inf}


def values(points: list[Point]) -> list[tuple[int, float]]:
    """Steps and values, without the times."""
    return [(point.step, point.value) for point in points]


def start(store: Store, name: str = "", **given: object) -> TrackedRun:
    """A run under a name and an experiment that no other test has, unless they are given."""
    experiment = str(given.pop("experiment", f"experiment-{uuid.uuid4().hex[:8]}"))
    return store.tracker.start(experiment, name or f"run-{uuid.uuid4().hex[:8]}", **given)  # type: ignore[arg-type]


class TrackingCore:
    """The least that has to work: run on every backend in the ordinary test run."""

    def test_a_finished_run_reads_back_as_it_was_written(self, store: Store) -> None:
        before = time.time()
        run = start(store, "tiny-s0", experiment="tiny", tags={"dlcamp.note": "first"})
        run.params({"units": 3, "rate": 1e-4, "name": "é ü 漢字"})
        run.tags({"dlcamp.preset": "smoke"})
        for epoch in range(3):
            run.metrics({"train/loss": 1 / (epoch + 1), "val/accuracy": epoch / 4}, epoch)
        run.end("FINISHED")
        row = store.reader.run(run.id)
        assert (row.name, row.experiment, row.status) == ("tiny-s0", "tiny", "FINISHED")
        assert row.params == {"units": "3", "rate": "0.0001", "name": "é ü 漢字"}
        assert row.metrics == {"train/loss": 1 / 3, "val/accuracy": 0.5}
        assert row.tags["dlcamp.note"] == "first"
        assert row.tags["dlcamp.preset"] == "smoke"
        assert row.ended is not None
        assert before - 1 <= row.started <= row.ended <= time.time() + 1

    def test_nan_and_the_infinities_come_back(self, store: Store) -> None:
        run = start(store)
        run.metrics({"val/loss": 1.0, **INFINITIES}, 0)
        run.metrics({"val/loss": math.nan, **INFINITIES}, 1)
        run.end("FINISHED")
        first, second = store.reader.history(run.id, "val/loss")
        assert first.value == 1.0
        assert math.isnan(second.value)
        assert values(store.reader.history(run.id, "val/up")) == [(0, math.inf), (1, math.inf)]
        row = store.reader.run(run.id)
        assert math.isnan(row.metrics["val/loss"])
        assert (row.metrics["val/up"], row.metrics["val/down"]) == (math.inf, -math.inf)

    def test_artifacts_make_the_round_trip(self, store: Store, tmp_path: Path) -> None:
        bytes_file = tmp_path / "ünï code.bin"
        bytes_file.write_bytes(bytes(range(256)) * 10)
        tree = tmp_path / "tree"
        (tree / "deep").mkdir(parents=True)
        (tree / "one.txt").write_text("eins")
        (tree / "deep/two.txt").write_text("zwei")
        run = start(store)
        run.artifact(bytes_file)
        run.artifact(tree, "in/here")
        run.end("FINISHED")
        below = ["in/here/tree/deep/two.txt", "in/here/tree/one.txt"]
        assert list(store.reader.artifacts(run.id)) == [*below, "ünï code.bin"]
        assert list(store.reader.artifacts(run.id, "in/here")) == below
        assert store.reader.fetch(run.id, "ünï code.bin").read_bytes() == bytes_file.read_bytes()
        assert (store.reader.fetch(run.id, "in/here/tree") / "deep/two.txt").read_text() == "zwei"
        with pytest.raises(UnknownName, match=r"one\.txt"):
            store.reader.fetch(run.id, "in/here/tree/onn.txt")

    def test_a_resumed_run_is_the_same_run_without_doubled_steps(self, store: Store) -> None:
        interrupted = start(store)
        interrupted.params({"seed": 1})
        for epoch in range(4):
            interrupted.metrics({"val/loss": float(epoch)}, epoch)
        interrupted.flush()
        run = store.tracker.resume(interrupted.id)
        run.params({"seed": 1})
        for epoch in range(2, 6):
            run.metrics({"val/loss": float(epoch), "val/new": 1.0}, epoch)
        run.end("FINISHED")
        assert (run.id, run.name) == (interrupted.id, interrupted.name)
        assert values(store.reader.history(run.id, "val/loss")) == [(epoch, float(epoch)) for epoch in range(6)]
        assert [point.step for point in store.reader.history(run.id, "val/new")] == [2, 3, 4, 5]
        assert store.reader.run(run.id).status == "FINISHED"


class TrackingContract(TrackingCore):
    """The whole contract."""

    @pytest.mark.parametrize("status", ["FAILED", "KILLED"])
    def test_what_a_failed_or_interrupted_run_logged_is_kept(self, store: Store, status: str) -> None:
        run = start(store)
        run.metrics({"val/loss": 2.5}, 7)
        run.end(status)  # type: ignore[arg-type]
        row = store.reader.run(run.id)
        assert row.status == status
        assert values(store.reader.history(run.id, "val/loss")) == [(7, 2.5)]

    def test_an_open_run_is_running_and_has_no_end(self, store: Store) -> None:
        run = start(store)
        run.flush()
        assert (store.reader.run(run.id).status, store.reader.run(run.id).ended) == ("RUNNING", None)
        run.end("KILLED")
        again = store.tracker.resume(run.id)
        assert (store.reader.run(run.id).status, store.reader.run(run.id).ended) == ("RUNNING", None)
        time.sleep(0.01)
        again.end("FINISHED")
        row = store.reader.run(run.id)
        assert row.status == "FINISHED"
        assert row.ended is not None
        assert row.ended > row.started

    def test_a_killed_run_can_be_resumed_twice(self, store: Store) -> None:
        run = start(store)
        run.metrics({"val/loss": 0.0}, 0)
        run.end("KILLED")
        for epoch in (1, 2):
            run = store.tracker.resume(run.id)
            for step in range(epoch + 1):
                run.metrics({"val/loss": float(step)}, step)
            run.end("KILLED")
        assert values(store.reader.history(run.id, "val/loss")) == [(0, 0.0), (1, 1.0), (2, 2.0)]

    def test_history_is_in_the_order_of_steps_not_of_logging(self, store: Store) -> None:
        run = start(store)
        for step in (5, 1, 3, -2, 2**40):
            run.metrics({"val/loss": float(step)}, step)
        run.end("FINISHED")
        assert [point.step for point in store.reader.history(run.id, "val/loss")] == [-2, 1, 3, 5, 2**40]
        assert store.reader.run(run.id).metrics == {"val/loss": float(2**40)}

    def test_of_two_values_at_one_step_both_are_kept_and_the_later_counts(self, store: Store) -> None:
        run = start(store)
        run.metrics({"test/score": 3.0})
        run.metrics({"test/score": 1.0})
        run.end("FINISHED")
        assert values(store.reader.history(run.id, "test/score")) == [(0, 3.0), (0, 1.0)]
        assert store.reader.run(run.id).metrics == {"test/score": 1.0}

    def test_a_metric_that_was_never_logged_has_no_history(self, store: Store) -> None:
        run = start(store)
        run.end("FINISHED")
        assert store.reader.history(run.id, "val/loss") == []

    def test_thousands_of_metrics_are_all_stored(self, store: Store) -> None:
        run = start(store)
        for step in range(30):
            run.metrics({f"grad/layer_{layer:02d}_norm": layer + step / 100 for layer in range(120)}, step)
        run.params({f"p{index}": "x" * 5000 for index in range(250)})
        run.end("FINISHED")
        row = store.reader.run(run.id)
        assert (len(row.metrics), len(row.params)) == (120, 250)
        assert values(store.reader.history(run.id, "grad/layer_77_norm")) == [(s, 77 + s / 100) for s in range(30)]

    def test_unicode_is_kept_everywhere(self, store: Store, tmp_path: Path) -> None:
        text = "δοκιμή 試験 👩‍🔬 'quoted' \"twice\" \\ %s {x}\nsecond line"
        run = start(store, "Läufer-日本")
        run.metrics({"Prüfung/Güte": 0.5}, 1)
        run.params({"größe": text})
        run.tags({"dlcamp.notiz": text})
        run.end("FINISHED")
        row = store.reader.run("Läufer-日本")
        assert (row.params["größe"], row.tags["dlcamp.notiz"]) == (text, text)
        assert row.metrics == {"Prüfung/Güte": 0.5}
        assert [found.id for found in store.reader.runs(row.experiment, tags={"dlcamp.notiz": text})] == [run.id]

    def test_a_long_param_is_cut_and_kept_whole_in_an_artifact(self, store: Store) -> None:
        fits, long, longer = "f" * 6000, "語" * 6001, "x" * 100_000
        run = start(store)
        run.params({"fits": fits, "long": long})
        run.params({"longer": longer})
        run.params({"long": long})
        run.end("FINISHED")
        row = store.reader.run(run.id)
        assert row.params["fits"] == fits
        assert len(row.params["long"]) == 6000
        assert row.params["long"].endswith("long_params.json)")
        whole = json.loads(store.reader.fetch(run.id, "long_params.json").read_text("utf-8"))
        assert whole == {"long": long, "longer": longer}

    def test_long_keys_and_tags_have_a_limit_that_is_said(self, store: Store) -> None:
        run = start(store)
        run.tags({"k" * 250: "v" * 8000})
        with pytest.raises(ConfigError, match="8001 characters"):
            run.tags({"dlcamp.note": "v" * 8001})
        with pytest.raises(ConfigError, match="251 characters"):
            run.params({"k" * 251: 1})
        run.end("FINISHED")
        assert store.reader.run(run.id).tags["k" * 250] == "v" * 8000

    @pytest.mark.parametrize("name", ["", "a\nb", "val//loss", "/val", "../val", "val/", "a%b", "a;b", 'a"b'])
    def test_names_that_a_store_cannot_take_are_refused_at_once(self, store: Store, name: str) -> None:
        run = start(store)
        for give in (run.params, run.tags, run.metrics):
            with pytest.raises(ConfigError, match="name"):
                give({name: 1})
        run.end("FINISHED")

    @pytest.mark.parametrize("value", ["high", None, [1, 2], 1j])
    def test_a_metric_that_is_no_number_is_refused(self, store: Store, value: object) -> None:
        run = start(store)
        with pytest.raises(ConfigError, match="one number"):
            run.metrics({"val/loss": value})  # type: ignore[dict-item]
        run.end("FINISHED")

    @pytest.mark.parametrize("step", [1.5, "two", 2**63, math.nan])
    def test_a_step_that_is_no_whole_number_is_refused(self, store: Store, step: object) -> None:
        run = start(store)
        with pytest.raises(ConfigError, match="whole number"):
            run.metrics({"val/loss": 1.0}, step)  # type: ignore[arg-type]
        run.end("FINISHED")

    def test_params_never_change(self, store: Store) -> None:
        run = start(store)
        run.params({"units": 3})
        run.params({"units": "3"})
        with pytest.raises(ConfigError, match="'3' and cannot become '4'"):
            run.params({"units": 4})
        run.end("KILLED")
        again = store.tracker.resume(run.id)
        with pytest.raises(ConfigError, match="start a new run"):
            again.params({"units": 5})
        again.end("FINISHED")
        assert store.reader.run(run.id).params == {"units": "3"}

    def test_tags_are_replaced(self, store: Store) -> None:
        run = start(store, tags={"dlcamp.state": "one"})
        run.tags({"dlcamp.state": "two"})
        run.tags({"dlcamp.state": "three"})
        run.end("FINISHED")
        assert store.reader.run(run.id).tags["dlcamp.state"] == "three"

    def test_a_data_set_leaves_its_digest(self, store: Store) -> None:
        run = start(store)
        run.dataset("scenes", "0123456789" * 6 + "abcd", "train")
        run.end("FINISHED")
        assert store.reader.run(run.id).tags["dlcamp.data_digest"] == "0123456789" * 6 + "abcd"

    def test_final_values_come_after_the_curve(self, store: Store) -> None:
        run = start(store)
        for epoch in range(3):
            run.metrics({"val/loss": 3.0 - epoch, "val/score": float(epoch)}, epoch)
        run.final({"val/loss": 2.0, "val/score": 2.0, "test/score": 0.5}, "scenes", "d" * 64)
        run.end("FINISHED")
        assert store.reader.run(run.id).metrics == {"val/loss": 2.0, "val/score": 2.0, "test/score": 0.5}
        assert values(store.reader.history(run.id, "val/loss")) == [(0, 3.0), (1, 2.0), (2, 1.0), (3, 2.0)]
        assert values(store.reader.history(run.id, "val/score")) == [(0, 0.0), (1, 1.0), (2, 2.0)]

    def test_final_values_given_again_after_a_resume_are_not_doubled(self, store: Store) -> None:
        run = start(store)
        run.metrics({"val/loss": 1.0}, 0)
        run.final({"val/loss": 0.5, "test/score": 0.25})
        run.end("KILLED")
        again = store.tracker.resume(run.id)
        again.metrics({"val/loss": 1.0}, 0)
        again.final({"val/loss": 0.5, "test/score": 0.25})
        again.end("FINISHED")
        assert values(store.reader.history(run.id, "val/loss")) == [(0, 1.0), (1, 0.5)]
        assert values(store.reader.history(run.id, "test/score")) == [(0, 0.25)]

    def test_nothing_can_be_logged_after_the_end(self, store: Store) -> None:
        run = start(store)
        run.end("FINISHED")
        run.end("FAILED")
        with pytest.raises(RuntimeError, match="has ended"):
            run.metrics({"val/loss": 1.0})
        assert store.reader.run(run.id).status == "FINISHED"

    def test_an_artifact_keeps_what_it_was_when_it_was_given(self, store: Store, tmp_path: Path) -> None:
        path = tmp_path / "note.txt"
        path.write_text("then")
        run = start(store)
        run.artifact(path)
        path.write_text("now")
        run.end("FINISHED")
        assert store.reader.fetch(run.id, "note.txt").read_text() == "then"

    @pytest.mark.parametrize("folder", ["../up", "/root", "a/../../b", "back\\slash"])
    def test_artifacts_stay_inside_the_run(self, store: Store, tmp_path: Path, folder: str) -> None:
        (tmp_path / "a.txt").write_text("a")
        run = start(store)
        with pytest.raises(ConfigError, match="inside the run"):
            run.artifact(tmp_path / "a.txt", folder)
        with pytest.raises(ConfigError, match="does not exist"):
            run.artifact(tmp_path / "b.txt")
        run.end("FINISHED")

    def test_runs_are_found_by_experiment_status_and_tags_newest_first(self, store: Store) -> None:
        experiment = f"search-{uuid.uuid4().hex[:8]}"
        made = []
        for index in range(5):
            run = start(store, experiment=experiment, tags={"dlcamp.kind": "even" if index % 2 == 0 else "odd"})
            run.end("FINISHED" if index < 3 else "FAILED")
            made.append(run.id)
            time.sleep(0.005)  # the store orders by milliseconds

        def ids(rows: list[RunRow]) -> list[str]:
            return [row.id for row in rows]

        reader = store.reader
        assert ids(reader.runs(experiment)) == made[::-1]
        assert ids(reader.runs(experiment, limit=2)) == made[:2:-1]
        assert ids(reader.runs(experiment, limit=0)) == []
        assert ids(reader.runs(experiment, status="FAILED")) == [made[4], made[3]]
        assert ids(reader.runs(experiment, tags={"dlcamp.kind": "odd"})) == [made[3], made[1]]
        assert ids(reader.runs(experiment, status="FINISHED", tags={"dlcamp.kind": "even"}, limit=1)) == [made[2]]
        assert reader.runs("no such experiment") == []
        assert ids(reader.runs())[:5] == made[::-1]

    def test_children_name_their_parent(self, store: Store) -> None:
        parent = start(store, experiment="family")
        child = start(store, experiment="family", parent=parent.id)
        child.end("FINISHED")
        parent.end("FINISHED")
        assert [row.id for row in store.reader.runs(tags={"dlcamp.parent": parent.id})] == [child.id]

    def test_a_run_answers_to_its_id_a_beginning_of_it_and_its_name(self, store: Store) -> None:
        name = f"answer-{uuid.uuid4().hex[:8]}"
        run = start(store, name)
        run.end("FINISHED")
        assert {store.reader.run(word).id for word in (run.id, run.id[:20], name)} == {run.id}
        with pytest.raises(UnknownName, match=f"did you mean '{name}'"):
            store.reader.run(name + "x")
        twin = start(store, name)
        twin.end("FINISHED")
        with pytest.raises(UserError, match=twin.id):
            store.reader.run(name)
        for word in ("", "x' OR 'a'='a", "%"):
            with pytest.raises(UnknownName):
                store.reader.run(word)

    def test_resuming_what_is_not_there_says_so(self, store: Store) -> None:
        with pytest.raises(UnknownName, match="unknown run"):
            store.tracker.resume("0" * 32)
