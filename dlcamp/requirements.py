"""Exact versions of the installed packages that a module needs: what a saved model asks its host to install."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from dlcamp.fingerprint import closure
from dlcamp.paths import REPOSITORY

SERVING = ("mlflow", "pandas", "numpy", "pydantic", "lazy_loader")
"""Import names that every saved model needs: the pyfunc, and what importing `dlcamp` itself imports."""


def requirements_of(module: str, root: Path = REPOSITORY) -> list[str]:
    """ "name==version" of each distribution that `module` imports, statically and through the repository's modules.

    Packages that are imported but not installed (an optional one, behind a check) are left out.
    """
    _, imported = closure(root, [module])
    if "keras" in imported:
        imported.add("tensorflow")  # the backend that Keras runs on is imported by nobody
    providers = metadata.packages_distributions()
    names = {
        distribution
        for name in {*imported, *SERVING} - sys.stdlib_module_names
        for distribution in _distributions(name, providers.get(name, []))
    }
    return [f"{name}=={metadata.version(name)}" for name in sorted(names, key=str.lower)]


def _distributions(name: str, providers: list[str]) -> list[str]:
    # several distributions may put files under one name (mlflow, mlflow-skinny); the one called so brings the others
    own = [provider for provider in providers if provider.lower().replace("-", "_") == name.lower()]
    return own or sorted(set(providers))
