"""Who may ask the dashboard, and what its answers carry."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from dlcamp.tracking import MemoryTracker
from tests.web.conftest import add


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5001", "localhost:8080", "LOCALHOST"])
def test_this_machine_may_ask_under_its_own_names(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5001", "127.0.0.1.evil.example", "localhost:5001@evil.example", "", "[::1]:1"],
)
def test_a_name_that_was_pointed_here_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 403
    assert "127.0.0.1" in answer.text


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:5001", 200),
        ("http://127.0.0.1:5000", 403),
        ("http://localhost:5001", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_only_its_own_pages_scripts_may_read_it(client: TestClient, origin: str, status: int) -> None:
    assert client.get("/", headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/explore", "/no/such/page"])
def test_nothing_can_be_written(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/health", "/explore", "/static/report.css"])
def test_head_answers_where_get_does(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/no/such/page", "/experiments/nothing", "/static/report.css"])
def test_every_answer_allows_its_own_scripts_only(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_pages_of_the_framework_are_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fapp.py", "app.py", "%2e%2e/app.py", "report.html"])
def test_only_known_files_are_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_plotly_is_served_from_its_package_and_kept_by_the_browser(client: TestClient) -> None:
    from plotly import __version__

    answer = client.get(f"/static/plotly-{__version__}.js")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "plotly.js" in answer.text[:200]


def test_no_page_asks_for_anything_from_a_network(client: TestClient, tracker: MemoryTracker) -> None:
    add(tracker)
    for path in ("/", "/explore?name=regularizers", "/experiments/regularizers", "/no/such/page"):
        text = client.get(path).text
        assert 'src="http' not in text
        assert "<script>" not in text
        links = [part.partition('"')[0] for part in text.split('href="http')[1:]]
        assert all(link.startswith("://127.0.0.1:5000") for link in links), path
