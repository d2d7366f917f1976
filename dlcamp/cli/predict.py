"""`predict`: what a champion, or any stored model, says of files, rows or texts.

    make predict NAME=caption_lstm INPUT=photos/                 a caption a line
    make predict NAME=purchase_odds INPUT=rows.csv FORMAT=csv    for elsewhere; json too

Answers go to stdout as they are ready, everything else to stderr. An input that cannot be read is named there, and in
the column `error` of csv and json; the others are answered. The exit code is 2 when none could be.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dlcamp.cli.commands import Given
from dlcamp.errors import UnknownName, UserError
from dlcamp.registry.inputs import check, inputs_of

if TYPE_CHECKING:
    from dlcamp.registry.predict import Prediction, StoredModel

FORMATS = ("text", "csv", "json")
_MANY = 64  # inputs from which on a bar is worth drawing


def run(given: Given, root: Path) -> int:
    """Find the model, read what INPUT names, and print the answers."""
    form, asked, name = given.get("FORMAT") or FORMATS[0], str(given.get("INPUT")), str(given.get("NAME"))
    if form not in FORMATS:
        raise UnknownName("FORMAT", form, FORMATS)
    check(asked)
    from dlcamp.tracking import open_existing_store

    store = open_existing_store(say=_remark)
    if store is None:
        raise UserError("there is no model yet; train one and register it: make exp NAME=caption_lstm")
    from dlcamp.registry.predict import Prediction, predictions, reference, stored
    from dlcamp.tracking import Terminal, captured_output

    ref = reference(store, root, name, given.get("DATA"), given.get("VERSION"))
    with stored(store, ref) as model:
        inputs = inputs_of(model.kind, asked, model.columns, ref, sys.stdin.buffer.read)
        _remark(_origin(model) + (f"\n{inputs.remark}" if inputs.remark else ""))
        terminal, found = Terminal.standard(), list[Prediction]()
        # TensorFlow greets on the terminal whatever it is told; its lines are kept where a bug would be looked for
        with _own_stdout() as out, captured_output(store.folder / "predict.log", terminal):
            bar = len(inputs.items) > _MANY and not out.isatty()
            shown = terminal.progress(len(inputs.items), "predicting", model.kind) if bar else nullcontext()
            with shown as progress:
                answers = _noted(predictions(model.load, inputs.items), found, progress)
                _write(_lines(answers, form, model), out)
    _tell(found, model)
    return 2 if all(one.error for one in found) else 0


def _noted(answers: Iterable[Prediction], found: list[Prediction], progress: Any) -> Iterator[Prediction]:
    """The same answers; what a person is told of them at the end is kept in `found`."""
    for one in answers:
        found.append(one)
        if progress is not None:
            progress.advance()
        yield one


def _write(lines: Iterable[str], out: IO[str]) -> None:
    """Each line as soon as it is there; a full disk is an error, and a reader that has gone ends the work."""
    try:
        for line in lines:
            out.write(line)
            out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"the answers cannot be written: {error.strerror or error}") from error


@contextmanager
def _own_stdout() -> Iterator[IO[str]]:
    """Where stdout leads now, while the descriptor is turned elsewhere."""
    from dlcamp.tracking.progress import own_copy

    before = sys.stdout
    out = own_copy(before)
    try:
        yield out
    finally:
        if out is not before:
            with suppress(OSError):  # said already, when it was written to
                out.close()


def _lines(answers: Iterable[Prediction], form: str, model: StoredModel) -> Iterator[str]:
    if form == "text":
        return (f"{one.name}: {_shown(one.output)}\n" for one in answers if one.error is None)
    records = (_record(one, model) for one in answers)
    return _csv(records, model) if form == "csv" else _json(records)


def _record(one: Prediction, model: StoredModel) -> dict[str, Any]:
    """One row of csv or json: input, the outputs, how novel an image is, error."""
    said = one.output if isinstance(one.output, Mapping) else {model.outputs[0]: one.output}
    novelty = {"novelty": one.novelty} if model.kind == "image" else {}
    error = one.error.splitlines()[0] if one.error else None
    return {"input": one.name, **{name: said.get(name) for name in model.outputs}, **novelty, "error": error}


def _csv(records: Iterable[Mapping[str, Any]], model: StoredModel) -> Iterator[str]:
    novelty = ["novelty"] if model.kind == "image" else []
    text = io.StringIO()
    table = csv.DictWriter(text, ["input", *model.outputs, *novelty, "error"], lineterminator="\n")
    table.writeheader()
    for record in records:
        table.writerow(record)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _json(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A list of objects, one a line."""
    begun = "[\n"
    for record in records:
        yield begun + json.dumps(record, ensure_ascii=False, default=lambda value: value.item())
        begun = ",\n"
    yield "\n]\n"


def _shown(output: Any) -> str:
    if isinstance(output, Mapping):
        return ", ".join(f"{name} {_shown(value)}" for name, value in output.items())
    return f"{output:.4g}" if isinstance(output, float) else str(output)


def _origin(model: StoredModel) -> str:
    if model.run is None:
        return model.ref
    return f"{model.ref}, run {model.run.name}" + (f", trained on {model.trained_on}" if model.trained_on else "")


def _tell(found: list[Prediction], model: StoredModel) -> None:
    """What is to be known besides the answers."""
    from dlcamp.registry.captions import beware

    errors = [one.error.splitlines()[0] for one in found if one.error]
    if errors:
        _remark(f"{len(errors)} of {len(found)} could not be answered:")
    for error in errors:
        _remark(f"  {error}")
    warning = beware([(one.name, one.novel) for one in found], model.trained_on or "what it was trained on")
    if warning:
        _remark(warning)


def _remark(line: str) -> None:
    """A line for the person, beside the answers."""
    print(line, file=sys.stderr, flush=True)
