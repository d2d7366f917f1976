"""What a result depends on, as one digest: the key of the run cache.

fingerprint = experiment + canonical config + data digest + digests of the files and stored models that the config
names + numeric environment + the code in the static import closure of the experiment's module, limited to what computes
results. The code is parsed and compared without docstrings and comments, so an edit of words keeps the fingerprint and
an edit of code changes it.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from dlcamp.config import ExperimentConfig, flatten
from dlcamp.experiment import Experiment
from dlcamp.references import module_of

COMPUTES = ("experiments", *(f"dlcamp.{p}" for p in ("data", "training", "analysis", "nets", "vision", "captioning")))
"""Packages whose code computes results; analysis is among them because it computes the intervals that are logged."""

FETCHES = "dlcamp.data.fetch."
"""Brings files here, whose digests are in the fingerprint: its code changes no result."""

NUMERIC = {
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "PIL": "pillow",
    "nltk": "nltk",
    "safetensors": "safetensors",
}
"""Import name -> distribution, of the packages that change numbers."""

SWITCHES = ("TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS")
"""Environment variables that change numbers. Those that set threads are recorded with a run but are not among them:
they move last bits only, and an ablation that goes on with another number of workers would begin anew."""

WORDS = ("claims", "compare", "course", "floor", "next", "sources")
"""Arguments of `@experiment` that change no number of a run: rewording a claim must not run everything again."""


@dataclass(frozen=True)
class Fingerprint:
    """The digest and the parts it is made of, kept so that a change can be explained."""

    experiment: str
    config: Mapping[str, Any]
    data: str
    environment: Mapping[str, str]
    code: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """64 hex characters."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """One text for equal parts."""
        return json.dumps(self.parts(), sort_keys=True, ensure_ascii=False)

    def parts(self) -> dict[str, Any]:
        """Part name -> what it holds."""
        return {
            "experiment": self.experiment,
            "config": dict(self.config),
            "data": self.data,
            "environment": dict(self.environment),
            "code": dict(self.code),
            "inputs": dict(self.inputs),
        }


def fingerprint(
    experiment: Experiment, config: ExperimentConfig, data_name: str, data_digest: str, data_source: str, root: Path
) -> Fingerprint:
    """The fingerprint of one run of `experiment` with `config` on a data set.

    Args:
        data_source: the reference that opens the data set; its code counts too.
        root: the repository the code is read from.
    """
    roots = [experiment.module, module_of(data_source)]
    roots += [module_of(reference) for reference in (experiment.predictor, experiment.scorer) if reference]
    modules, packages = closure(root, roots)
    versions = {name: metadata.version(NUMERIC[name]) for name in sorted(packages & NUMERIC.keys())}
    switches = {name: os.environ[name] for name in SWITCHES if name in os.environ}
    return Fingerprint(
        experiment=experiment.name,
        config=flatten(config.model_dump(mode="json")),
        data=f"{data_name}:{data_digest}",
        environment={**versions, **switches},
        code={name: code_digest(path)[:12] for name, path in sorted(modules.items())},
        inputs=config.inputs(),
    )


def referring(base: Fingerprint, models: Mapping[str, Sequence[tuple[str, str]]], root: Path) -> Fingerprint:
    """The fingerprint of a run that takes in stored models: what they are stands in the place of what they are called.

    Args:
        models: config field -> (digest, "module:Class" of the predictor) of each of its models. The class's code
            counts too: the run computes with it, though nothing imports it.
    """
    inputs = dict(base.inputs)
    for name, found in models.items():
        inputs[name] = ",".join(digest for digest, _ in found)
        inputs[f"{name}.code"] = code_of({predictor for _, predictor in found}, root)
    config = {name: "a stored model" if name in models else value for name, value in base.config.items()}
    return replace(base, config=config, inputs=inputs)


def code_of(references: Iterable[str], root: Path) -> str:
    """One digest of the code that the references reach, and of the versions of the packages under it."""
    modules, packages = closure(root, sorted(module_of(reference) for reference in references))
    code = {name: code_digest(path) for name, path in sorted(modules.items())}
    versions = {name: metadata.version(NUMERIC[name]) for name in sorted(packages & NUMERIC.keys())}
    return hashlib.sha256(json.dumps([code, versions]).encode()).hexdigest()[:12]


def closure(root: Path, modules: Iterable[str]) -> tuple[dict[str, Path], set[str]]:
    """Modules of the repository reached by static imports, and the top-level names of other packages imported.

    Only modules under `COMPUTES` are followed. Packages that expose names through `lazy_loader.attach` are read
    like the imports they stand for.
    """
    found: dict[str, Path] = {}
    foreign: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = module_path(root, name)
        if path is None or not name.startswith(COMPUTES) or f"{name}.".startswith(FETCHES):
            if not name.startswith(("dlcamp", "experiments")):
                foreign.add(name.partition(".")[0])
            continue
        found[name] = path
        waiting += imports(path, name)
    return found, foreign


def module_path(root: Path, name: str) -> Path | None:
    """The file of a module of the repository, or None."""
    base = root.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def imports(path: Path, name: str) -> tuple[str, ...]:
    """Names of the modules that a file imports anywhere, candidates included: `from a import b` gives a and a.b."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _imports(path, path.stat().st_mtime_ns, package)


@cache
def _imports(path: Path, _mtime: int, package: str) -> tuple[str, ...]:
    return tuple(found for node in ast.walk(_parse(path)) for found in _imported(node, package))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*parent, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names if base.startswith(("dlcamp", "experiments")))
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "attach":
        yield from (f"{package}.{submodule}" for submodule in _attached(node))


def _attached(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "submod_attrs" and isinstance(keyword.value, ast.Dict):
            yield from (str(key.value) for key in keyword.value.keys if isinstance(key, ast.Constant))
        if keyword.arg == "submodules" and isinstance(keyword.value, (ast.List, ast.Set, ast.Tuple)):
            yield from (str(item.value) for item in keyword.value.elts if isinstance(item, ast.Constant))


def code_digest(path: Path) -> str:
    """sha256 of a file's code without comments, docstrings, blank lines and formatting."""
    return _digest(path, path.stat().st_mtime_ns)


@cache
def _digest(path: Path, _mtime: int) -> str:
    tree = _parse(path)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [item for item in node.body if not _is_text(item)] or [ast.Pass()]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "experiment":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in WORDS]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    # any bare string is documentation: docstrings, and the attribute docstrings that follow an assignment
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed between two fingerprints' parts, one line each: part, name, old value, new value."""
    lines = []
    for part in new:
        before, after = old.get(part), new[part]
        if not isinstance(after, Mapping):
            if before != after:
                lines.append(f"{part}: {before} -> {after}")
            continue
        before = before if isinstance(before, Mapping) else {}
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                lines.append(_difference(part, name, before, after))
    return lines


def _difference(part: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if name not in before:
        return f"{part}: {name} is new" + ("" if part == "code" else f" ({after[name]})")
    if name not in after:
        return f"{part}: {name} is gone"
    return f"{part}: {name} changed" if part == "code" else f"{part}: {name} {before[name]} -> {after[name]}"
