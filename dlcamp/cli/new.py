"""`new`: a module and a yaml that run at once, to be changed into your question."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.discovery import listing
from dlcamp.errors import UserError

TEMPLATE = Path(__file__).parent / "templates"


def run(given: Given, root: Path) -> int:
    """Write the two files; refuse names that are taken or are not names."""
    name, chapter = str(given.get("NAME")), str(given.get("CHAPTER"))
    for what, value in (("NAME", name), ("CHAPTER", chapter)):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", value) or keyword.iskeyword(value):
            raise UserError(
                f"{what}={value!r} must be lower case letters, digits and _, and no word of Python's own, "
                "for example my_question"
            )
    known = listing(root, {})
    if name in known:
        raise UserError(f"there is an experiment {name} already: {known[name].path}")
    module = root / "experiments" / chapter / f"{name}.py"
    settings = root / "configs" / chapter / f"{name}.yaml"
    for path in (module, settings):
        if path.exists():
            raise UserError(f"{path} exists already; nothing was written")
    for path, template in ((module, "experiment.py.txt"), (settings, "experiment.yaml.txt")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((TEMPLATE / template).read_text("utf-8").replace("@NAME@", name), "utf-8")
    chapters = sorted({one.chapter for one in known.values()})
    if chapter not in chapters:
        print(f"new chapter {chapter}; there are: {', '.join(chapters)}")
    print(f"written    {module}\n           {settings}")
    print(f"try it     make exp NAME={name} PRESET=smoke\nnext       state your question in the module's first line")
    return 0
