"""The view of a running ablation or search: a live table in a terminal; plain lines elsewhere."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dlcamp.cli.ending import duration

if TYPE_CHECKING:
    from dlcamp.ablation.design import Place
    from dlcamp.ablation.engine import Ablation
    from dlcamp.ablation.state import Child, State
    from dlcamp.analysis.searched import SearchTrial
    from dlcamp.search.asked import Search
    from dlcamp.search.live import Progress

PLAIN_SECONDS = 15.0
BEST = 5


class LiveView:
    """A table that is drawn over and over while the block runs; where there is no terminal, now and then a line."""

    def __init__(self) -> None:
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

    def show(self, done: int, last: bool, line: str, rows: Callable[[], tuple[list[Column], list[list[str]]]]) -> None:
        """Show how far it is.

        Args:
            done: what has ended; a plain line is said only when it has changed.
            last: whether nothing is left to come.
            line: over the table, or instead of it.
            rows: (columns, rows) of the table; asked only where one is drawn.
        """
        if self._live is not None:
            self._live.update(_table(line, *rows()))
            return
        now = time.monotonic()
        if done != self._done and (now - self._last >= PLAIN_SECONDS or last):
            self._last, self._done = now, done
            self.say(line)


@dataclass(frozen=True)
class Column:
    """A column of a live table."""

    name: str
    style: str = ""
    left: bool = False


def _table(line: str, columns: list[Column], rows: list[list[str]]) -> Any:
    from rich.table import Table

    table = Table(title=line, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.name, style=column.style, justify="left" if column.left else "right")
    for row in rows:
        table.add_row(*row)
    return table


class View(LiveView):
    """Shows the state of an ablation, one line a variant."""

    def __init__(self, ablation: Ablation) -> None:
        super().__init__()
        self._places = ablation.design.places()
        self._metric = ablation.design.comparison.metric

    def watch(self, state: State, expected: int) -> None:
        """Show how far it is."""
        done = sum(child.settled for child in state.children.values())
        failed = sum(child.status == "FAILED" for child in state.children.values())
        wrong = f", {failed} failed" if failed else ""
        line = f"{done}/{done + expected} runs{wrong}{_eta(state, expected)}"
        self.show(done, not expected, line, lambda: self._rows(state))

    def _rows(self, state: State) -> tuple[list[Column], list[list[str]]]:
        columns = [
            Column("", left=True),
            Column("trials", "dim"),
            Column("done", "green"),
            Column("failed", "red"),
            Column(self._metric, "bold"),
            Column("running", "dim", left=True),
        ]
        return columns, [_row(place, state, self._metric) for place in self._places]


class SearchView(LiveView):
    """Shows a search: the best trials so far, and those that run."""

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._objective = search.objectives[0]
        self._fields = list(search.space.spaces)

    def watch(self, progress: Progress) -> None:
        """Show how far it is."""
        finished = [trial for trial in progress.trials if trial.status == "FINISHED"]
        sign = -1 if self._objective.direction == "maximize" else 1
        best = sorted(finished, key=lambda trial: (sign * trial.objectives[0], trial.number))
        counts = [f"{sum(t.status == s for t in progress.trials)} {s.lower()}" for s in ("PRUNED", "FAILED")]
        told = "".join(f", {count}" for count in counts if not count.startswith("0 "))
        leader = f", best {self._objective.metric} {best[0].objectives[0]:.4g} (trial {best[0].number})" if best else ""
        left = f", about {duration(progress.eta)} left" if progress.eta and progress.settled < progress.total else ""
        line = f"{progress.settled}/{progress.total} trials{told}{leader}{left}"
        self.show(progress.settled, progress.settled >= progress.total, line, lambda: self._rows(progress, best))

    def _rows(self, progress: Progress, best: list[SearchTrial]) -> tuple[list[Column], list[list[str]]]:
        columns = [Column("trial"), Column(self._objective.metric, "bold"), *(Column(name) for name in self._fields)]
        running = [trial for trial in progress.trials if trial.number in progress.running]
        rows = [self._cells(trial, f"{trial.objectives[0]:.4f}") for trial in best[:BEST]]
        return columns, rows + [self._cells(trial, _latest(trial)) for trial in running]

    def _cells(self, trial: SearchTrial, value: str) -> list[str]:
        return [str(trial.number), value, *(_short(trial.values.get(name, "")) for name in self._fields)]


def _latest(trial: SearchTrial) -> str:
    return f"running {trial.curve[-1][1]:.4f}" if trial.curve else "running"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:16]


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
