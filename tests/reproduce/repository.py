"""A small git repository that is a workbench: the package, and one experiment that is as steady as it is told to be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from dlcamp.paths import REPOSITORY

SCALE = "SCALE = 1.0"
MODULE = f'''"""Is it the same again?"""
import os, time
from dlcamp import ExperimentConfig, Int, experiment, maximize, tune

{SCALE}

class Config(ExperimentConfig):
    epochs: int = tune(3, valid=Int(1, 99))

@experiment(config=Config, data=["purchases"], objective=maximize("val/accuracy"))
def steady(config, data, run):
    luck = float(os.environ.get("LUCK", "0"))
    for epoch in range(1, config.epochs + 1):
        run.metrics({{"train/loss": SCALE / epoch + (luck if epoch > 1 else 0.0)}}, step=epoch)
        if os.environ.get("SLOW"):
            run.flush()
            time.sleep(float(os.environ["SLOW"]))
    if os.environ.get("ILL"):
        raise ValueError("the cause")
    run.predictions([{{"item": f"p{{i}}", "output": SCALE * i}} for i in range(3)])
    return {{"val/accuracy": 0.5 * SCALE, "cost/speed": time.time()}}
'''


def git(folder: Path, *arguments: str) -> str:
    """What git says, as an author of its own, whoever runs the tests."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path) -> Path:
    """A repository with one commit."""
    (folder / "experiments" / "basics").mkdir(parents=True)
    (folder / "experiments" / "basics" / "steady.py").write_text(MODULE, "utf-8")
    (folder / ".gitignore").write_text("__pycache__/\n", "utf-8")
    git(folder, "init", "--quiet")
    return folder


def with_package(folder: Path) -> Path:
    """The same with the package in it, so that it runs by itself."""
    repository(folder)
    shutil.copytree(REPOSITORY / "dlcamp", folder / "dlcamp", ignore=shutil.ignore_patterns("__pycache__"))
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    """Commit everything; the commit's name."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a state")
    return git(folder, "rev-parse", "HEAD")


def edit(folder: Path, before: str, after: str) -> None:
    """Change the experiment's source."""
    path = folder / "experiments" / "basics" / "steady.py"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")
