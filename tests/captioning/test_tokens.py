"""Tokens as the COCO caption evaluation counts them."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcamp.captioning.tokens import tokenize
from dlcamp.paths import REPOSITORY

FLICKR_TEXT = REPOSITORY.parent / "shared" / "data" / "Flickr8k_text.zip"


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("A small RED circle above a blue square.", "a small red circle above a blue square"),
        ("A dog's ball isn't red-and-white, it's 3.5 m (wide)!", "a dog 's ball is n't red-and-white it 's 3.5 m wide"),
        ("Mr. Smith at 10:30 a.m. in the U.S.", "mr. smith at 10:30 a.m. in the u.s."),
        ("The dogs' toys — “café” don’t", "the dogs toys café do n't"),
        ("They cannot; we'll wait ... 50% and/or 1,000", "they can not we 'll wait 50 % and/or 1,000"),
        ("Who came first.", "who came first"),
        ("", ""),
        (" ... -- !?", ""),
    ],
)
def test_a_caption_becomes_lower_case_words_without_punctuation(caption: str, tokens: str) -> None:
    assert tokenize(caption) == tokens.split()


@given(
    st.lists(st.sampled_from(["a", "Dog", "don't", "'s", "n't", ".", ",", '"', "u.s.", "t-shirt", "3.5", "-", "st"]))
)
def test_tokens_joined_by_blanks_give_the_same_tokens_again(words: list[str]) -> None:
    once = tokenize(" ".join(words))
    assert tokenize(" ".join(once)) == once


@given(st.text())
def test_any_text_gives_tokens_without_blanks_or_marks(text: str) -> None:
    for token in tokenize(text):
        assert token
        assert not any(mark.isspace() or mark in '"!?;()[]' for mark in token)


def test_the_module_loads_neither_nltk_nor_numpy() -> None:
    code = (
        "import sys, dlcamp.captioning.tokens; print([m for m in ('nltk', 'numpy', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.real_data
def test_the_published_tokens_of_flickr8k_are_kept_but_for_a_handful() -> None:
    if not FLICKR_TEXT.exists():
        pytest.skip(f"needs {FLICKR_TEXT.name} beside the checkout")
    lines = zipfile.ZipFile(FLICKR_TEXT).read("Flickr8k.token.txt").decode().splitlines()
    captions = [line.split("\t")[1] for line in lines]
    marks = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", '"', "(", ")"}
    other = sum(tokenize(text) != [word for word in text.lower().split() if word not in marks] for text in captions)
    assert other <= 0.0005 * len(captions)
