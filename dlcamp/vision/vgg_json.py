"""The json of an exported net, read as plain text: what it says is compared with VGG, nothing of it is built or run.

`model.to_json()` of Keras 1, 2 and 3, functional or sequential. Layers that carry code (Lambda, custom ones) are
named and refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlcamp.errors import DataError
from dlcamp.vision.scales import CLASSES, Output
from dlcamp.vision.vgg_table import CONFIGURATIONS, Configuration

MAX_BYTES = 16 << 20  # a VGG's json has 10 kB
_SHOWN = 4

_CONVOLUTION, _POOLING, _DENSE = "convolution", "max-pooling", "dense layer"
_KINDS = {"Conv2D": _CONVOLUTION, "Convolution2D": _CONVOLUTION, "MaxPooling2D": _POOLING, "Dense": _DENSE}
_SILENT = {"InputLayer", "Flatten", "Dropout", "BgrMinusMeans"}  # the last is dlcamp's own first layer
_ACTIVATIONS = {"Activation", "ReLU", "Softmax"}


@dataclass(frozen=True)
class Layer:
    """One layer with what counts of it, under the words of Keras 3."""

    kind: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(f'{key} {value}' for key, value in self.facts.items())})"


def read_layers(text: str | bytes, source: str) -> list[Layer]:
    """The layers of a net in order, without those that have nothing to compare (input, flatten, dropout).

    Args:
        text: the json.
        source: what an error calls it.

    Raises:
        DataError: it is not the json of a plain chain of layers.
    """
    try:
        if len(text) > MAX_BYTES:
            raise ValueError(f"it has {len(text):,} bytes, a description of VGG has about 10,000")
        content = json.loads(text)
        if isinstance(content, str):  # to_json() written by json.dump
            content = json.loads(content)
        return _chain(content)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise DataError(
            f"cannot read a net from {source}: {error or type(error).__name__}\n"
            "expected what model.to_json() of Keras writes"
        ) from error


def differences(layers: Sequence[Layer], row: Configuration, output: Output = "pooled") -> list[str]:
    """What keeps these layers from being this VGG at least up to an output; empty when nothing does."""
    expected = list(_layers_of(row, output))
    needed = sum(kind != _POOLING for kind, _, _ in expected[: _needed(row, output)])
    found = []
    for layer, (kind, name, facts) in zip(layers, expected, strict=False):
        wrong = {key: layer.facts.get(key) for key, value in facts.items() if layer.facts.get(key) not in value}
        if layer.kind != kind:
            found.append(f"{layer.name!r} is a {layer}, at its place {row.title} has the {kind} {name}")
            break  # one layer more or less shifts all that follow
        found += [f"{key} of {layer.name!r} is {value}, not {facts[key][0]}" for key, value in wrong.items()]
    weighted = sum(layer.kind != _POOLING for layer in layers)
    if not found and weighted < needed:
        found.append(f"it ends after {weighted} layers with weights, {needed} are needed")
    if not found and len(layers) > len(expected):
        found.append(f"{layers[len(expected)].name!r} comes after the last layer of {row.title}")
    return found


def check(layers: Sequence[Layer], name: str, output: Output, source: str) -> None:
    """DataError unless these layers are the VGG of this name, saying which it is or what differs."""
    row = CONFIGURATIONS[name]
    wrong = differences(layers, row, output)
    if not wrong:
        return
    others = [other.title for other in CONFIGURATIONS.values() if not differences(layers, other, output)]
    what = f"it is {others[0]}" if others else "; ".join(wrong[:_SHOWN])
    more = f"; and {len(wrong) - _SHOWN} more" if not others and len(wrong) > _SHOWN else ""
    raise DataError(f"{source} was given as {row.title}, but {what}{more}\nname the json and h5 of {row.title}")


def _needed(row: Configuration, output: Output) -> int:
    """How many layers of `_layers_of` an output needs."""
    weighted = len(row.kernel_shapes(output))
    return weighted + (len(row.kernels) - 1 if output == "map" else len(row.kernels))


def _layers_of(row: Configuration, output: Output) -> Iterator[tuple[str, str, dict[str, tuple[Any, ...]]]]:
    """Every layer of a configuration: its kind, name, and the values that each fact may have."""
    for block, (sides, filters) in enumerate(zip(row.kernels, row.filters, strict=True), start=1):
        for number, side in enumerate(sides, start=1):
            facts = {"filters": (filters,), "kernel_size": ([side, side],), "strides": ([1, 1],)}
            facts |= {"padding": ("same",), "dilation_rate": ([1, 1],), "groups": (1,), "use_bias": (True,)}
            last = {"data_format": ("channels_last",), "activation": ("relu",)}
            yield _CONVOLUTION, f"block{block}_conv{number}", {**facts, **last}
        pool = {"pool_size": ([2, 2],), "strides": ([2, 2],), "padding": ("valid", "same")}
        yield _POOLING, f"block{block}_pool", pool
    for name in ("fc1", "fc2"):
        yield _DENSE, name, {"units": (row.dense,), "activation": ("relu",), "use_bias": (True,)}
    # What a fine-tuned net says at the end does not matter to the features before it.
    yield _DENSE, "predictions", {"units": (CLASSES,)} if output == "logits" else {}


def _chain(content: Any) -> list[Layer]:
    config = content["config"]
    entries = config["layers"] if isinstance(config, dict) else config
    layers: list[Layer] = []
    before: str | None = None
    for entry in entries:
        kind, options = entry["class_name"], entry["config"]
        name = str(options.get("name", entry.get("name", kind)))
        sources = set(_inbound(entry.get("inbound_nodes") or []))
        if sources and sources != {before}:
            raise ValueError(f"the layer {name!r} is not fed by the one before it: it is no plain chain")
        before = name
        if kind in _ACTIVATIONS:
            _activate(layers, name, "relu" if kind == "ReLU" else str(options.get("activation", "softmax")))
        elif kind in _KINDS:
            layers.append(Layer(_KINDS[kind], name, _facts(kind, options)))
        elif kind not in _SILENT:
            raise ValueError(f"it holds a layer of the kind {kind} ({name!r}), which VGG does not have and is not run")
    if not layers:
        raise ValueError("it holds no layers")
    return layers


def _inbound(nodes: Any) -> Iterator[str]:
    """Names of the layers that feed one, in either form: ["name", 0, 0, {}], or {"keras_history": ["name", 0, 0]}."""
    if isinstance(nodes, dict):
        for key, value in nodes.items():
            yield from [value[0]] if key == "keras_history" else _inbound(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and all(isinstance(place, int) for place in nodes[1:3]):
            yield nodes[0]
        else:
            for node in nodes:
                yield from _inbound(node)


def _activate(layers: list[Layer], name: str, activation: str) -> None:
    """An activation that stands as a layer of its own belongs to the layer before it."""
    if not layers or layers[-1].facts.get("activation") != "linear":
        raise ValueError(f"the activation {name!r} follows no layer without one")
    layers[-1].facts["activation"] = activation


def _facts(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """What counts of a layer; the words of Keras 1 are turned into those of later ones."""
    activation = options.get("activation") or "linear"
    if kind == "Dense":
        units = options.get("units", options.get("output_dim"))
        return {"units": units, "activation": activation, "use_bias": options.get("use_bias", True)}
    data_format = options.get("data_format") or options.get("dim_ordering") or "channels_last"
    facts = {
        "strides": _pair(options.get("strides") or options.get("subsample") or options.get("pool_size", 1)),
        "padding": options.get("padding", options.get("border_mode")),
        "data_format": {"tf": "channels_last", "th": "channels_first"}.get(data_format, data_format),
    }
    if kind == "MaxPooling2D":
        return {"pool_size": _pair(options["pool_size"]), **facts}
    kernel = options.get("kernel_size") or [options.get("nb_row"), options.get("nb_col")]
    return {
        "filters": options.get("filters", options.get("nb_filter")),
        "kernel_size": _pair(kernel),
        **facts,
        "dilation_rate": _pair(options.get("dilation_rate", 1)),
        "groups": options.get("groups", 1),
        "use_bias": options.get("use_bias", options.get("bias", True)),
        "activation": activation,
    }


def _pair(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value, value]
