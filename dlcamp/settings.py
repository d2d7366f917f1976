"""What an experiment's yaml says: only what differs from the class defaults, and the grid of its ablation.

base: {epochs: 30}                  for every run
data: {mnist: {epochs: 5}}          for runs on that data set
variants:                           name -> config values; `tune` names fields whose strength is chosen on validation
  none: {regularizer: none}
  dropout: {regularizer: dropout, tune: [dropout]}
axes: {train_images: [100, 1000]}   field -> values, crossed with the variants
seeds: 5                            5 means 0 to 4; or a list
tuning: {trials: 6, seed: 1000}     the same number for every tuned variant; `set` holds for the trials only
search: {trials: 30, sampler: tpe}  what `make search` does unless its variables say otherwise
presets: {smoke: {epochs: 1, variants: [none], seeds: 1}}   config values; a preset may replace any of the above
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlcamp.discovery import Listing
from dlcamp.errors import ConfigError, UnknownName


@dataclass(frozen=True)
class Variant:
    """A named override; the fields in `tune` have their strength chosen on validation, all others are fixed."""

    values: Mapping[str, Any] = field(default_factory=dict)
    tune: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tuning:
    """How strengths are chosen: `trials` a variant (0: as declared), under a seed that no cell uses."""

    trials: int = 0
    seed: int = 1000
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """Variants x axes x seeds. Without variants the one variant is called ""."""

    variants: Mapping[str, Variant] = field(default_factory=dict)
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    tuning: Tuning = Tuning()

    def __bool__(self) -> bool:
        return bool(self.variants or self.axes or self.seeds)


@dataclass(frozen=True)
class Preset:
    """A named override: config values, the data set it is meant for (None: the default), and parts of the grid."""

    values: Mapping[str, Any] = field(default_factory=dict)
    data: str | None = None
    grid: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """The sections of one yaml file."""

    path: Path
    base: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presets: Mapping[str, Preset] = field(default_factory=dict)
    written_grid: Mapping[str, Any] = field(default_factory=dict)

    def preset(self, name: str) -> Preset:
        """The preset of that name; UnknownName otherwise."""
        if name not in self.presets:
            raise UnknownName("preset", name, self.presets, f"presets stand in {self.path}")
        return self.presets[name]

    def grid(self, preset: str | None = None) -> Grid:
        """The ablation's grid, as the preset changes it.

        Raises:
            ConfigError: a part that cannot be read.
            UnknownName: a variant that is not declared.
        """
        changed = self.preset(preset).grid if preset else {}
        declared = _variants(self.path, self.written_grid.get("variants"))
        chosen = changed.get("variants", None)
        if isinstance(chosen, Sequence) and not isinstance(chosen, str):
            variants = pick(declared, [str(name) for name in chosen], "variant", self.path)
        else:
            variants = declared if "variants" not in changed else _variants(self.path, chosen)
        written = {**self.written_grid, **changed}
        tuned = [name for name, variant in variants.items() if variant.tune]
        if tuned and not written.get("tuning"):
            raise ConfigError(
                f"{self.path}: variant {tuned[0]} is to be tuned, but no `tuning: {{trials: ...}}` says how"
            )
        return Grid(
            variants,
            _axes(self.path, written.get("axes")),
            seeds_of(written["seeds"], f"seeds of {self.path.name}") if written.get("seeds") else (),
            _tuning(self.path, written.get("tuning")),
        )

    def search(self, preset: str | None = None) -> Mapping[str, str]:
        """What the yaml says of searches, as text, the preset's words before the file's.

        Raises:
            ConfigError: it is no mapping.
            UnknownName: a key that searches do not have.
        """
        found: dict[str, str] = {}
        for written in (self.written_grid, self.preset(preset).grid if preset else {}):
            for key, value in _mapping(self.path, "search", written.get("search")).items():
                if key not in _SEARCH:
                    raise UnknownName(f"key of search in {self.path}", str(key), _SEARCH)
                found[key] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        return found


def pick(known: Mapping[str, Any], names: Sequence[str], kind: str, where: object) -> dict[str, Any]:
    """The named entries, in the order of `known`; UnknownName for one that is not there."""
    for name in names:
        if name not in known:
            raise UnknownName(
                kind, name, known, f"{kind}s stand in {where}" if known else f"{where} declares no {kind}s"
            )
    return {name: value for name, value in known.items() if name in names}


MOST_SEEDS = 10_000
_SECTIONS = {"base", "data", "presets"}
_GRID = {"variants", "axes", "seeds", "tuning", "search"}
_SEARCH = ("trials", "sampler", "pruner", "engine", "tuner", "objectives", "space", "replicate", "seeds")


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
        if section not in _SECTIONS | _GRID:
            raise UnknownName(f"section in {path}", str(section), _SECTIONS | _GRID)
    presets = {}
    for name, values in _mapping(path, "presets", content.get("presets")).items():
        written = _mapping(path, f"presets.{name}", values)
        grid = {key: value for key, value in written.items() if key in _GRID}
        chosen = {key: value for key, value in written.items() if key not in _GRID | {"data"}}
        presets[name] = Preset(chosen, written.get("data"), grid)
    data_sets = {
        name: _mapping(path, f"data.{name}", values)
        for name, values in _mapping(path, "data", content.get("data")).items()
    }
    own_grid = {key: value for key, value in content.items() if key in _GRID}
    return Settings(path, _mapping(path, "base", content.get("base")), data_sets, presets, own_grid)


def seeds_of(written: Any, where: str) -> tuple[int, ...]:
    """`5` means 0 to 4, `3,7` (or a list) means those; `7,` is one seed.

    Raises:
        ConfigError: no whole numbers from 0, none at all, or one twice.
    """
    listed = not isinstance(written, str) or "," in written
    words = [word for word in (written.split(",") if isinstance(written, str) else list(written)) if str(word).strip()]
    numbers = [str(word).strip() for word in words]
    wrong = [number for number in numbers if not number.isdecimal() or int(number) > 2**31 - 1]
    if wrong or not numbers:
        raise ConfigError(f"{where} = {written!r}: give a number of seeds (5 means 0 to 4) or a list (3,7,11)")
    if not listed and int(numbers[0]) > MOST_SEEDS:
        raise ConfigError(f"{where} = {written!r}: more than {MOST_SEEDS:,} runs of one place are not made at once")
    found = [int(number) for number in numbers] if listed else list(range(int(numbers[0])))
    twice = sorted({seed for seed in found if found.count(seed) > 1})
    if twice:
        raise ConfigError(f"{where}: seed {twice[0]} stands twice; a repeated seed is no new evidence")
    if not found:
        raise ConfigError(f"{where} = {written!r}: at least one seed is needed")
    return tuple(found)


def _variants(path: Path, written: Any) -> dict[str, Variant]:
    found = {}
    for name, values in _mapping(path, "variants", written).items():
        given = dict(_mapping(path, f"variants.{name}", values))
        tune = given.pop("tune", [])
        if isinstance(tune, str):
            tune = [tune]
        found[name] = Variant(given, tuple(tune))
    return found


def _axes(path: Path, written: Any) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, values in _mapping(path, "axes", written).items():
        listed = [str(value) for value in values] if isinstance(values, list) else [str(values)]
        twice = sorted({value for value in listed if listed.count(value) > 1})
        if not listed or twice:
            raise ConfigError(f"{path}: axes.{name} must list different values, got {values!r}")
        found[name] = tuple(listed)
    return found


def _tuning(path: Path, written: Any) -> Tuning:
    given = dict(_mapping(path, "tuning", written))
    values = _mapping(path, "tuning.set", given.pop("set", None))
    numbers = {}
    for key in ("trials", "seed"):
        text = str(given.pop(key, getattr(Tuning, key)))
        if not text.isdecimal():
            raise ConfigError(f"{path}: tuning.{key} must be a whole number, got {text!r}")
        numbers[key] = int(text)
    if given:
        raise UnknownName(f"key of tuning in {path}", next(iter(given)), ["trials", "seed", "set"])
    return Tuning(numbers["trials"], numbers["seed"], values)


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
        if not isinstance(node, yaml.MappingNode):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: not a mapping")
        pairs = [(loader.construct_object(k, deep=True), loader.construct_object(v, deep=True)) for k, v in node.value]
        keys = [key for key, _ in pairs]
        if any(not isinstance(key, str) for key in keys):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: a key that is no text")
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
