"""One declaration a parameter: type, default, what is valid, where to search, help.

    class Config(ExperimentConfig):
        units: int = tune(256, valid=Int(8, 4096), space=Int(64, 512, log=True), help="LSTM units")

`valid` rejects; `space` only searches. Text (from YAML or the shell) is read by the field's type, so that
`1e-4`, `no` and `3,7` mean what the field says. Layers are applied in order (class defaults < yaml `base` <
preset < variant < axis < SET), and the origin of every value is kept.
"""

from __future__ import annotations

import json
import random
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from dlcamp.errors import ConfigError, UnknownName
from dlcamp.model_ref import FORMS, ModelRef, split_refs
from dlcamp.spaces import Choice, Float, Int, Space


@dataclass(frozen=True)
class Tunable:
    """What a field declares beyond its type: what is valid, where a search looks, and what its trials have."""

    valid: Space | None
    space: Space | None
    trial: Any = None


def tune(
    default: Any, *, valid: Space | None = None, space: Space | None = None, trial: Any = None, help: str = ""
) -> Any:
    """Declare a config field.

    Args:
        default: the value when nothing else is said; must be valid.
        valid: values outside are rejected. None: the type alone decides.
        space: where a search looks. None: the field is not searched.
        trial: the value in trials that choose among configs, unless SET says another. None: that of any other run.
        help: one line for `describe`.
    """
    return Field(default, description=help or None, json_schema_extra={"dlcamp": Tunable(valid, space, trial)})  # type: ignore[dict-item]


class ExperimentConfig(BaseModel):
    """Frozen, typed parameters of an experiment; subclasses add fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    seed: int = tune(0, valid=Int(0, 2**31 - 1), help="initialisation, order, dropout, augmentation")
    split_seed: int = tune(0, valid=Int(0, 2**31 - 1), help="cut of data without an official split")

    _tunables: ClassVar[dict[str, Tunable]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        found: dict[str, Tunable] = {}
        for name, field in cls.model_fields.items():
            extra = field.json_schema_extra
            declared = extra.get("dlcamp") if isinstance(extra, dict) else None
            if isinstance(declared, Tunable):
                _check_declaration(f"{cls.__name__}.{name}", declared, field.default)
                found[name] = declared
        cls._tunables = found

    @classmethod
    def tunables(cls) -> dict[str, Tunable]:
        """What each field declares beyond its type."""
        return dict(cls._tunables)

    @classmethod
    def space(cls, prefix: str = "") -> dict[str, Space]:
        """The search space: dotted field name -> where to search."""
        spaces = {prefix + name: t.space for name, t in cls._tunables.items() if t.space is not None}
        for name, nested in _nested(cls).items():
            spaces |= nested.space(f"{prefix}{name}.")
        return spaces

    @classmethod
    def trial_values(cls, prefix: str = "") -> dict[str, Any]:
        """What trials have in the place of a run's values: dotted field name -> value."""
        values = {prefix + name: t.trial for name, t in cls._tunables.items() if t.trial is not None}
        for name, nested in _nested(cls).items():
            values |= nested.trial_values(f"{prefix}{name}.")
        return values

    def inputs(self) -> Mapping[str, str]:
        """Digests of what the values point at outside of the config (files, weights): part of a run's fingerprint.

        Raises:
            ConfigError: a value points at nothing.
        """
        return {}

    def model_refs(self) -> dict[str, ModelRef | tuple[ModelRef, ...]]:
        """The stored models that the config names: dotted field -> reference, or all of a field's references.

        Raises:
            ConfigError: a field that must name a model names none.
        """
        named = {}
        for field, value in _values(self):
            refs = value if isinstance(value, tuple) else (value,)
            if not refs or not all(isinstance(ref, ModelRef) for ref in refs):
                continue
            if not all(refs):
                raise ConfigError(f'{field} names no model; give it one: SET="{field}=..."\nallowed: {FORMS}')
            named[field] = value
        return named

    @field_validator("*")
    @classmethod
    def _is_valid(cls, value: Any, info: Any) -> Any:
        declared = cls._tunables.get(info.field_name)
        if declared and declared.valid is not None and value is not None and value not in declared.valid:
            raise ValueError(f"must be {declared.valid}")
        return value


def _values(config: ExperimentConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted field -> value, as the config holds it."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, ExperimentConfig):
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


ConfigType = TypeVar("ConfigType", bound=ExperimentConfig)


def _check_declaration(where: str, declared: Tunable, default: Any) -> None:
    for what, value in (("default", default), ("trial", declared.trial)):
        if declared.valid is not None and value is not None and value not in declared.valid:
            raise TypeError(f"{where}: {what} {value!r} is not valid ({declared.valid})")
    if declared.space is not None and declared.trial is not None:
        raise TypeError(f"{where}: trials cannot search a field and have {declared.trial!r} in it; leave out one")
    if declared.space is None or declared.valid is None:
        return
    ends = declared.space.options if isinstance(declared.space, Choice) else _ends(declared.space)
    outside = [end for end in ends if end not in declared.valid]
    if outside:
        raise TypeError(f"{where}: the space holds {outside}, which {declared.valid} rejects")


def _ends(space: Float | Int) -> tuple[Any, Any]:
    if isinstance(space, Int):
        return space.low, space.high - (space.high - space.low) % space.step
    return space.low, space.high


def _nested(cls: type[BaseModel]) -> dict[str, type[ExperimentConfig]]:
    return {
        name: field.annotation
        for name, field in cls.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, ExperimentConfig)
    }


@dataclass(frozen=True)
class Layer:
    """One source of values: `source` is shown as their origin ("preset smoke", "SET")."""

    source: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved(Generic[ConfigType]):
    """A config and, for every dotted field, where its value came from ("default" unless a layer named it)."""

    config: ConfigType
    origins: dict[str, str]


def resolve(config_type: type[ConfigType], layers: Sequence[Layer]) -> Resolved[ConfigType]:
    """Apply the layers in order over the class defaults.

    Raises:
        UnknownName: a key no field answers to.
        ConfigError: a value the field's type or `valid` rejects; names field, value, source, what is allowed.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(flatten(_defaults(config_type)), "default")
    for layer in layers:
        for key, raw in _leaves(config_type, layer):
            values[key] = _read(config_type, key, raw, layer.source)
            origins[key] = layer.source
    try:
        return Resolved(config_type.model_validate(unflatten(values)), origins)
    except ValidationError as error:
        raise ConfigError(_explain(config_type, error, origins)) from None


def _defaults(config_type: type[ExperimentConfig]) -> dict[str, Any]:
    return config_type().model_dump(mode="python")


def _leaves(config_type: type[ExperimentConfig], layer: Layer) -> Iterator[tuple[str, Any]]:
    for key, raw in layer.values.items():
        if isinstance(raw, Mapping) and key in _nested(config_type):
            for rest, value in raw.items():
                yield from _leaves(config_type, Layer(layer.source, {f"{key}.{rest}": value}))
        else:
            yield key, raw


def _read(config_type: type[ExperimentConfig], key: str, raw: Any, source: str) -> Any:
    owner, name = _owner(config_type, key, source)
    annotation: Any = owner.model_fields[name].annotation
    try:
        return TypeAdapter(annotation, config=None).validate_python(_text_to_value(annotation, raw))
    except ValidationError as error:
        allowed = allowed_values(owner, name)
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"{key} = {raw!r} ({source}): {problem[:1].lower()}{problem[1:]}\nallowed: {allowed}"
        ) from None


def _owner(config_type: type[ExperimentConfig], key: str, source: str) -> tuple[type[ExperimentConfig], str]:
    owner, parts = config_type, key.split(".")
    for part in parts[:-1]:
        nested = _nested(owner)
        if part not in nested:
            raise UnknownName(f"field ({source})", key, _field_names(config_type))
        owner = nested[part]
    if parts[-1] not in owner.model_fields or parts[-1] in _nested(owner):
        raise UnknownName(f"field ({source})", key, _field_names(config_type))
    return owner, parts[-1]


def _field_names(config_type: type[ExperimentConfig]) -> list[str]:
    nested = _nested(config_type)
    names = [name for name in config_type.model_fields if name not in nested]
    return names + [f"{outer}.{inner}" for outer, cls in nested.items() for inner in _field_names(cls)]


def _text_to_value(annotation: Any, raw: Any) -> Any:
    """What text means for a type; everything that is not text passes."""
    if isinstance(raw, list) and _item_type(annotation) is ModelRef and all(isinstance(item, str) for item in raw):
        raw = ",".join(raw)  # [best:a:seed=1,size=8] is two items to YAML
    if not isinstance(raw, str):
        return [_text_to_value(_item_type(annotation), item) for item in raw] if isinstance(raw, list) else raw
    options = _options(annotation)
    literals = [v for o in options if get_origin(o) is Literal for v in get_args(o)]
    for literal in literals:
        if raw == str(literal):
            return literal
    if types.NoneType in options and raw.strip().lower() in ("", "null", "none", "~"):
        return None
    if any(get_origin(o) in (list, tuple) for o in options):
        inner, item = raw.strip().strip("[]()"), _item_type(annotation)
        parts = split_refs(inner) if item is ModelRef else inner.split(",")
        return [_text_to_value(item, part.strip()) for part in parts if part.strip()]
    if int in options and float not in options:
        return _whole(raw)
    return raw.strip() if str not in options else raw


def _options(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; the one type of what is none."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _item_type(annotation: Any) -> Any:
    arguments = [a for a in get_args(annotation) if a is not Ellipsis]
    return arguments[0] if arguments else str


def _whole(raw: str) -> Any:
    """`1e3` is a whole number; `1.5` is left for the type to refuse."""
    try:
        number = float(raw)
    except ValueError:
        return raw
    return int(number) if number.is_integer() and "e" in raw.lower() else raw.strip()


def allowed_values(config_type: type[ExperimentConfig], name: str) -> str:
    """What a field accepts, in words."""
    declared = config_type.tunables().get(name)
    if declared and declared.valid is not None:
        return str(declared.valid)
    annotation = config_type.model_fields[name].annotation
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(annotation)))
    if ModelRef in _options(annotation):
        return FORMS
    if get_origin(annotation) in (list, tuple) and _item_type(annotation) is ModelRef:
        return f"a list, separated by commas, of {FORMS}"
    words = {int: "a whole number", float: "a number", bool: "yes or no", str: "text"}
    return words.get(annotation, str(annotation).replace("typing.", ""))  # type: ignore[arg-type]


def _explain(config_type: type[ExperimentConfig], error: ValidationError, origins: Mapping[str, str]) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(map(str, item["loc"])) or "config"
        message = item["msg"].removeprefix("Value error, ")
        source = f" ({origins[key]})" if key in origins else ""
        lines.append(f"{key} = {item['input']!r}{source}: {message}")
    return "\n".join(lines)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mapping -> dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def unflatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys -> nested mapping."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *outer, last = key.split(".")
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def canonical(config: ExperimentConfig) -> str:
    """One text for one config: what the fingerprint sees."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


def sample(config_type: type[ConfigType], rng: random.Random) -> ConfigType:
    """A config drawn from the declared space, the rest at its defaults."""
    drawn = {name: space.sample(rng) for name, space in config_type.space().items()}
    return resolve(config_type, [Layer("sample", drawn)]).config
