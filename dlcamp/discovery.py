"""The folder is the registry: experiments and their yaml files, found by reading, not by importing.

`listing` reads the source with `ast`, so that `list`, completion and the nearest-name message cost
milliseconds. `load` imports one module; `settings` reads one yaml.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlcamp.errors import ConfigError, DiscoveryError, UnknownName
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


@dataclass(frozen=True)
class Preset:
    """A named override: config values, and the data set it is meant for (None: the default)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    data: str | None = None


@dataclass(frozen=True)
class Settings:
    """What `configs/<chapter>/<name>.yaml` says: only what differs from the class defaults.

    `base` holds for every run, `data` by data set for runs on it, `presets` for those that ask.
    """

    path: Path
    base: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presets: Mapping[str, Preset] = field(default_factory=dict)

    def preset(self, name: str) -> Preset:
        """The preset of that name; UnknownName otherwise."""
        if name not in self.presets:
            raise UnknownName("preset", name, self.presets, f"presets stand in {self.path}")
        return self.presets[name]


_SECTIONS = {"base", "data", "presets"}


def settings(root: Path, one: Listing) -> Settings:
    """Read the experiment's yaml; an absent file says nothing.

    Raises:
        ConfigError: not yaml, a key twice, an unknown section.
    """
    path = root / "configs" / one.chapter / f"{one.name}.yaml"
    if not path.exists():
        return Settings(path)
    content = read_yaml(path)
    for section in content:
        if section not in _SECTIONS:
            raise UnknownName(f"section in {path}", str(section), _SECTIONS)
    presets = {}
    for name, values in _mapping(path, "presets", content.get("presets")).items():
        chosen = dict(_mapping(path, f"presets.{name}", values))
        on = chosen.pop("data", None)
        presets[name] = Preset(chosen, on)
    data_sets = {
        name: _mapping(path, f"data.{name}", values)
        for name, values in _mapping(path, "data", content.get("data")).items()
    }
    return Settings(path, _mapping(path, "base", content.get("base")), data_sets, presets)


def _mapping(path: Path, where: str, value: Any) -> Mapping[str, Any]:
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: {where} must hold `key: value` lines, got {value!r}")
    return value


def read_yaml(path: Path) -> Mapping[str, Any]:
    """A yaml file with every scalar as text, so that the field's type decides what `no` or `1e-4` is.

    Raises:
        ConfigError: not yaml, or a key twice.
    """
    import yaml

    class Strict(yaml.BaseLoader):
        pass

    def mapping(loader: yaml.BaseLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        pairs = [(loader.construct_object(k, deep=True), loader.construct_object(v, deep=True)) for k, v in node.value]
        keys = [key for key, _ in pairs]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise ConfigError(f"{path}: key {twice[0]!r} stands twice (line {node.start_mark.line + 1})")
        return dict(pairs)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=Strict)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid yaml: {error}") from None
    return _mapping(path, "the file", content)
