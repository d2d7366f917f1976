"""The folder is the registry: experiments, found by reading, not by importing.

`listing` reads the source with `ast`, so that `list`, completion and the nearest-name message cost
milliseconds. `load` imports one module.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.errors import DiscoveryError, UnknownName
from dlcamp.experiment import Experiment


@dataclass(frozen=True)
class Listing:
    """What can be known of an experiment without importing it."""

    name: str
    chapter: str
    path: Path
    question: str
    course: str

    @property
    def section(self) -> tuple[int, ...]:
        """The course's section number; empty where there is none."""
        numbers = re.match(r"[\d.]+", self.course)
        return tuple(int(part) for part in numbers.group().split(".") if part) if numbers else ()

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts by the course's section number, the unnumbered last, then by name."""
        return (not self.section, self.section, self.name)

    @property
    def heading(self) -> str:
        """The course's heading, without its number."""
        return re.sub(r"^[\d.]+\s*", "", self.course)


def listing(root: Path, broken: dict[Path, str] | None = None) -> dict[str, Listing]:
    """Every experiment under `root`/experiments, in the course's order, chapter by chapter.

    Args:
        broken: takes, by path, the messages of files that are no experiment, so that one of them does not hide
            the others. None: the first of them is raised.

    Raises:
        DiscoveryError: a file with no or several experiments, another name than its stem, or one stem twice.
    """
    found: dict[str, Listing] = {}
    for path in sorted((root / "experiments").glob("*/*.py")):
        if path.name.startswith("_"):
            continue
        try:
            one = _read(path)
        except DiscoveryError as error:
            if broken is None:
                raise
            broken[path] = str(error)
            continue
        if one.name in found:
            raise DiscoveryError(
                f"two experiments are called {one.name!r}:\n  {found[one.name].path}\n  {path}\nrename one of the files"
            )
        found[one.name] = one
    # a chapter stands where its first numbered section does; its experiments stay together
    chapters: dict[str, tuple[Any, ...]] = {}
    for one in found.values():
        chapters[one.chapter] = min(chapters.get(one.chapter, one.order), one.order)
    ordered = sorted(found.values(), key=lambda item: (chapters[item.chapter][:2], item.chapter, item.order))
    return {one.name: one for one in ordered}


def _read(path: Path) -> Listing:
    try:
        tree = ast.parse(path.read_text("utf-8"), str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DiscoveryError(f"{path} cannot be read as Python: {error}") from None
    marked = [(node, mark) for node in tree.body if isinstance(node, ast.FunctionDef) for mark in _marks(node)]
    if len(marked) != 1:
        names = ", ".join(node.name for node, _ in marked) or "none"
        raise DiscoveryError(f"{path} must hold one @experiment function, found {names}")
    node, mark = marked[0]
    if node.name != path.stem:
        raise DiscoveryError(f"{path}: the experiment function is {node.name!r}; it must be called {path.stem!r}")
    doc = (ast.get_docstring(tree) or "").strip()
    return Listing(path.stem, path.parent.name, path, doc.splitlines()[0] if doc else "", _keyword(mark, "course"))


def _marks(node: ast.FunctionDef) -> list[ast.Call]:
    return [
        call
        for call in node.decorator_list
        if isinstance(call, ast.Call)
        and (getattr(call.func, "id", None) == "experiment" or getattr(call.func, "attr", None) == "experiment")
    ]


def _keyword(call: ast.Call, name: str) -> str:
    for keyword in call.keywords:
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def find(root: Path, name: str) -> Listing:
    """The listing of one experiment; UnknownName with the nearest otherwise."""
    broken: dict[Path, str] = {}
    known = listing(root, broken)
    if name not in known:
        for path, message in broken.items():
            if path.stem == name:
                raise DiscoveryError(message)
        raise UnknownName("experiment", name, known, "see them all: make list")
    return known[name]


def load(one: Listing) -> Experiment:
    """Import the experiment's module.

    Raises:
        DiscoveryError: the module does not import as an experiment of that name.
    """
    module_name = f"experiments.{one.chapter}.{one.name}"
    spec = importlib.util.spec_from_file_location(module_name, one.path)
    if spec is None or spec.loader is None:
        raise DiscoveryError(f"{one.path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    found = getattr(module, one.name, None)
    if not isinstance(found, Experiment):
        raise DiscoveryError(f"{one.path}: {one.name} is not marked with @experiment")
    return found
