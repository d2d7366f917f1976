"""Promotions and rollbacks killed at each of their writes: no half truth is told, and the next call ends them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from mlflow import MlflowClient

from dlcamp.registry.aliases import CHAMPION, PREVIOUS
from dlcamp.registry.browse import held_models
from dlcamp.registry.history import history, rollbacks, rolled_back
from dlcamp.registry.promote import Entry, enter, record_refusal
from dlcamp.registry.rescore import Rescored
from dlcamp.registry.rollback import rollback
from dlcamp.registry.verdict import Verdict
from dlcamp.tracking.models import DIGEST_TAG, MODEL_TAG, client_of
from dlcamp.tracking.protocol import RunRow
from tests.registry.judged import verdict
from tests.registry.registering import NAME, World, put

WRITES = (
    *("set_registered_model_alias", "delete_registered_model_alias", "set_registered_model_tag"),
    *("set_model_version_tag", "delete_model_version_tag", "update_model_version", "log_model_artifact"),
)


class Killed(BaseException):
    """Ends a call as a kill would: nothing catches it."""


@contextmanager
def killed_at(write: int) -> Iterator[None]:
    """The process ends instead of making this write (0: the first)."""
    left = [write]

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:

            def counted(*given: object, _real: object = getattr(MlflowClient, name), **named: object) -> object:
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
                return _real(*given, **named)  # type: ignore[operator]

            patch.setattr(MlflowClient, name, counted)
        yield


def promotion(world: World, run: RunRow, against: str) -> Verdict | None:
    """The run's model entered as champion; the third version."""
    model = run.tags[MODEL_TAG]
    digest = client_of(world.store).get_logged_model(model).tags[DIGEST_TAG]
    candidate = verdict(name=NAME, version="", run=run.id, digest=digest, against=None, when=time.time(), seconds=0.0)
    entry = Entry(world.experiment, model, Rescored([], {}), "rows", lambda one: f"card of {one.when}")
    return enter(world.store, candidate, entry, against)


def reset(world: World, champion: str, previous: str) -> None:
    client = client_of(world.store)
    client.set_registered_model_alias(NAME, CHAMPION, champion)
    client.set_registered_model_alias(NAME, PREVIOUS, previous)


def promotions(world: World) -> int:
    (held,) = (one for one in held_models(world.store) if one.name == NAME)
    told = [one for one in history(world.store, NAME) if one.outcome == "champion"]
    assert held.verdicts == history(world.store, NAME)
    return len(told)


def test_a_promotion_killed_at_any_write_has_happened_whole_or_not_at_all(world: World) -> None:
    put(world, 0.5)
    put(world, 0.6)
    run, client, seen = put(world, 0.7), client_of(world.store), set()
    for write in range(30):
        reset(world, "2", "1")
        before, done = promotions(world), False
        with suppress(Killed), killed_at(write):
            promotion(world, run, "2")
            done = True
        happened = world.titles()["champion"] == "3"
        assert promotions(world) == before + happened
        # the next call that takes the lock: judged against one that is not champion, it only settles
        assert promotion(world, run, "nobody") is None
        expected = {"champion": "3", "previous": "2"} if happened else {"champion": "2", "previous": "1"}
        assert world.titles() == expected
        assert promotions(world) == before + happened
        if happened:
            assert client.get_model_version(NAME, "3").description == f"card of {history(world.store, NAME)[-1].when}"
        assert not [tag for tag in client.get_model_version(NAME, "3").tags if "promotion" in tag]
        seen.add(happened)
        if done:
            break
    assert done
    assert seen == {True, False}


def test_a_rollback_after_a_killed_promotion_puts_back_the_one_that_had_to_go(world: World) -> None:
    run = _run(world, "3")
    reset(world, "2", "1")
    real = MlflowClient.set_registered_model_alias

    def killed(client: MlflowClient, name: str, alias: str, version: str) -> None:
        if alias == PREVIOUS:
            raise Killed
        real(client, name, alias, version)

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(MlflowClient, "set_registered_model_alias", killed)
        promotion(world, run, "2")
    assert world.titles() == {"champion": "3", "previous": "1"}
    done = rollback(world.store, NAME, by="ada")
    assert (done.titles, done.mended) == ({"champion": "2", "previous": "3"}, False)


def test_a_rollback_killed_at_any_write_is_gone_on_with_and_recorded_once(world: World) -> None:
    for write in range(10):
        reset(world, "3", "2")
        before, done = len(rollbacks(world.store, NAME)), False
        if before:  # 3 is champion again since the last rollback, by a promotion
            reset(world, "2", "3")
            assert promotion(world, _run(world, "3"), "2") is not None
        with suppress(Killed), killed_at(write):
            rollback(world.store, NAME, by="ada")
            done = True
        if done:
            break
        recorded = len(rollbacks(world.store, NAME)) - before
        again = rollback(world.store, NAME, by="bob")
        assert again.titles == {"champion": "2", "previous": "3"}
        assert (again.mended, again.record.by) == ((True, "ada") if recorded else (False, "bob"))
        assert len(rollbacks(world.store, NAME)) == before + 1
    assert done
    assert write >= 3


def test_a_promotion_first_carries_out_a_rollback_that_was_recorded(world: World) -> None:
    assert world.titles() == {"champion": "2", "previous": "3"}
    with suppress(Killed), killed_at(1):
        rollback(world.store, NAME, by="ada")
    assert world.titles()["champion"] == "2"
    assert promotion(world, put(world, 0.9), "2") is None, "it must be judged against 3, which is put back"
    assert world.titles() == {"champion": "3", "previous": "2"}
    assert rolled_back(world.store, NAME, _run(world, "2").id) is not None


def test_a_refusal_is_kept_with_the_run_where_no_model_was_registered_and_however_long(world: World) -> None:
    run = world.run(0.5, model=False)
    refused = verdict(name="never-registered", run=run.id, outcome="refused", version="", forced="why " * 2000)
    record_refusal(world.store, refused)
    (kept,) = world.store.reader.artifacts(run.id)
    assert kept.startswith("verdict-")
    assert json.loads(world.store.reader.fetch(run.id, kept).read_text("utf-8"))["forced"] == "why " * 2000


def _run(world: World, version: str) -> RunRow:
    return world.store.reader.run(str(client_of(world.store).get_model_version(NAME, version).run_id))
