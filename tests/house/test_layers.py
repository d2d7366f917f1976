"""The house rules: arrows point one way, files and functions stay small, names say something."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlcamp.fingerprint import imports
from dlcamp.paths import REPOSITORY

# what each part of dlcamp may import, low to high; its own part is always allowed
LOW = {"errors", "paths", "references", "memory", "comparison", "spaces", "model_ref"}
CORE = LOW | {"config"}
DECLARE = CORE | {"experiment", "discovery", "settings", "guards"}
RUN = DECLARE | {"data", "tracking", "analysis", "fingerprint", "requirements", "endings", "held_models", "find_models"}
RUN |= {"logged_models", "runner"}
ALLOWED = {
    "errors": set(),
    "paths": set(),
    "memory": set(),
    "comparison": set(),
    "spaces": {"errors"},
    "model_ref": set(),
    "references": {"errors"},
    "config": LOW,
    "experiment": CORE,
    "discovery": DECLARE,
    "settings": DECLARE,
    "guards": LOW,
    "data": CORE,
    "tracking": CORE,
    "training": CORE | {"data", "tracking"},
    "analysis": CORE | {"experiment", "data", "tracking"},
    "nets": CORE | {"data", "tracking", "training", "analysis"},
    "vision": CORE | {"data", "tracking", "training", "analysis"},
    "captioning": CORE | {"experiment", "data", "tracking", "training", "analysis", "vision"},
    "fingerprint": DECLARE,
    "requirements": DECLARE | {"fingerprint"},
    "logged_models": DECLARE | {"tracking", "requirements"},
    "held_models": DECLARE | {"data", "tracking", "requirements", "logged_models"},
    "endings": DECLARE | {"tracking"},
    "find_models": DECLARE | {"tracking"},
    "runner": RUN,
    "launch": CORE | {"tracking"},
    "ablation": RUN | {"launch"},
    "search": RUN | {"launch", "ablation"},
    "registry": RUN | {"launch", "ablation"},
    "room": RUN | {"ablation", "vision"},
    "reproduce": RUN,
    "web": RUN | {"launch", "ablation", "search", "registry"},
    "cli": RUN | {"launch", "ablation", "search", "registry", "reproduce", "web", "room"},
}
ONLY_IN = {
    "tensorflow": {"training", "nets", "vision", "captioning"},
    "keras": {"training", "nets", "vision", "captioning"},
    "mlflow": {"tracking", "registry"},
    "optuna": {"search"},
    "keras_tuner": {"search"},
    "matplotlib": {"analysis", "tracking"},
    "plotly": {"analysis", "web"},
    "fastapi": {"web"},
}
EMPTY_NAMES = {"utils", "helpers", "misc", "common", "util", "helper"}


def sources(folder: str) -> list[Path]:
    """The python files git knows of or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", f"{folder}/*.py"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [REPOSITORY / name for name in sorted(set(listed.stdout.split())) if (REPOSITORY / name).exists()]


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def arrows() -> Iterator[tuple[Path, str, str]]:
    for path in sources("dlcamp"):
        name = module_name(path)
        for imported in imports(path, name):
            yield path, part_of(name), imported


def test_arrows_inside_dlcamp_point_one_way() -> None:
    wrong = set()
    for path, part, imported in arrows():
        target = part_of(imported)
        if not imported.startswith("dlcamp.") or part in {"", "__init__", "__main__"} or target == part:
            continue
        if target in ALLOWED and target not in ALLOWED[part]:
            wrong.add(f"{path.relative_to(REPOSITORY)} imports {imported}")
    assert not wrong, "\n".join(sorted(wrong))


def test_every_part_has_its_place_among_the_arrows() -> None:
    parts = {part_of(module_name(path)) for path in sources("dlcamp")} - {"", "__main__"}
    assert parts <= ALLOWED.keys()


def test_heavy_libraries_are_imported_only_where_they_belong() -> None:
    wrong = {
        f"{path.relative_to(REPOSITORY)} imports {imported}"
        for path, part, imported in arrows()
        if imported.split(".")[0] in ONLY_IN and part not in ONLY_IN[imported.split(".")[0]]
    }
    assert not wrong, "\n".join(sorted(wrong))


def test_nothing_in_dlcamp_imports_experiments_and_no_experiment_imports_another() -> None:
    for path in sources("dlcamp") + sources("experiments"):
        assert not [name for name in imports(path, module_name(path)) if name.split(".")[0] == "experiments"], path


@pytest.mark.parametrize("folder", ["dlcamp", "experiments", "tests"])
def test_files_stay_under_400_lines_and_functions_under_60(folder: str) -> None:
    wrong = []
    for path in sources(folder):
        text = path.read_text("utf-8")
        if text.count("\n") > 400:
            wrong.append(f"{path.relative_to(REPOSITORY)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    wrong.append(f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name} has {length} lines")
    assert not wrong, "\n".join(wrong)


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [path for path in sources("dlcamp") if set(path.with_suffix("").parts) & EMPTY_NAMES]


def test_every_module_states_its_promise() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for path in sources("dlcamp") + sources("experiments")
        if path.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent


def test_library_code_does_not_print() -> None:
    printing = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sources("dlcamp") + sources("experiments")
        if part_of(module_name(path)) != "cli"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    ]
    assert not printing
