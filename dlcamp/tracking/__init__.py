"""Where runs are written and read: a narrow protocol, a memory tracker, and MLflow on SQLite or a server."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "capture": ["captured_output"],
        "doctor": ["StaleRun", "end_stale", "stale_runs", "waiting"],
        "handle": ["ActiveRun", "Trained"],
        "lease": ["Lease", "is_alive", "is_dead", "why_dead"],
        "memory": ["MemoryTracker"],
        "mlflow_store": ["MlflowStore", "open_existing_store", "open_store"],
        "progress": ["Progress", "Terminal"],
        "protocol": ["Point", "Predictor", "Reader", "RunRow", "Status", "Store", "TrackedRun", "Tracker"],
    },
)
