"""The templates of the sections, and how their numbers are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


def rendered(template: str, **values: Any) -> str:
    """The markup of one template; all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def style(name: str) -> str:
    """The style sheet of one section."""
    return (_TEMPLATES / name).read_text("utf-8")


def interval(low: float, high: float, digits: int = 2) -> str:
    """`[0.44, 0.48]`."""
    return f"[{low:.{digits}f}, {high:.{digits}f}]"
