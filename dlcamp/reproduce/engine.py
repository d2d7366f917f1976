"""reproduce(): the recorded code in a worktree, the recorded run again in its own process, and both compared."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from dlcamp.errors import UserError
from dlcamp.reproduce.causes import config, environment, fingerprint_parts
from dlcamp.reproduce.difference import TOLERANCE, Difference
from dlcamp.reproduce.process import Made, make_again
from dlcamp.reproduce.recorded import VERDICT_TAG, Recorded, recorded, reproductions
from dlcamp.reproduce.results import Compared, compare
from dlcamp.reproduce.verdict import Verdict, cause_lines
from dlcamp.reproduce.worktree import check_commit, code_state
from dlcamp.tracking.protocol import RunRow, Store
from dlcamp.tracking.provenance import provenance

RECORD = "reproduction.json"


def reproduce(store: Store, run: str, root: Path, say: Callable[[str], None], tolerance: float = TOLERANCE) -> Verdict:
    """Make a finished run again from what it recorded, and say whether it comes out the same.

    The reproduction is a run of its own in the same store, below the one it makes again, which is left as it is.
    Nothing picks it as a result: not the cache, not the registry, not a comparison.

    Args:
        run: id, unique beginning of an id, or name.
        root: a checkout of the repository that holds the run's commit.
        tolerance: relative, for numbers; 0: bit for bit.

    Raises:
        UserError: it cannot be reproduced here; the message says what lacks.
        RunFailed: it failed this time.
        RunInterrupted: SIGINT or SIGTERM.
    """
    of = recorded(store.reader, run)
    check_commit(root, of.commit)
    say(f"making {of.row.name} again: {of.code}, {of.row.tags.get('dlcamp.data', '')}, {_seed(of.row)}")
    surroundings = environment(of.provenance, provenance(root))
    for line in cause_lines(surroundings):
        say(line)
    with code_state(root, of.commit, of.patch) as tree:
        made = make_again(of, tree, _name(store, of.row))
    if not made.cache:
        raise UserError(
            f"{of.row.experiment} measures times, which are never the same: make exp NAME={of.row.experiment}"
        )
    causes = (*config(of.config, made.config), *fingerprint_parts(of.parts, made.parts), *surroundings)
    verdict = _judge(store, of, made, causes, tolerance)
    if verdict.again is not None:
        _keep(store, verdict)
    return verdict


def _judge(store: Store, of: Recorded, made: Made, causes: tuple[Difference, ...], tolerance: float) -> Verdict:
    if not made.run:
        return Verdict(of, None, causes, Compared(), tolerance)
    again = store.reader.run(made.run)
    return Verdict(of, again, causes, compare(store, of.row, again, tolerance), tolerance)


def _keep(store: Store, verdict: Verdict) -> None:
    """Write the verdict on the reproduction."""
    assert verdict.again is not None
    run = store.tracker.resume(verdict.again.id)
    run.tags({VERDICT_TAG: verdict.word})
    with tempfile.TemporaryDirectory(prefix="dlcamp-") as scratch:
        path = Path(scratch, RECORD)
        path.write_text(json.dumps(verdict.record(), ensure_ascii=False, indent=1), "utf-8")
        run.artifact(path)
    run.end("FINISHED")


def _name(store: Store, row: RunRow) -> str:
    """`caption_lstm-s0-3f9c-reproduced`, the next time with -2: the name of the run itself stays its own."""
    count = len(reproductions(store.reader, row))
    return f"{row.name}-reproduced" + (f"-{count + 1}" if count else "")


def _seed(row: RunRow) -> str:
    return f"seed {row.params['seed']}" if "seed" in row.params else "no seed"
