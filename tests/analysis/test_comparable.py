"""What may be compared: refused across data, warned about across commits, changed files and precisions."""

from __future__ import annotations

import pytest

from dlcamp.analysis.comparable import check
from dlcamp.errors import Refusal
from tests.analysis.made_cells import lost, made  # type: ignore[import-not-found]


def test_runs_that_differ_in_nothing_but_what_was_varied_raise_no_warning() -> None:
    assert check([*made("a", [1, 2]), *made("b", [3, 4])]) == []
    assert check([]) == []


def test_other_content_of_one_data_set_is_refused_and_names_who_has_which() -> None:
    with pytest.raises(Refusal, match="data that changed between them") as refused:
        check([*made("a", [1]), *made("b", [2], digest="sha256:2")])
    assert "digits (sha256:1): a" in str(refused.value)
    assert "digits (sha256:2): b" in str(refused.value)


def test_other_data_sets_are_refused() -> None:
    with pytest.raises(Refusal, match="several data sets"):
        check([*made("a", [1]), *made("b", [2], data="mnist", digest="sha256:2")])
    with pytest.raises(Refusal, match="several data sets"):
        check([*made("a", [1], digest=""), *made("b", [2], data="mnist", digest="")])


def test_one_content_under_two_names_is_one_data_set() -> None:
    assert check([*made("a", [1]), *made("b", [2], data="digits_again")]) == []


def test_runs_without_a_digest_are_unverified_and_not_refused() -> None:
    (line,) = check([*made("a", [1, 2]), *made("b", [3], digest="", data="")])
    assert line == "unverified data: 1 of 3 runs recorded no digest of the data (b)"


def test_commits_changed_files_and_precisions_are_said() -> None:
    lines = check([
        *made("a", [1, 2], commit="aaa"),
        *made("b", [3], commit="bbb+", precision="mixed_bfloat16"),
    ])  # fmt: skip
    assert lines == [
        "the runs come from 2 commits: aaa (2), bbb (1)",
        "1 of 3 runs ran with uncommitted changes",
        "the runs differ in precision: float32 (2), mixed_bfloat16 (1)",
    ]


def test_one_commit_with_and_without_changed_files_is_one_commit() -> None:
    assert check([*made("a", [1], commit="aaa"), *made("b", [2], commit="aaa+")]) == [
        "1 of 2 runs ran with uncommitted changes"
    ]


def test_failed_runs_do_not_count() -> None:
    assert check([*made("a", [1]), lost("b", 0, data="mnist", digest="sha256:9")]) == []
