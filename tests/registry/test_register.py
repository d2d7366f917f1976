"""The gate: what becomes champion, what challenger, what is refused and why. The tests of the world go on in order."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.data import catalog
from dlcamp.discovery import find, load
from dlcamp.errors import Refusal
from dlcamp.paths import REPOSITORY
from dlcamp.registry.aliases import CHAMPION, holder
from dlcamp.registry.history import history, rows_of
from dlcamp.registry.judge import config_of
from dlcamp.registry.judged_rows import ROWS_TAG
from dlcamp.registry.judgement import Asked
from dlcamp.registry.promote import Entry, enter
from dlcamp.registry.register import register
from dlcamp.registry.rescore import rescore
from dlcamp.registry.telling import told
from dlcamp.registry.verdict import Verdict
from dlcamp.runner import execute, prepare
from dlcamp.tracking import open_store
from dlcamp.tracking.models import client_of
from dlcamp.tracking.resolve import resolve_model
from tests.mlflow_server import MlflowServer
from tests.registry.registering import ITEMS, NAME, World, answer
from tests.tracking.conftest import mlflow_server

__all__ = ["mlflow_server"]

QUESTIONS = [
    *("finished", "eligible", "data", "name", "provenance"),
    *("model", "files", "signature", "example", "re-scored"),
]


def test_a_first_champion_must_beat_the_floor(world: World) -> None:
    weak = world.register(world.run(0.41))
    assert (weak.verdict.outcome, weak.version, world.titles()) == ("challenger", "1", {"challenger": "1"})
    assert answer(weak, "floor").startswith("no: +1.0 [")
    assert "the interval is not above zero" in answer(weak, "floor")
    good = world.register(world.run(0.7))
    assert [check.question for check in good.verdict.checks] == [*QUESTIONS, "floor"]
    assert all(check.passed for check in good.verdict.checks)
    assert (good.verdict.outcome, good.version) == ("champion", "2")
    assert good.verdict.against is not None
    assert (good.verdict.against.who, good.verdict.against.value) == ("floor", 0.4)
    assert world.titles() == {"champion": "2", "challenger": "1"}


def test_verdict_rows_and_card_are_kept_with_the_model_and_read_back(world: World) -> None:
    run = world.store.reader.run(history(world.store, NAME)[-1].run)
    folder = world.files(run)
    (kept,) = folder.glob("verdict-*.json")
    verdict = Verdict.from_json(kept.read_text("utf-8"))
    assert verdict == history(world.store, NAME)[-1]
    assert (verdict.outcome, verdict.version, verdict.by, verdict.judged_before) == ("champion", "2", "ada", 1)
    version = client_of(world.store).get_model_version(NAME, "2")
    assert version.description == (folder / "model_card.md").read_text("utf-8")
    assert f"version {verdict.version}" in version.description.splitlines()[0]
    rows = rows_of(world.store, NAME, "2")
    assert rows is not None
    assert (len(rows), sum(row["correct"] for row in rows)) == (ITEMS, 140)


def test_registering_the_champion_again_changes_nothing_and_says_so(world: World) -> None:
    again = world.register()
    assert (again.changed, again.version) == (False, "2")
    assert "is the champion already" in answer(again, "registered")
    assert len(history(world.store, NAME)) == 2


def test_one_that_is_not_better_is_kept_as_challenger_with_every_check_and_what_to_do(world: World) -> None:
    judged = world.register(world.run(0.69))
    assert (judged.verdict.outcome, world.titles()) == ("challenger", {"champion": "2", "challenger": judged.version})
    lines = told(judged)
    assert "does not become the champion of skilled-purchases; it is kept as the challenger" in lines[0]
    assert sum(line.startswith("  ok") for line in lines) == len(QUESTIONS)
    assert sum(line.startswith("  no  better") for line in lines) == 1
    assert "judged   2 other candidates on these items before; look number 3" in lines
    assert lines[-1].startswith("next     train a better one: make search NAME=skilled TRIALS=30; overrule: ")


def test_a_better_one_takes_over_and_the_champion_is_not_scored_again(world: World) -> None:
    champion = holder(client_of(world.store), NAME, CHAMPION)
    (kept,) = (world.files(world.store.reader.run(champion.run_id)) / "judged").iterdir()
    before = kept.stat().st_mtime_ns
    better = world.register(world.run(0.9))
    assert (better.verdict.outcome, world.titles()["previous"]) == ("champion", "2")
    against = better.verdict.against
    assert against is not None
    assert (against.who, against.version, against.items) == ("champion", "2", ITEMS)
    assert against.difference == pytest.approx(0.2)
    assert kept.stat().st_mtime_ns == before


def test_a_smaller_one_that_is_not_worse_by_the_margin_is_promoted_only_where_that_was_asked(world: World) -> None:
    small = world.run(0.895, parameters=100.0)
    judged = world.register(small, margin=0.03)
    assert judged.verdict.outcome == "champion"
    assert "smaller (cost/parameters 100 instead of 1,000)" in answer(judged, "better")


def test_dry_counts_the_look_and_changes_nothing_else(world: World) -> None:
    run, before, verdicts = world.run(0.95), world.titles(), history(world.store, NAME)
    dry = world.register(run, dry=True)
    assert (dry.verdict.outcome, dry.version, dry.dry) == ("champion", "", True)
    assert dry.looks is not None
    assert (world.titles(), history(world.store, NAME)) == (before, verdicts)
    assert not list(world.files(run).glob("verdict-*"))
    assert "would become the champion" in told(dry)[0]
    real = world.register(run)
    assert real.looks is not None
    assert (real.looks.times, real.looks.others) == (dry.looks.times + 1, dry.looks.others)


def test_missing_provenance_is_refused_and_a_reason_overrules_it(world: World) -> None:
    run = world.run(0.97, git_dirty="true")
    refused = world.register(run)
    assert (refused.verdict.outcome, refused.version) == ("refused", "")
    assert "with uncommitted changes, which were not recorded" in answer(refused, "provenance")
    assert answer(refused, "better").startswith("ok")
    assert history(world.store, NAME)[-1].outcome == "refused"
    (kept,) = (one for one in world.store.reader.artifacts(run.id) if one.startswith("verdict-"))
    assert Verdict.from_json(world.store.reader.fetch(run.id, kept).read_text("utf-8")) == refused.verdict
    forced = world.register(run, force="nobody else has this data")
    assert (forced.verdict.outcome, forced.verdict.forced) == ("champion", "nobody else has this data")
    assert "although the gate said no; ada: nobody else has this data" in "\n".join(told(forced))


def test_a_run_that_was_resumed_with_other_code_lacks_provenance(world: World) -> None:
    refused = world.register(world.run(0.98, fingerprint="mixed:0123+4567"), dry=True)
    assert refused.verdict.outcome == "refused"
    assert "resumed with other code" in answer(refused, "provenance")
    assert refused.overrulable


@pytest.mark.parametrize(
    ("question", "tags", "says"),
    [
        ("data", {"data_digest": "0" * 64}, "purchases has changed since: 0000"),
        ("eligible", {"preset": "smoke"}, "smoke runs never become a champion"),
        ("eligible", {"preset": "camp"}, "recipe and metric (camp) never"),
        ("eligible", {"never_champion": "runs with a substituted encoder"}, "runs with a substituted encoder never"),
        ("model", {"model_id": "m-00000000000000000000000000000000"}, "gone from the store"),
    ],
)
def test_what_no_reason_overrules_is_refused_before_anything_is_loaded(
    world: World, question: str, tags: dict[str, str], says: str
) -> None:
    titles, run = world.titles(), world.run(0.99, model="model_id" not in tags, **tags)
    refused = world.register(run, force="please")
    assert refused.verdict.outcome == "refused"
    assert says in answer(refused, question)
    assert "not made" in answer(refused, "re-scored")
    assert answer(refused, "finished").startswith("ok")
    assert f"never: {question}" in refused.note
    assert world.titles() == titles


def test_altered_files_are_refused_whatever_the_reason(world: World) -> None:
    run = world.run(0.99)
    next(world.files(run).rglob("weights.json")).write_text('{"a": 0.999}', "utf-8")
    refused = world.register(run, force="please")
    assert (refused.verdict.outcome, refused.kind) == ("refused", "row")
    assert "altered since they were stored" in answer(refused, "files")
    assert answer(refused, "signature") == "ok: row (a) -> prediction"
    (world.files(run) / "MLmodel").write_text("flavors: {python_function: {}", "utf-8")
    assert "cannot be read" in answer(world.register(run), "files")


@pytest.mark.parametrize("part", ["MLmodel", "requirements.txt", "code/own.py"])
def test_files_altered_around_the_predictor_are_refused_too(world: World, part: str) -> None:
    run = world.run(0.99)
    with (world.files(run) / part).open("a", encoding="utf-8") as file:
        file.write("\n# altered\n")
    refused = world.register(run, force="please")
    assert refused.verdict.outcome == "refused"
    assert "altered since they were stored: digest of all files" in answer(refused, "files")


def test_the_champion_again_is_refused_where_its_files_were_altered(world: World) -> None:
    run = world.store.reader.run(holder(client_of(world.store), NAME, CHAMPION).run_id)
    (world.files(run) / "code/own.py").write_text("altered = True\n", "utf-8")
    with pytest.raises(Refusal, match="its files were altered: digest of all files") as error:
        world.register(run)
    assert "make rollback NAME=skilled" in str(error.value)
    (world.files(run) / "code/own.py").unlink()
    assert not world.register(run).changed
    shutil.move(world.files(run) / "MLmodel", world.root / "MLmodel")
    with pytest.raises(Refusal, match="no MLmodel file"):
        world.register(run)
    shutil.move(world.root / "MLmodel", world.files(run) / "MLmodel")


def test_a_value_that_does_not_come_out_again_is_refused(world: World) -> None:
    refused = world.register(world.run(0.98, logged=0.985))
    assert "val/accuracy is 0.98 in a new process, the run logged 0.985" in answer(refused, "re-scored")
    assert answer(refused, "better") == "no: not made: the score is not to be trusted"


def test_a_name_that_is_another_ones_is_refused(world: World) -> None:
    digest = catalog.entry("digits").open().digest
    run = world.run(0.9, data="digits", data_digest=digest)
    client_of(world.store).create_registered_model("skilled-digits", tags={"team": "vision"})
    refused = world.register(run)
    assert "skilled-digits was not made by dlcamp" in answer(refused, "name")
    assert "give the other model another name" in refused.to_do
    assert client_of(world.store).get_registered_model("skilled-digits").tags == {"team": "vision"}


def test_a_champion_of_other_data_is_not_compared_with_unless_it_is_scored_on_the_present(world: World) -> None:
    client, champion = client_of(world.store), holder(client_of(world.store), NAME, CHAMPION)
    client.set_model_version_tag(NAME, champion.version, "dlcamp.data_digest", "f" * 64)
    own = world.register(world.store.reader.run(champion.run_id))
    assert "has changed since it was registered" in own.note
    assert "RESCORE=1" in own.note
    client.set_model_version_tag(NAME, champion.version, ROWS_TAG, "rows of the data of then")
    assert (
        "on the data of now val/accuracy is"
        in world.register(world.store.reader.run(champion.run_id), rescore=True).note
    )
    rows = rows_of(world.store, NAME, str(champion.version))
    assert rows is not None
    assert len(rows) == ITEMS
    run = world.run(0.995)
    judged = world.register(run)
    assert (judged.verdict.outcome, judged.verdict.against) == ("challenger", None)
    assert "was trained and judged on other content of purchases" in answer(judged, "better")
    assert "RESCORE=1" in judged.to_do
    assert answer(world.register(run, rescore=True, dry=True), "better").startswith("ok: +2.5 [")
    client.set_model_version_tag(NAME, champion.version, "dlcamp.data_digest", catalog.entry("purchases").open().digest)


def test_what_was_cut_off_before_the_alias_moved_has_not_happened_and_registering_goes_on(world: World) -> None:
    run, champion = world.run(1.0), world.titles()["champion"]
    model, config = run.tags["dlcamp.model_id"], config_of(run)
    found = rescore(world.files(run), world.experiment, config, "purchases")
    verdict = Verdict.from_json(
        json.dumps({**json.loads(history(world.store, NAME)[0].to_json()), "run": run.id, "outcome": "champion"})
    )

    def killed(_: Verdict) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enter(world.store, verdict, Entry(world.experiment, model, found, "key", killed), champion)
    assert world.titles()["champion"] == champion
    there, verdicts = world.versions(), len(history(world.store, NAME))
    assert world.register(run).verdict.outcome == "champion"
    assert (world.versions(), len(history(world.store, NAME))) == (there, verdicts + 1)


def test_of_two_promotions_at_once_the_second_is_judged_against_the_first(world: World) -> None:
    client = client_of(world.store)
    client.set_registered_model_alias(NAME, CHAMPION, "2")
    runs = [world.run(0.85), world.run(0.99)]
    with ThreadPoolExecutor(2) as both:
        good, best = both.map(world.register, runs)
    assert best.verdict.outcome == "champion"
    assert world.titles()["champion"] == best.version
    rivals = {one.verdict.against.version for one in (good, best) if one.verdict.against}
    assert "2" in rivals
    assert len(rivals) == 2, "one of them met the other"


@pytest.mark.slow
def test_a_server_registers_too(mlflow_server: MlflowServer, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    store, purchase_odds = open_store(), load(find(REPOSITORY, "purchase_odds"))
    asked = Given({"NAME": "purchase_odds", "SET": "solver=liblinear C=10"})
    row = execute(prepare(request(asked, REPOSITORY), REPOSITORY), store, lambda _: None).row
    assert register(store, purchase_odds, "purchases", asked=Asked(force="a checkout in the making")).version == "1"
    assert resolve_model(store, "purchase_odds@champion")[0] == f"models:/{row.tags['dlcamp.model_id']}"
    rows = rows_of(store, "purchase_odds-purchases", "1")
    assert rows is not None
    assert len(rows) == 6
