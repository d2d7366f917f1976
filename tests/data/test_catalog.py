"""The catalogue: every entry says what it is, under which terms, from where, and how it is known again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dlcamp.data.catalog import Entry, entries, entry
from dlcamp.errors import DataError, UnknownName
from dlcamp.paths import REPOSITORY
from dlcamp.references import locate

FETCHED = [one for one in entries().values() if not one.embedded]
REMOTES = [(one.name, file) for one in FETCHED for file in one.files if file.urls]


def test_the_catalogue_holds_what_the_experiments_need() -> None:
    assert list(entries()) == [
        "scenes", "purchases", "digits", "noisy_digits", "flickr8k", "mine", "mnist", "fashion_mnist", "sms_spam",
        "gtsrb",
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="did you mean 'flickr8k'"):
        entry("flicker8k")


@pytest.mark.parametrize("one", entries().values(), ids=lambda one: one.name)
def test_an_entry_has_terms_and_code_that_opens_it(one: Entry) -> None:
    assert one.title
    assert one.licence
    assert one.citation
    assert locate(REPOSITORY, one.source)
    assert one.embedded or (one.files and one.examine and locate(REPOSITORY, one.examine))


@pytest.mark.parametrize(("name", "file"), REMOTES, ids=[file.name for _, file in REMOTES])
def test_a_published_file_has_addresses_a_size_and_a_checksum(name: str, file) -> None:
    assert all(re.match(r"https?://[a-z0-9.-]+/\S+$", url) for url in file.urls)
    assert file.size
    assert file.gives
    assert file.certain
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "0" * 64)
    assert re.fullmatch(r"[0-9a-f]{32}", file.md5 or "0" * 32)
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256, _ in file.editions)


def test_plain_http_is_used_only_where_a_checksum_stands_beside_it() -> None:
    assert {file.name for _, file in REMOTES if any(url.startswith("http:") for url in file.urls)} == {
        file.name for file in entry("fashion_mnist").files
    }


def test_sizes_add_up_where_all_are_known() -> None:
    assert entry("flickr8k").download == 1_115_419_746 + 2_340_801
    assert entry("mine").download is None
    assert entry("scenes").download is None


@pytest.mark.parametrize("one", FETCHED, ids=lambda one: one.name)
def test_opening_what_was_not_fetched_says_how_to_fetch_it(one: Entry, fresh_home: Path) -> None:
    with pytest.raises(DataError, match=f"fetch it: make data DATA={one.name}"):
        one.open()


def test_the_catalogue_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'PIL', 'tensorflow', 'keras', 'mlflow', 'pandas', 'sklearn', 'scipy'}"
    program = f"import sys, dlcamp.data.catalog, dlcamp.data.fetch.obtain; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False).returncode == 0
