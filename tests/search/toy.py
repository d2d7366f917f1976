"""A repository with one cheap experiment to search, whose best config is known: x = 0.3, size 20, mode fine."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.search import asked_of, search_of
from dlcamp.discovery import find
from dlcamp.search.asked import Search
from dlcamp.settings import settings

MODULE = '''"""Where is the top?"""
import os, signal, time
from pathlib import Path
from dlcamp import Choice, ExperimentConfig, Float, Int, experiment, maximize, tune

class Config(ExperimentConfig):
    x: float = tune(0.9, valid=Float(0, 1), space=Float(0, 1))
    size: int = tune(10, valid=Int(1, 99), space=Int(4, 20, step=4))
    mode: str = tune("plain", space=Choice("plain", "fine", "rough"))
    decay: float = tune(0.0, valid=Float(0, 1), space=Float(1e-5, 1e-1, log=True))
    epochs: int = tune(3, valid=Int(1, 99))
    fails: int = tune(-1, valid=Int(-5, 99))
    pause: float = tune(0.0, valid=Float(0, 5))
    tested: bool = tune(True, trial=False)

@experiment(config=Config, data=["purchases"], objective=maximize("val/score"))
def toy(config, data, run):
    number = config.seed % 1_000_000
    if "TOY_MARK" in os.environ:
        with Path(os.environ["TOY_MARK"]).open("a") as file:
            file.write(f"{number}\\n")
    if config.fails == number or config.fails == -2:
        raise ValueError(f"the cause of {number}")
    if config.fails == -3:
        raise [ValueError, TypeError, KeyError][number % 3]("the cause")
    if os.environ.get("TOY_STOP") == str(config.seed):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    score = 1 - abs(config.x - 0.3) + config.size / 1000 + 0.1 * (config.mode == "fine")
    score += 0.001 * (config.seed * (1 + config.size) % 7)
    for epoch in range(1, config.epochs + 1):
        time.sleep(config.pause)
        run.metrics({"val/score": score * epoch / config.epochs, "train/loss": 1 / epoch}, step=epoch)
    found = {"val/score": score, "cost/parameters": float(config.size)}
    return found | ({"test/score": score + 1} if config.tested else {})
'''
YAML = """
presets:
  slow: {epochs: 8}
  hopeless: {fails: -2}
  varied: {fails: -3}
  lasting: {epochs: 6, pause: 0.1}
"""


def toy_repository(folder: Path) -> Path:
    """Write it; its root."""
    for part, name, text in (("experiments", "toy.py", MODULE), ("configs", "toy.yaml", YAML)):
        (folder / part / "basics").mkdir(parents=True)
        (folder / part / "basics" / name).write_text(text, "utf-8")
    return folder


def asked(root: Path, **variables: str) -> Search:
    """What `make search NAME=toy` with these variables asks for."""
    given, written = Given({"NAME": "toy", "TRIALS": "6", **variables}), settings(root, find(root, "toy"))
    return search_of(given, asked_of(given, written), root, written)
