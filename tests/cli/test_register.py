"""`register` and `rollback` as a person at a shell meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["register", "NAME=purchase_odds", "FORCE=1"], "give it in words"),
        (["register", "NAME=purchase_odds", "IF_NOT_WORSE=-1"], "a number above 0"),
        (["register", "NAME=purchase_odds", "IF_NOT_WORSE=some"], "a number above 0"),
        (["register", "NAME=purchase_odds", "DATA=purchasse"], "did you mean 'purchases'"),
        (["register", "NAME=purchase_ods"], "did you mean 'purchase_odds'"),
        (["rollback", "NAME=purchase_odds", "DATA=scenes"], "unknown data set for purchase_odds"),
        (["rollback", "NAME=purchase_odds"], "nothing was ever run here"),
        (["rollback"], "rollback needs NAME"),
    ],
)
def test_a_mistake_exits_2_says_what_to_do_and_makes_no_store(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(fresh_home.iterdir())


def test_nothing_to_register_is_a_refusal_with_the_command_that_makes_a_run(
    capsys: pytest.CaptureFixture[str], store_home: Path
) -> None:
    assert main(["register", "NAME=purchase_odds"]) == 3
    assert "none was made yet\nmake one: make exp NAME=purchase_odds" in capsys.readouterr().err
    assert main(["register", "NAME=bench_features"]) == 2
    assert "saves no model" in capsys.readouterr().err


def test_to_roll_back_a_model_that_is_not_registered_names_how_to_register(
    capsys: pytest.CaptureFixture[str], store_home: Path
) -> None:
    assert main(["rollback", "NAME=purchase_odds"]) == 2
    assert "unknown registered model 'purchase_odds-purchases'" in capsys.readouterr().err
