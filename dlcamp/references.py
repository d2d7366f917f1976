"""References to code as text, "package.module:name": followed late, so that naming costs no import."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

from dlcamp.errors import DiscoveryError


def follow(reference: str) -> Any:
    """Import what "package.module:name" names.

    Raises:
        DiscoveryError: no such module or name.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise DiscoveryError(f"{reference!r} names nothing: {error}") from None


def module_of(reference: str) -> str:
    """The module part of a reference."""
    return reference.partition(":")[0]


def locate(root: Path, reference: str) -> tuple[Path, int]:
    """File and line of the definition a reference names, found by reading.

    Raises:
        DiscoveryError: no such file or definition under `root`.
    """
    module, _, name = reference.partition(":")
    base = root.joinpath(*module.split("."))
    path = base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"
    if not path.exists():
        raise DiscoveryError(f"{reference!r}: there is no {path}")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return path, node.lineno
    raise DiscoveryError(f"{reference!r}: {path} defines no {name}")
