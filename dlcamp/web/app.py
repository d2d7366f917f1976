"""create_app: the dashboard as an ASGI application over a store and a folder of experiments.

    app = create_app(open_store(), REPOSITORY, mlflow="http://127.0.0.1:5000")

Pages are made on the server and read only; `/health` answers once it can serve.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from dlcamp.tracking.protocol import Store
from dlcamp.web import ablation, champions, experiment, explore_page, index, problems, search, static_files
from dlcamp.web.cached import FRESH, CachedReader
from dlcamp.web.guard import Guard
from dlcamp.web.site import Site


def create_app(store: Store, root: Path, *, mlflow: str = "", fresh: float = FRESH) -> FastAPI:
    """The application.

    Args:
        store: whose runs are shown.
        root: the folder that holds `experiments/` and `configs/`.
        mlflow: address of MLflow's pages over the same store, for links; "" where they are not served.
        fresh: seconds for which what was read from the store is shown again.
    """
    site = Site(store, root, CachedReader(store.reader, fresh), mlflow.rstrip("/"))
    # FastAPI's own pages load scripts from a network
    app = FastAPI(title="dlcamp", docs_url=None, redoc_url=None, openapi_url=None)
    for part in (index, experiment, ablation, search, explore_page, champions, static_files):
        app.include_router(part.routes(site))
    app.state.site = site
    problems.install(app, site)
    app.add_middleware(Guard)
    return app
