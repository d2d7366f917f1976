"""The record of a search (`analysis.searched`) from its journal."""

from __future__ import annotations

from dlcamp.analysis.searched import Replication, Searched
from dlcamp.search.asked import Search
from dlcamp.search.importances import importances
from dlcamp.search.journal import Journal


def searched(search: Search, journal: Journal, replication: Replication | None = None) -> Searched:
    """Everything that tables and pages say of a search."""
    request = search.base.request
    return Searched(
        experiment=request.experiment.name,
        question=request.experiment.question,
        data=request.data,
        digest=search.digest,
        run=journal.get("parent", ""),
        command=search.command,
        engine=search.engine,
        sampler=search.sampler,
        pruner=search.pruner,
        objectives=search.objectives,
        spaces=search.space.spaces,
        defaults=search.space.defaults,
        fixed=search.space.fixed,
        trials=tuple(journal.trials()),
        importances=importances(journal.study, search.objectives),
        replication=replication,
        workers=search.workers,
        journal=str(journal.path),
    )
