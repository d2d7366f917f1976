"""The README says what the tree does."""

from __future__ import annotations

import re

import pytest

from dlcamp.cli.commands import BY_WORD, MAKE_ONLY, VARIABLES
from dlcamp.cli.list import markdown
from dlcamp.discovery import listing
from dlcamp.paths import REPOSITORY

README = (REPOSITORY / "README.md").read_text("utf-8")


def test_the_table_of_experiments_is_what_list_gives() -> None:
    table = "\n".join(markdown(list(listing(REPOSITORY).values())))
    assert table in README, f"put this into README.md:\n{table}"


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"^(?:\$ )?(?:make|\.venv/bin/python -m dlcamp) [^\n]*", README, re.M)))
)
def test_every_command_in_the_readme_exists_with_its_variables(line: str) -> None:
    command = line.split("#")[0].removeprefix("$ ").removeprefix("make ").removeprefix(".venv/bin/python -m dlcamp ")
    word = command.split()[0]
    assert word in BY_WORD or word in MAKE_ONLY
    given = set(re.findall(r"\b([A-Z]+)=", command))
    assert given <= (set(BY_WORD[word].variables) if word in BY_WORD else set())
    assert given <= VARIABLES.keys()


def test_every_picture_and_file_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target


def test_the_lock_has_hashes_and_names_no_index() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text("utf-8")
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", lock)


def test_the_lock_pins_every_dependency_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", (REPOSITORY / "requirements.lock").read_text("utf-8"), re.M))
    folded = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    missing = [w for w in wanted if re.sub(r"[-_.]+", "-", re.split(r"[~=<>\[ ]", w)[0]).lower() not in folded]
    assert not missing
