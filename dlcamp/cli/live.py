"""The view of a running ablation: a live table in a terminal, one line a variant; plain lines elsewhere."""

from __future__ import annotations

import statistics
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dlcamp.cli.ending import duration

if TYPE_CHECKING:
    from dlcamp.ablation.design import Place
    from dlcamp.ablation.engine import Ablation
    from dlcamp.ablation.state import Child, State

PLAIN_SECONDS = 15.0


class View:
    """Shows the state of an ablation while the block runs."""

    def __init__(self, ablation: Ablation) -> None:
        self._places = ablation.design.places()
        self._metric = ablation.design.comparison.metric
        self._live: Any = None
        self._last = 0.0
        self._done = -1

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=sys.stderr)
        if console.is_terminal:
            self._live = Live(console=console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """A line above the table."""
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(line))
        else:
            print(line, file=sys.stderr, flush=True)

    def watch(self, state: State, expected: int) -> None:
        """Show how far it is."""
        if self._live is not None:
            self._live.update(self._table(state, expected))
            return
        done = sum(child.settled for child in state.children.values())
        now = time.monotonic()
        if done != self._done and (now - self._last >= PLAIN_SECONDS or not expected):
            self._last, self._done = now, done
            self.say(self._line(state, expected))

    def _line(self, state: State, expected: int) -> str:
        done = sum(child.settled for child in state.children.values())
        failed = sum(child.status == "FAILED" for child in state.children.values())
        wrong = f", {failed} failed" if failed else ""
        return f"{done}/{done + expected} runs{wrong}{_eta(state, expected)}"

    def _table(self, state: State, expected: int) -> Any:
        from rich.table import Table

        table = Table(title=self._line(state, expected), title_justify="left", box=None, pad_edge=False)
        for name, style in (
            ("", ""),
            ("trials", "dim"),
            ("done", "green"),
            ("failed", "red"),
            (self._metric, "bold"),
            ("running", "dim"),
        ):
            table.add_column(name, style=style, justify="left" if name in ("", "running") else "right")
        for place in self._places:
            table.add_row(*_row(place, state, self._metric))
        return table


def _row(place: Place, state: State, metric: str) -> list[str]:
    own = [child for child in state.children.values() if child.place == place]
    trials, cells = [c for c in own if c.kind == "trial"], [c for c in own if c.kind == "cell"]
    failed = sum(child.status == "FAILED" for child in own)
    values = [c.metrics[metric] for c in cells if metric in c.metrics]
    mean = f"{statistics.fmean(values):.4f}" if values else ""
    running = ", ".join(_running(child) for child in own if child.status == "RUNNING")
    tried = f"{sum(c.settled for c in trials)}/{len(trials)}" if trials else ""
    done = f"{sum(c.status == 'FINISHED' for c in cells)}/{len(cells)}" if cells else ""
    return [str(place), tried, done, str(failed or ""), mean, running]


def _running(child: Child) -> str:
    return f"seed {child.seed}" if child.kind == "cell" else f"trial {child.key.rpartition(' ')[2]}"


def _eta(state: State, expected: int) -> str:
    seconds = state.eta(expected)
    return "" if seconds is None or not expected else f", about {duration(seconds)} left"
