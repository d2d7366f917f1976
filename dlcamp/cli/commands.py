"""Every word of the command line: what it does and which variables it knows. Importing this loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dlcamp.errors import UnknownName, UserError

VARIABLES = {
    "ALL": "1: show everything",
    "CHAPTER": "a folder under experiments/",
    "CONTINUE": "1: go on with a search although its code, data or packages changed",
    "DATA": "a data set of the experiment (default: the embedded one), or those to fetch",
    "DRY": "1: say what would happen, do nothing",
    "ENGINE": "optuna (default) or keras_tuner",
    "EXPLAIN": "1: say what changed since the last finished run",
    "FEATURES": "1: feature caches that are in use may go too; they are computed again",
    "FIX": "1: mend what was found",
    "FORCE": "1: run or fetch again although nothing changed; of register: why the gate is overruled",
    "FORMAT": "csv or json (compare: latex too); default for reading",
    "FROM": "where the files are: a folder, a file or a URL",
    "IF_NOT_WORSE": "0.015: a smaller or faster model may be worse by so much",
    "INPUT": "a JPEG or PNG file, a folder, a .csv, .json or .txt file, a text, or - for stdin",
    "METRIC": "a final metric: test/accuracy",
    "NAME": "an experiment (see: make list)",
    "NAMES": "experiments, or experiment:variant; the first is the baseline where none is declared",
    "NOTE": "a remark kept with the run",
    "OBJECTIVES": "what is searched for: val/cider:max,cost/parameters:min; default the experiment's objective",
    "OLDER": "days that interrupted runs can still be gone on with; default 7",
    "PORT": "where MLflow is served; default 5000; the dashboard is one higher",
    "PRESET": "a named override in the experiment's yaml",
    "PRUNER": "median (default), hyperband or none: which trials are given up early",
    "REPLICATE": "run the so many best configs and the defaults again on new seeds, and write the preset best",
    "RESCORE": "1: score a champion whose data changed on the present data",
    "RESUME": "an interrupted run, by name or id",
    "RUN": "a run, by name or id",
    "SAMPLER": "tpe (default), random, grid or gp: who proposes the trials",
    "SEED": "one run with this seed; default 0",
    "SEEDS": "several runs: 5 means seeds 0 to 4, 3,7 those two",
    "SET": 'config values: "epochs=12 units=512"',
    "SPACE": "fields to search: units,learning_rate; default every one that has a space",
    "TAGS": "labels kept with the run: try,wide",
    "TOLERANCE": "relative difference of numbers that still counts as reproduced; default 1e-6, 0: bit for bit",
    "TRIALS": "of the whole search, those there already counted; default 20",
    "TUNER": "of Keras Tuner: bayesian (default), hyperband or random",
    "VARIANT": "variants of the experiment: dropout,l2",
    "VERSION": "of a registered model, instead of its champion: 3",
    "WORKERS": "processes that run at once; default 2",
}


@dataclass(frozen=True)
class Command:
    """One word: `required` variables must be given, `positional` names arguments that are not VARIABLE=value.

    `options` are (name, value, help) of what is given as "--name value", as programs that take files have them.
    """

    word: str
    summary: str
    example: str
    variables: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    positional: str = ""
    newcomer: bool = False
    options: tuple[tuple[str, str, str], ...] = ()


COMMANDS = (
    Command(
        "exp",
        "run an experiment",
        "exp NAME=caption_lstm",
        (
            "NAME",
            "DATA",
            "PRESET",
            "VARIANT",
            "SEEDS",
            "WORKERS",
            "SET",
            "SEED",
            "NOTE",
            "TAGS",
            "FORCE",
            "EXPLAIN",
            "RESUME",
            "DRY",
        ),
        newcomer=True,
    ),
    Command(
        "search",
        "search the declared space, one run a trial",
        "search NAME=caption_lstm TRIALS=30 WORKERS=2",
        (
            "NAME",
            "TRIALS",
            "WORKERS",
            "SPACE",
            "SET",
            "DATA",
            "PRESET",
            "VARIANT",
            "OBJECTIVES",
            "SAMPLER",
            "PRUNER",
            "ENGINE",
            "TUNER",
            "REPLICATE",
            "SEEDS",
            "SEED",
            "CONTINUE",
            "NOTE",
            "TAGS",
            "DRY",
        ),
        ("NAME",),
        newcomer=True,
    ),
    Command("list", "every experiment with its question", "list", ("CHAPTER",), newcomer=True),
    Command(
        "describe",
        "one experiment: config, presets, claims, sources",
        "describe NAME=caption_lstm",
        ("NAME",),
        ("NAME",),
        newcomer=True,
    ),
    Command(
        "data",
        "every data set; with DATA=name, fetch it",
        "data DATA=flickr8k",
        ("DATA", "FROM", "FORCE"),
        newcomer=True,
    ),
    Command(
        "runs",
        "the runs in the store, newest first, with their sizes",
        "runs NAME=caption_lstm",
        ("NAME", "ALL"),
        newcomer=True,
    ),
    Command("show", "one run: params, metrics, artifacts, errors", "show RUN=caption_lstm-s0-3f9c", ("RUN",), ("RUN",)),
    Command(
        "compare",
        "compare experiments or variants: differences, intervals, verdicts",
        "compare NAMES=regularizers METRIC=test/accuracy",
        ("NAMES", "METRIC", "FORMAT", "DATA", "PRESET", "VARIANT"),
        ("NAMES",),
    ),
    Command(
        "report",
        "the page of the newest ablation or search",
        "report NAME=regularizers",
        ("NAME", "RUN", "DATA", "PRESET", "FORCE"),
        newcomer=True,
    ),
    Command("ui", "the dashboard and MLflow's pages over this store", "ui", ("PORT",), newcomer=True),
    Command(
        "register",
        "prove the best run's model, and make it the champion where it is better",
        "register NAME=caption_lstm",
        ("NAME", "DATA", "RUN", "IF_NOT_WORSE", "FORCE", "RESCORE", "DRY"),
        ("NAME",),
        newcomer=True,
    ),
    Command(
        "rollback",
        "make the champion before this one the champion again",
        "rollback NAME=caption_lstm",
        ("NAME", "DATA", "NOTE"),
        ("NAME",),
    ),
    Command(
        "predict",
        "what the champion says of images, rows or texts",
        "predict NAME=caption_lstm INPUT=photo.jpg",
        ("NAME", "INPUT", "DATA", "VERSION", "FORMAT"),
        ("NAME", "INPUT"),
        newcomer=True,
    ),
    Command(
        "reproduce",
        "make a finished run again from what it recorded, and compare",
        "reproduce caption_lstm-s0-3f9c",
        ("RUN", "TOLERANCE"),
        positional="RUN",
    ),
    Command(
        "caption",
        "caption photographs with a trained model",
        "caption caption_lstm@champion photo.jpg",
        (),
        (),
        "MODEL PHOTO...",
        options=(
            (
                "--attention",
                "PAGE.html",
                "also write a page: the photos, and word by word where the decoder looked (one that attends)",
            ),
        ),
    ),
    Command(
        "new",
        "start an experiment from a template that runs",
        "new NAME=my_question CHAPTER=basics",
        ("NAME", "CHAPTER"),
        ("NAME", "CHAPTER"),
    ),
    Command("doctor", "runs left open by dead processes, and the store's health", "doctor FIX=1", ("FIX",)),
    Command(
        "gc",
        "what nobody needs any more, and with FIX=1 its removal",
        "gc OLDER=30",
        ("OLDER", "FEATURES", "FIX"),
    ),
    Command("help", "this page", "help ALL=1", ("ALL",), newcomer=True),
)

BY_WORD = {command.word: command for command in COMMANDS}
MAKE_ONLY = {
    "setup": "build .venv from the lock",
    "check": "lint, types and house tests",
    "test": "the tests (under five minutes)",
    "test-all": "also the slow ones and those on real data",
}


@dataclass(frozen=True)
class Given:
    """What the user gave: variables and options by name, and the positional arguments."""

    values: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """A variable's text; None when it was not given or is empty."""
        return self.values.get(name) or None

    def flag(self, name: str) -> bool:
        """A variable that is yes or no.

        Raises:
            UserError: it is neither.
        """
        text = (self.values.get(name) or "0").lower()
        if text not in {"0", "1", "yes", "no", "true", "false", "on", "off"}:
            raise UserError(f"{name}={self.values[name]!r}: give {name}=1 or leave it out")
        return text in {"1", "yes", "true", "on"}

    def words(self, name: str) -> tuple[str, ...]:
        """A comma-separated variable."""
        return tuple(part.strip() for part in (self.values.get(name) or "").split(",") if part.strip())


def parse(command: Command, arguments: Sequence[str]) -> Given:
    """Read VARIABLE=value arguments, and "--option value" where the command has options.

    Raises:
        UnknownName: a variable or an option the command does not know.
        UserError: a required one is missing, one stands twice, an option has no value, or an argument is not
            VARIABLE=value.
    """
    values: dict[str, str] = {}
    positional: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        name, equals, value = argument.partition("=")
        if command.options and name.startswith("--"):
            value = _option(command, name, value if equals else left.pop(0) if left else "")
        elif not equals or not name.isidentifier():
            positional.append(argument)
            continue
        elif name not in command.variables:
            hint = f"example: make {command.example}" if not command.positional else f"example: {command.example}"
            raise UnknownName(f"variable of `{command.word}`", name, command.variables, hint)
        if name in values:
            raise UserError(f"{name} is given twice: {values[name]!r} and {value!r}")
        values[name] = value
    if positional and not command.positional:
        raise UserError(f"{command.word} takes VARIABLE=value, got {positional[0]!r}\nexample: make {command.example}")
    missing = [name for name in command.required if not values.get(name)]
    if missing:
        raise UserError(f"{command.word} needs {missing[0]}=...\nexample: make {command.example}")
    return Given(values, tuple(positional))


def _option(command: Command, name: str, value: str) -> str:
    """The value of "--name value", checked."""
    known = {option: placeholder for option, placeholder, _ in command.options}
    if name not in known:
        raise UnknownName(f"option of `{command.word}`", name, known)
    if not value or value.startswith("--"):
        raise UserError(f"{name} needs a value: {name} {known[name]}\nexample: {command.example} {name} {known[name]}")
    return value
