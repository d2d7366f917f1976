"""The previous champion comes back, which can be undone, is recorded, and does not go away by itself again."""

from __future__ import annotations

import pytest

from dlcamp.errors import Refusal, UnknownName
from dlcamp.registry.aliases import CHAMPION, PREVIOUS
from dlcamp.registry.history import ROLLBACK_TAG, rollbacks, rolled_back
from dlcamp.registry.rollback import rollback
from dlcamp.tracking.models import client_of
from tests.registry.registering import NAME, World, answer, put


def test_an_unknown_model_and_a_first_champion_cannot_be_rolled_back(world: World) -> None:
    with pytest.raises(UnknownName, match="make register NAME"):
        rollback(world.store, NAME, by="ada")
    put(world, 0.6)
    with pytest.raises(Refusal, match="has no champion\nmake one: make register NAME=skilled"):
        rollback(world.store, NAME, by="ada")
    client_of(world.store).set_registered_model_alias(NAME, CHAMPION, "1")
    with pytest.raises(Refusal, match="no previous champion to put back: version 1 is the first one"):
        rollback(world.store, NAME, by="ada")


def test_it_swaps_champion_and_previous_is_recorded_and_undone_by_another(world: World) -> None:
    run = put(world, 0.9)
    client_of(world.store).set_registered_model_alias(NAME, CHAMPION, "2")
    client_of(world.store).set_registered_model_alias(NAME, PREVIOUS, "1")
    done = rollback(world.store, NAME, by="ada", why="it swears")
    assert (done.titles, done.mended) == ({"champion": "1", "previous": "2"}, False)
    (record,) = rollbacks(world.store, NAME)
    assert (record.back_to, record.instead_of, record.by, record.why) == ("1", "2", "ada", "it swears")
    assert rolled_back(world.store, NAME, run.id) == record
    rollback(world.store, NAME, by="bob")
    assert world.titles() == {"champion": "2", "previous": "1"}
    assert rolled_back(world.store, NAME, run.id) is None


def test_what_was_rolled_back_returns_only_by_name(world: World) -> None:
    rollback(world.store, NAME, by="ada", why="it swears")
    judged = world.register(force="please")
    assert (judged.verdict.outcome, world.titles()["champion"]) == ("refused", "1")
    assert "never: rollback" in judged.note
    assert answer(judged, "rollback") == "no: version 2 was rolled back by ada: it swears"
    named = world.register(world.store.reader.run(judged.verdict.run))
    assert (named.verdict.outcome, world.titles()["champion"]) == ("champion", "2")
    assert rolled_back(world.store, NAME, judged.verdict.run) is None


def test_one_that_was_cut_off_is_brought_to_its_end(world: World) -> None:
    client, before = client_of(world.store), world.titles()
    done = rollback(world.store, NAME, by="ada")
    client.set_registered_model_alias(NAME, PREVIOUS, done.titles["champion"])  # as after a kill between the two
    again = rollback(world.store, NAME, by="ada")
    assert again.mended
    assert again.titles == {"champion": before["previous"], "previous": before["champion"]}
    tags = client.get_registered_model(NAME).tags
    assert sum(name.startswith(ROLLBACK_TAG) for name in tags) == len(rollbacks(world.store, NAME))


def test_altered_files_are_not_put_back(world: World) -> None:
    before = world.titles()
    version = client_of(world.store).get_model_version(NAME, before["previous"])
    next(world.files(world.store.reader.run(version.run_id)).rglob("weights.json")).write_text("{}", "utf-8")
    with pytest.raises(Refusal, match="is not put back: its files were altered"):
        rollback(world.store, NAME, by="ada")
    assert world.titles() == before
