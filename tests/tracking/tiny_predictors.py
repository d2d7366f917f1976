"""Real, tiny predictors of each kind, outside of the package, as an experiment would define them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from dlcamp.errors import DataError, ImageError


class DigestCaptioner:
    """Captions an image file by its length and digest; refuses what is not JPEG or PNG."""

    kind: ClassVar[str] = "image"

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def save(self, folder: Path) -> None:
        (folder / "prefix.json").write_text(json.dumps(self.prefix), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(json.loads((folder / "prefix.json").read_text("utf-8")))

    def predict(self, inputs: Sequence[bytes]) -> list[str]:
        for number, data in enumerate(inputs):
            if not data.startswith((b"\xff\xd8", b"\x89PNG")):
                raise ImageError(f"image {number} is neither JPEG nor PNG")
        return [f"{self.prefix} {len(data)} {hashlib.sha256(data).hexdigest()[:8]}" for data in inputs]


class Sum:
    """A weighted sum of two numbers."""

    kind: ClassVar[str] = "row"

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)

    def save(self, folder: Path) -> None:
        (folder / "weights.json").write_text(json.dumps(self.weights), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(json.loads((folder / "weights.json").read_text("utf-8")))

    def predict(self, inputs: Sequence[Mapping[str, float]]) -> list[float]:
        return [sum(self.weights[name] * row[name] for name in self.weights) for row in inputs]


class Moody(Sum):
    """Another answer in every process: a model that does not reload as the same."""

    def predict(self, inputs: Sequence[Mapping[str, float]]) -> list[float]:
        import os

        return [value + os.getpid() for value in super().predict(inputs)]


class Broken(Sum):
    """Cannot be loaded."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise RuntimeError("the weights are gone")


class Shout:
    """Text in capitals; refuses what is shouted already."""

    kind: ClassVar[str] = "text"

    def save(self, folder: Path) -> None:
        (folder / "shout.json").write_text("{}", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls()

    def predict(self, inputs: Sequence[str]) -> list[dict[str, str | int]]:
        if any(text.isupper() for text in inputs):
            raise DataError("a text is shouted already")
        return [{"shouted": text.upper(), "letters": len(text)} for text in inputs]
