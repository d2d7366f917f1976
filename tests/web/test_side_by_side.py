"""Two models on the same items: counted on all, shown where they differ most."""

from __future__ import annotations

from typing import Any

from dlcamp.web.side_by_side import side_by_side

Rows = list[dict[str, Any]]


def rows(*answers: tuple[str, float], **shared: Any) -> Rows:
    """Rows of a captioner: what it says of items 0, 1, 2, ... and what that scores."""
    return [{"item": str(n), "output": said, "cider": score, **shared} for n, (said, score) in enumerate(answers)]


FIRST = rows(("a dog", 1.0), ("a cat", 2.0), ("a bird", 0.5), ("a man", 1.0))
SECOND = rows(("a dog", 1.0), ("a cow", 0.5), ("two birds", 0.75), ("a woman", 3.0))


def test_the_largest_differences_come_first_and_equal_answers_never() -> None:
    found = side_by_side(FIRST, SECOND, "maximize val/cider")
    assert [pair.item for pair in found.pairs] == ["3", "1", "2"]
    assert [pair.shown for pair in found.pairs] == ["+2", "−1.5", "+0.25"]
    assert (found.items, found.same, found.first_better, found.second_better, found.score) == (4, 1, 1, 2, "cider")
    assert (found.pairs[0].first.output, found.pairs[0].second.output) == ("a man", "a woman")


def test_each_side_can_be_asked_for_and_what_is_left_out_is_counted() -> None:
    assert [pair.item for pair in side_by_side(FIRST, SECOND, "maximize val/cider", "first").pairs] == ["1"]
    better = side_by_side(FIRST, SECOND, "maximize val/cider", "second", most=1)
    assert ([pair.item for pair in better.pairs], better.more) == (["3"], 1)


def test_where_less_is_better_the_sign_turns() -> None:
    first, second = ([{"item": "a", "output": n, "loss": 1.0 - n / 2}] for n in (0, 1))
    (pair,) = side_by_side(first, second, "minimize val/loss").pairs
    assert pair.difference == 0.5


def test_rows_are_paired_by_item_whatever_their_order() -> None:
    found = side_by_side(FIRST, SECOND[::-1][:2], "maximize val/cider")
    assert (found.items, [pair.item for pair in found.pairs]) == (2, ["3", "2"])
    nothing = side_by_side(FIRST, [], "maximize val/cider")
    assert (nothing.items, nothing.pairs) == (0, ())


def test_items_without_scores_are_ordered_by_their_outputs() -> None:
    first, second = ([{"item": n, "output": p, "bought": 1} for n, p in zip("abc", ps, strict=True)] for ps in PAIRS)
    found = side_by_side(first, second, "minimize val/log_loss")
    assert (found.score, [pair.item for pair in found.pairs]) == ("", ["c", "b"])
    assert found.pairs[0].difference is None
    assert found.pairs[0].facts == (("bought", "1"),)


PAIRS = ((0.5, 0.5, 0.5), (0.5, 0.6, 0.9))


def test_truth_and_its_reason_are_told_and_scores_that_are_no_numbers_are_not() -> None:
    first = rows(("a", 1.0), truthful=False, reason="there are two")
    second = rows(("b", float("nan")), truthful=True, reason="")
    (pair,) = side_by_side(first, second, "maximize val/cider").pairs
    assert (pair.first.truthful, pair.first.reason, pair.first.score) == (False, "there are two", "")
    assert (pair.second.truthful, pair.second.reason) == (True, "")
