"""Words, variables and exit codes, as a person at a shell meets them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlcamp.cli.commands import BY_WORD, parse
from dlcamp.cli.exp import assignments
from dlcamp.cli.main import main
from dlcamp.discovery import find, load
from dlcamp.errors import ConfigError, UnknownName, UserError
from dlcamp.paths import REPOSITORY


def test_assignments_are_split_as_a_shell_would() -> None:
    assert assignments("epochs=12 title='two words' a.b=1e-4") == {"epochs": "12", "title": "two words", "a.b": "1e-4"}


@pytest.mark.parametrize("text", ["epochs", "=3", "a=1 a=2", "a='open"])
def test_what_is_no_assignment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="SET"):
        assignments(text)


def test_a_variable_no_word_knows_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'SEED'"):
        parse(BY_WORD["exp"], ["NAME=x", "SEED0=1"])
    with pytest.raises(UserError, match="given twice"):
        parse(BY_WORD["exp"], ["NAME=x", "NAME=y"])
    with pytest.raises(UserError, match="needs NAME"):
        parse(BY_WORD["describe"], [])
    with pytest.raises(UserError, match="takes VARIABLE=value"):
        parse(BY_WORD["list"], ["captioning"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exp", "NAME=caption_lsmt"], "did you mean 'caption_lstm'"),
        (["exp", "NAME=caption_lstm", "SET=epoch=3"], "did you mean 'epochs'"),
        (["exp", "NAME=caption_lstm", "SET=epochs=0"], "1 to 1000"),
        (["exp", "NAME=caption_lstm", "PRESET=smokey"], "did you mean 'smoke'"),
        (["exp", "NAME=caption_lstm", "DATA=scene"], "did you mean 'scenes'"),
        (["exp", "NAME=caption_lstm", "FORCE=maybe"], "FORCE=1"),
        (["exp"], "needs NAME"),
        (["describe", "NAME=nothing_like_it"], "unknown experiment"),
        (["runz"], "did you mean 'runs'"),
        (["test"], "make test"),
        (["ui", "PORT=web"], "1 to 65535"),
        (["list", "CHAPTER=basic"], "did you mean 'basics'"),
        (["new", "NAME=Bad-Name", "CHAPTER=basics"], "lower case"),
        (["new", "NAME=caption_lstm", "CHAPTER=basics"], "already"),
        (["allow", "test", "SEED=1"], "takes no variables"),
    ],
)
def test_a_mistake_exits_2_and_says_what_to_do(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(fresh_home.iterdir())


def test_words_on_an_empty_store_say_so_and_make_none(capsys: pytest.CaptureFixture[str], fresh_home: Path) -> None:
    assert main(["runs"]) == 0
    assert main(["doctor"]) == 0
    assert main(["show", "RUN=nothing"]) == 2
    assert "no runs yet" in capsys.readouterr().out
    assert not list(fresh_home.iterdir())


def test_dry_shows_every_value_with_its_origin_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    assert main(["exp", "NAME=purchase_odds", "SET=C=10", "SEED=4", "DRY=1", "EXPLAIN=1"]) == 0
    shown = capsys.readouterr().out
    assert "10.0" in shown
    assert "SET" in shown
    assert "would run" in shown
    assert not list(fresh_home.iterdir())


def test_a_run_is_listed_shown_and_taken_from_the_cache(capsys: pytest.CaptureFixture[str], store_home: Path) -> None:
    assert main(["exp", "NAME=purchase_odds", "NOTE=first try", "TAGS=try"]) == 0
    assert "0.84911" in capsys.readouterr().out
    assert main(["exp", "NAME=purchase_odds"]) == 0
    assert "from the cache" in capsys.readouterr().out
    assert main(["runs", "NAME=purchase_odds"]) == 0
    name = capsys.readouterr().out.split()[0]
    assert main(["show", f"RUN={name}"]) == 0
    shown = capsys.readouterr().out
    assert "first try" in shown
    assert "boundary.png" in shown
    assert main(["exp", "NAME=purchase_odds", "EXPLAIN=1", "DRY=1"]) == 0
    assert "nothing changed" in capsys.readouterr().out


@pytest.fixture
def copy_of_repository(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    for name in ("dlcamp", "experiments", "configs", "Makefile", "requirements.lock"):
        source = REPOSITORY / name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignore) if source.is_dir() else shutil.copy(source, folder / name)
    return folder


def test_a_new_experiment_is_listed_and_runs_at_once(copy_of_repository: Path, store_home: Path) -> None:
    def dlcamp(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dlcamp", *arguments]
        return subprocess.run(command, cwd=copy_of_repository, capture_output=True, text=True, check=False)

    made = dlcamp("new", "NAME=my_question", "CHAPTER=basics")
    assert made.returncode == 0, made.stderr
    assert "my_question" in dlcamp("list").stdout
    done = dlcamp("exp", "NAME=my_question", "PRESET=smoke")
    assert done.returncode == 0, done.stderr
    assert "FINISHED" in done.stdout
    assert dlcamp("new", "NAME=my_question", "CHAPTER=basics").returncode == 2


def test_the_keras_script_of_the_readme_becomes_an_experiment_that_runs(
    copy_of_repository: Path, store_home: Path
) -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8").partition("```diff\n")[2].partition("```")[0]
    lines = text.splitlines()[2:]
    before = "\n".join(line[1:] for line in lines if line.startswith("-"))
    after = "\n".join(line[1:] for line in lines if line.startswith("+"))
    compile(before, "digits_mlp.py", "exec")
    target = copy_of_repository / "experiments" / "deep_networks" / "digits_mlp.py"
    target.parent.mkdir(exist_ok=True)
    target.write_text(after + "\n", "utf-8")
    command = [sys.executable, "-m", "dlcamp", "exp", "NAME=digits_mlp", "SET=epochs=2 units=32"]
    done = subprocess.run(command, cwd=copy_of_repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "val/accuracy" in done.stdout


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def test_make_passes_variables_as_they_were_typed(copy_of_repository: Path) -> None:
    bin_folder = copy_of_repository / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").write_text('#!/bin/sh\nfor a in "$@"; do echo "[$a]"; done\n')
    (bin_folder / "python").chmod(0o755)
    (copy_of_repository / ".venv" / ".ready").write_text("built")
    note = """it's "wide"; $HOME `id` $(id) 100% \\ &"""
    shown = make(copy_of_repository, "exp", "SET=epochs=12 units=512", f"NOTE={note}").stdout
    assert "[SET=epochs=12 units=512]" in shown
    assert f"[NOTE={note}]" in shown
    assert "[RUN=a-name]" in make(copy_of_repository, "show", "RUN=a-name").stdout
    every = [f"{name}=x" for name in BY_WORD["exp"].variables]
    shown = make(copy_of_repository, "exp", *every).stdout
    assert all(f"[{given}]" in shown for given in every)
    assert "[expp]" in make(copy_of_repository, "expp").stdout


def test_without_python_311_make_names_the_fix(copy_of_repository: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = make(copy_of_repository, "list", PATH=str(tools))
    assert done.returncode == 2
    assert "needs Python 3.11" in done.stderr
    assert "apt install python3.11" in done.stderr


def test_the_next_command_names_the_data_set_where_it_is_not_the_default() -> None:
    from dlcamp.cli.ending import _on_its_data
    from dlcamp.tracking.protocol import RunRow

    experiment = load(find(REPOSITORY, "caption_lstm"))

    def shown(data: str) -> str:
        row = RunRow(
            "1" * 32, "caption_lstm-s0-1234", "caption_lstm", "FINISHED", 0.0, 1.0, {}, {}, {"dlcamp.data": data}
        )
        return _on_its_data(experiment.next, row, experiment)

    assert shown("scenes") == experiment.next
    assert "make register NAME=caption_lstm DATA=flickr8k" in shown("flickr8k")
    assert "caption_lstm-flickr8k@champion" in shown("flickr8k")
