"""A change of what computes changes the fingerprint; a change of words does not."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dlcamp.fingerprint import closure, code_digest, differences, imports
from dlcamp.paths import REPOSITORY

CODE = '''"""Promise."""
import numpy as np

LIMIT = 3  # images

def area(width, height):
    """In pixels."""
    # both sides count
    return width * height

class Box:
    """A box."""
    side: int = 2
    """metres"""
'''
words = st.text(st.characters(whitelist_categories=["L", "N"], whitelist_characters=" .,"), max_size=30)
quiet = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def digest_of(folder: Path, text: str, count: list[int] = [0]) -> str:  # noqa: B006  (a counter for fresh names)
    count[0] += 1
    path = folder / f"m{count[0]}.py"
    path.write_text(text, "utf-8")
    return code_digest(path)


@quiet
@given(comment=words, doc=words)
def test_an_edit_of_comments_and_docstrings_keeps_the_digest(tmp_path: Path, comment: str, doc: str) -> None:
    edited = CODE.replace("both sides count", comment).replace("In pixels.", doc).replace("Promise.", doc)
    edited = edited.replace("metres", doc).replace("# images", f"# {comment}").replace("\n\n", f"\n\n# {comment}\n\n")
    assert digest_of(tmp_path, edited) == digest_of(tmp_path, CODE)


def test_an_edit_of_code_changes_the_digest(tmp_path: Path) -> None:
    base = digest_of(tmp_path, CODE)
    for old, new in [
        ("width * height", "width + height"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("side: int = 2", "side: int = 1"),
    ]:
        assert digest_of(tmp_path, CODE.replace(old, new)) != base


def tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def test_the_closure_follows_imports_of_what_computes_and_stops_at_the_rest(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "experiments/basics/one.py": "from dlcamp import captioning\nimport dlcamp.runner\n",
            "dlcamp/__init__.py": "",
            "dlcamp/runner.py": "from dlcamp.vision import lost\n",
            "dlcamp/captioning/__init__.py": (
                "import lazy_loader\nlazy_loader.attach(__name__, submod_attrs={'study': ['run']})\n"
            ),
            "dlcamp/captioning/study.py": "def run():\n    from ..training.fit import fit\n    import keras\n",
            "dlcamp/captioning/alone.py": "",
            "dlcamp/training/__init__.py": "",
            "dlcamp/training/fit.py": "import numpy as np\nfrom dlcamp.tracking import handle\n",
            "dlcamp/vision/__init__.py": "",
        },
    )
    found, foreign = closure(tmp_path, ["experiments.basics.one"])
    assert set(found) == {
        "experiments.basics.one",
        "dlcamp.captioning",
        "dlcamp.captioning.study",
        "dlcamp.training.fit",
    }
    assert {"numpy", "keras"} <= foreign


def test_relative_imports_are_resolved(tmp_path: Path) -> None:
    tree(tmp_path, {"dlcamp/a/b.py": "from . import c\nfrom .d import e\nfrom ..f import g\n"})
    found = imports(tmp_path / "dlcamp/a/b.py", "dlcamp.a.b")
    assert {"dlcamp.a.c", "dlcamp.a.d", "dlcamp.f"} <= set(found)


def test_differences_say_which_part_changed() -> None:
    old = {"experiment": "x", "config": {"a": 1, "b": 2}, "data": "d:1", "code": {"m": "1"}, "environment": {}}
    new = {"experiment": "x", "config": {"a": 5, "c": 2}, "data": "d:2", "code": {"m": "2"}, "environment": {"n": "1"}}
    assert set(differences(old, new)) == {
        "config: a 1 -> 5",
        "config: b is gone",
        "config: c is new (2)",
        "data: d:1 -> d:2",
        "code: m changed",
        "environment: n is new (1)",
    }
    assert differences(new, new) == []


def test_how_files_are_fetched_is_no_part_of_what_a_result_depends_on() -> None:
    modules, _ = closure(REPOSITORY, ["dlcamp.vision.vgg_weights"])
    assert "dlcamp.vision.vgg_weights" in modules
    assert not [name for name in modules if name.startswith("dlcamp.data.fetch.") or name == "dlcamp.data.fetch"]
    assert "dlcamp.data.fetched" in modules, "it opens data sets"
