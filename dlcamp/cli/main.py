"""Find the word, read its variables, run it, and end with the right exit code: 0, 1 (run), 2 (user), 3 (gate)."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from dlcamp.cli.commands import BY_WORD, MAKE_ONLY, parse
from dlcamp.errors import DlcampError, UnknownName, UserError
from dlcamp.paths import REPOSITORY


def main(arguments: Sequence[str]) -> int:
    """Run one word; returns the exit code. A bug of ours keeps its traceback."""
    # TensorFlow greets on stderr; a user who wants to read that sets the variable
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return _dispatch(list(arguments))
    except DlcampError as error:
        sys.stdout.flush()
        print(f"{'refused' if error.exit_code == 3 else 'error'}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader (a pager, head) has gone; keep Python from complaining at exit
        sys.stderr.close()
        return 0


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help"}:
        arguments = ["help"]
    word, *rest = arguments
    if "--help" in rest or "-h" in rest:
        word, rest = "help", [f"WORD={word}"]
        return _help_of(rest[0].partition("=")[2])
    if word == "allow":
        return _allow(rest)
    if word not in BY_WORD:
        if word in MAKE_ONLY:
            raise UserError(f"{word} is make's: make {word}")
        raise UnknownName("command", word, [*BY_WORD, *MAKE_ONLY], "see: make help")
    given = parse(BY_WORD[word], rest)
    code: int = importlib.import_module(f"dlcamp.cli.{word}").run(given, REPOSITORY)
    return code


def _help_of(word: str) -> int:
    from dlcamp.cli.help import one_word

    if word not in BY_WORD:
        raise UnknownName("command", word, BY_WORD, "see: make help ALL=1")
    print(one_word(BY_WORD[word]))
    return 0


def _allow(arguments: list[str]) -> int:
    """Make's own targets (test, check) take no variables; make asks here before they start."""
    word, *variables = arguments
    if variables:
        name = variables[0].partition("=")[0]
        raise UserError(f"`make {word}` takes no variables, got {name}")
    return 0
