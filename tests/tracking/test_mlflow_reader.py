"""What MLflow gives as a location is read as the folder that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.tracking.mlflow_reader import local_path


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("file:///a%20b/1", Path("/a b/1")),
        ("/a#b/50%25?", Path("/a#b/50%25?")),
        ("mlflow-artifacts:/1", None),
        ("s3://a/1", None),
    ],
)
def test_a_location_is_a_path_only_where_it_lies_on_this_machine(location: str, path: Path | None) -> None:
    assert local_path(location) == path
