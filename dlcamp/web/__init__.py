"""The dashboard: pages over a store of runs, read only, served on this machine by `make ui` (FastAPI and Jinja)."""
