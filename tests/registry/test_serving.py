"""`mlflow models serve` over a champion: a process that knows only the store's address, as others would start it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dlcamp.cli.main import main
from tests.captioning.attended import photo

pytestmark = pytest.mark.slow
NAME = "caption_lstm-scenes"
PHOTOS = [photo(noise=number) for number in range(3)]


@dataclass(frozen=True)
class Champion:
    """The address of its store, its home, and what it says of PHOTOS."""

    uri: str
    home: Path
    captions: list[str]


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Iterator[Champion]:
    """An untrained captioner, registered."""
    from dlcamp.tracking import open_store
    from tests.captioning.attended import predictor
    from tests.registry.test_predict import register

    home = tmp_path_factory.mktemp("serving")
    (home / "mlruns").mkdir()
    shutil.copy(store_template, home / "mlruns/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCAMP_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store, captioner = open_store(), predictor("merge")
        register(store, NAME, captioner, PHOTOS[0], home / "model")
        yield Champion(store.uri, home, captioner.predict(PHOTOS))


@pytest.fixture(scope="module")
def served(champion: Champion, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that was started in an empty folder, with nothing of this checkout on its path."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in ("DLCAMP_HOME", "PYTHONPATH")}
    environment |= {
        "MLFLOW_TRACKING_URI": champion.uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # MLflow looks for uvicorn there
    }
    command = ["mlflow", "models", "serve", "-m", f"models:/{NAME}@champion", "--env-manager", "local"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(server, address, folder / "log")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 240
    while True:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.3)


def ask(address: str, images: list[bytes | str], column: str = "image") -> tuple[int, dict[str, Any]]:
    texts = [base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in images]
    body = json.dumps({"dataframe_records": [{column: text} for text in texts]}).encode()
    request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def bomb(side: int = 20_000) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b""), b"IEND"]
    packed = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_a_photo_in_json_is_captioned_and_a_batch_as_a_batch(served: str, champion: Champion) -> None:
    captions = [{"caption": caption} for caption in champion.captions]
    assert ask(served, PHOTOS[:1]) == (200, {"predictions": captions[:1]})
    assert ask(served, list(PHOTOS)) == (200, {"predictions": captions})


def test_requests_at_once_get_their_own_answers(served: str, champion: Champion) -> None:
    with ThreadPoolExecutor(3) as clients:
        answers = list(clients.map(lambda one: ask(served, [one]), PHOTOS * 2))
    assert [answer[1]["predictions"][0]["caption"] for answer in answers] == champion.captions * 2


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (["no base64!"], "it is not an image"),
        ([PHOTOS[0], b"junk"], "image 1"),
        ([PHOTOS[0][:300]], "image 0"),
        ([bomb()], "decompression bomb"),
        ([""], "image 0 is empty"),
        ([], "missing inputs"),
    ],
)
def test_a_bad_request_is_a_400_that_names_the_image_and_the_server_goes_on(
    served: str, champion: Champion, images: list[bytes | str], says: str
) -> None:
    code, answer = ask(served, images)
    assert code == 400
    assert says in answer["message"]
    assert "stack_trace" not in answer
    assert ask(served, PHOTOS[:1])[1]["predictions"][0]["caption"] == champion.captions[0]


def test_another_column_is_a_400(served: str) -> None:
    code, answer = ask(served, PHOTOS[:1], "photo")
    assert code == 400
    assert "missing inputs ['image']" in answer["message"]


def test_predict_says_of_a_folder_what_the_server_says(
    champion: Champion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, content in enumerate(PHOTOS):
        (tmp_path / f"{number}.jpg").write_bytes(content)
    (tmp_path / "1b.png").write_bytes(b"junk")
    assert main(["predict", "NAME=caption_lstm", f"INPUT={tmp_path}", "FORMAT=json"]) == 0
    said = capsys.readouterr()
    rows = json.loads(said.out)
    assert [row["caption"] for row in rows] == [*champion.captions[:2], None, champion.captions[2]]
    assert "it is not an image" in rows[2]["error"]
    assert "1 of 4 could not be answered" in said.err
    assert all(row["novelty"] > 0 for row in rows if row["caption"] is not None)
