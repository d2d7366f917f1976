"""Captions to tokens, as captions are scored: lower case, Penn-Treebank-like, punctuation out.

The COCO caption evaluation runs Stanford's PTBTokenizer in Java and drops the punctuation from what it returns.
These rules give the same tokens for plain English captions and need neither Java nor a slow import; they are
idempotent, so that captions which were tokenised already ("the dog 's ball .") come out the same. Known
differences from the COCO evaluation: brackets are dropped (there they survive as "-lrb-" through a slip of case),
a slash stays "/" (there "\\/"), and a single initial loses its point ("j.").
"""

from __future__ import annotations

import re
import unicodedata

_CLITICS = r"'(?:s|m|d|re|ve|ll)"
_LETTERS = r"[^\W_]"

_TOKEN = re.compile(
    rf"""
      (?:mr|mrs|ms|dr|st|jr|sr|vs|mt)\.                # abbreviations keep their point
    | (?:[a-z]\.){{2,}}                                # u.s.  a.m.
    | {_CLITICS}(?!\w)                                 # 's standing alone, as in captions tokenised before
    | \d+(?:[.,:]\d+)+(?!\w)                           # 1,000  3.5  10:30
    | {_LETTERS}+(?:[-'/&]{_LETTERS}+)*                # t-shirt  o'clock  and/or  at&t
    | [$%&\#@+=£€]                                     # symbols, which the COCO evaluation keeps
    """,
    re.VERBOSE,
)
_CONTRACTION = re.compile(rf"(.+?)(n't|{_CLITICS})")
_JOINED = {
    "cannot": ["can", "not"],
    "gonna": ["gon", "na"],
    "gotta": ["got", "ta"],
    "wanna": ["wan", "na"],
    "gimme": ["gim", "me"],
    "lemme": ["lem", "me"],
}
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})


def tokenize(text: str) -> list[str]:
    """The tokens of one caption that count in a score.

    Args:
        text: a caption as people write it, or one whose tokens are separated by blanks already.

    Returns:
        Lower-case tokens without punctuation; empty when nothing is left.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    tokens: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        tokens.extend(_JOINED.get(token) or _split(token))
    return tokens


def _split(token: str) -> list[str]:
    """Penn Treebank contractions: "don't" is do n't, "dog's" is dog 's."""
    match = _CONTRACTION.fullmatch(token) if "'" in token else None
    return [*_split(match[1]), match[2]] if match else [token]
