"""One file from a server that misbehaves in every way that servers do."""

from __future__ import annotations

import hashlib
import io
import socket
import urllib.request
from pathlib import Path

import pytest

from dlcamp.data.fetch.download import Patience, Unavailable, _Redirects, download
from dlcamp.data.fetch.space import free_space
from dlcamp.errors import DataError
from tests.data.fetch.server import Answer, Server
from tests.data.fetch.small import IMPATIENT, QUICK, Heard

CONTENT = bytes(range(256)) * 1000
OTHER = bytes(reversed(range(256))) * 1000


def is_content(path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(CONTENT).digest()


def get(url: str, folder: Path, heard: Heard | None = None, patience: Patience = QUICK, knows: bool = False) -> bytes:
    """What was downloaded; the `.part` and its note must be gone."""
    target = folder / "file.bin"
    whole = is_content if knows else (lambda path: False)
    download(url, target, heard or Heard(), patience=patience, free=free_space, whole=whole)
    assert [path.name for path in folder.iterdir()] == ["file.bin"]
    return target.read_bytes()


def test_a_file_arrives_in_one_piece_and_the_bar_ends_full(server: Server, tmp_path: Path) -> None:
    heard = Heard()
    assert get(server.serve("/a", CONTENT), tmp_path, heard) == CONTENT
    assert heard.bars == {"file.bin": [len(CONTENT), len(CONTENT)]}
    assert not heard.lines


def test_a_dropped_connection_is_gone_on_with_where_it_ended(server: Server, tmp_path: Path) -> None:
    heard = Heard()
    url = server.serve("/a", CONTENT, Answer(drop_after=100_000), Answer(drop_after=50_000))
    assert get(url, tmp_path, heard) == CONTENT
    assert server.ranges() == [None, "bytes=100000-", "bytes=150000-"]
    assert all(asked.if_range for asked in server.asked[1:])
    assert "at 100 kB" in heard.lines[0]
    assert heard.bars["file.bin"] == [len(CONTENT), len(CONTENT)]


def test_drops_that_each_bring_something_are_never_too_many(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, *[Answer(drop_after=16_000)] * 12)
    assert get(url, tmp_path) == CONTENT


def test_a_server_that_goes_silent_is_left_and_gone_on_with(server: Server, tmp_path: Path) -> None:
    heard = Heard()
    url = server.serve("/a", CONTENT, Answer(stall_after=70_000), Answer(stall_after=0))
    assert get(url, tmp_path, heard, IMPATIENT) == CONTENT
    assert "nothing came for 0.3 s" in heard.text


def test_another_process_goes_on_where_the_first_gave_up(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, Answer(drop_after=1000), *[Answer(status=503)] * 3)
    with pytest.raises(Unavailable, match="503"):
        get(url, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"file.bin.part", "file.bin.part.json"}
    assert get(url, tmp_path) == CONTENT
    assert server.ranges()[-1] == "bytes=1000-"


def test_a_server_that_ignores_ranges_is_read_from_the_start_again(server: Server, tmp_path: Path) -> None:
    heard = Heard()
    url = server.serve("/a", CONTENT, Answer(drop_after=100_000), Answer(ranges=False))
    assert get(url, tmp_path, heard) == CONTENT
    assert heard.bars["file.bin"][1] == len(CONTENT)


def test_a_server_that_ignores_ranges_and_always_breaks_off_is_given_up(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, always=Answer(ranges=False, drop_after=100_000))
    with pytest.raises(Unavailable, match="connection ended before all 256 kB"):
        get(url, tmp_path)
    assert len(server.asked) == 1 + QUICK.tries


def test_a_file_that_changes_between_two_tries_is_fetched_anew_as_a_whole(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, Answer(drop_after=100_000), Answer(content=OTHER))
    assert get(url, tmp_path) == OTHER


@pytest.mark.parametrize("new", [OTHER, CONTENT + OTHER])
def test_the_rest_of_a_new_version_is_not_put_behind_the_old(server: Server, tmp_path: Path, new: bytes) -> None:
    url = server.serve("/a", CONTENT, Answer(drop_after=100_000), Answer(content=new, if_range=False))
    heard = Heard()
    assert get(url, tmp_path, heard) == new
    assert "the file changed on the server" in heard.text


def test_without_a_version_nothing_is_put_together_from_pieces(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, Answer(drop_after=9, validators=False), always=Answer(validators=False))
    assert get(url, tmp_path) == CONTENT
    assert server.ranges() == [None, None]


def test_the_part_of_another_address_is_not_gone_on_with(server: Server, tmp_path: Path) -> None:
    first = server.serve("/a", CONTENT, Answer(drop_after=9), always=Answer(status=503))
    with pytest.raises(Unavailable):
        get(first, tmp_path)
    assert get(server.serve("/b", OTHER), tmp_path) == OTHER


def test_a_damaged_note_costs_the_part_and_no_more(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"x" * 500)
    (tmp_path / "file.bin.part.json").write_text('{"url": ')
    assert get(server.serve("/a", CONTENT), tmp_path) == CONTENT


def test_a_whole_part_is_recognised_by_the_servers_refusal_to_add_to_it(server: Server, tmp_path: Path) -> None:
    """So ends a try that was killed between the last byte and the renaming; and a server that claimed too much."""
    url = server.serve("/a", CONTENT, Answer(length=5000))
    assert get(url, tmp_path) == CONTENT
    assert server.ranges() == [None, f"bytes={len(CONTENT)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, Answer(drop_after=100), *[Answer(status=503)] * 3)
    with pytest.raises(Unavailable):
        get(url, tmp_path)
    with (tmp_path / "file.bin.part").open("ab") as file:
        file.write(CONTENT)
    assert get(url, tmp_path) == CONTENT


def test_a_length_that_is_too_long_ends_at_the_known_checksum(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, always=Answer(length=5000, ranges=False))
    assert get(url, tmp_path, knows=True) == CONTENT
    with pytest.raises(Unavailable, match="before all 261 kB"):
        get(url, tmp_path / "..")


def test_a_length_that_is_too_short_gives_what_was_announced(server: Server, tmp_path: Path) -> None:
    """Nothing on this level can tell; the checksum or the archive does."""
    assert get(server.serve("/a", CONTENT, always=Answer(length=-5000)), tmp_path) == CONTENT[:-5000]


@pytest.mark.parametrize("answer", [Answer(length=None), Answer(chunked=True), Answer(chunked=True, length=-900)])
def test_a_file_of_unknown_length_is_read_to_its_end(server: Server, tmp_path: Path, answer: Answer) -> None:
    assert get(server.serve("/a", CONTENT, always=answer), tmp_path) == CONTENT


def test_a_chunked_answer_that_breaks_off_is_not_taken_for_the_whole(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, Answer(chunked=True, drop_after=90_000))
    assert get(url, tmp_path) == CONTENT


def test_a_range_that_starts_elsewhere_than_asked_is_not_used(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT, Answer(drop_after=100_000), Answer(shift=10))
    assert get(url, tmp_path) == CONTENT
    assert server.ranges() == [None, "bytes=100000-", None]


@pytest.mark.parametrize("status", [404, 403, 410, 501])
def test_an_answer_that_is_final_is_not_asked_for_again(server: Server, tmp_path: Path, status: int) -> None:
    with pytest.raises(Unavailable, match=str(status)) as caught:
        get(server.serve("/a", CONTENT, always=Answer(status=status)), tmp_path)
    assert caught.value.status == status
    assert len(server.asked) == 1
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_busy_for_a_while_is_asked_again(server: Server, tmp_path: Path) -> None:
    heard = Heard()
    busy = Answer(status=503, headers=(("Retry-After", "3600"),))
    assert get(server.serve("/a", CONTENT, busy, Answer(status=429)), tmp_path, heard) == CONTENT
    assert "going on in 0.01 s" in heard.lines[0]


def test_redirects_are_followed_also_when_going_on(server: Server, tmp_path: Path) -> None:
    server.serve("/there", CONTENT, Answer(drop_after=100_000))
    url = server.serve("/a", b"", always=Answer(redirect="/there"))
    assert get(url, tmp_path) == CONTENT
    assert server.asked[-1].path == "/there"
    assert server.asked[-1].range == "bytes=100000-"


def test_a_loop_of_redirects_ends(server: Server, tmp_path: Path) -> None:
    server.serve("/b", b"", always=Answer(redirect="/a"))
    with pytest.raises(Unavailable, match="infinite loop"):
        get(server.serve("/a", b"", always=Answer(redirect="/b")), tmp_path)
    assert len(server.asked) < 30


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_out_of_the_web_is_not_followed(server: Server, tmp_path: Path, target: str) -> None:
    with pytest.raises(Unavailable):
        get(server.serve("/a", b"", always=Answer(redirect=target)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    asked = urllib.request.Request("https://127.0.0.1/a")
    with pytest.raises(Unavailable, match="not followed"):
        _Redirects().redirect_request(asked, io.BytesIO(), 302, "Found", {}, "http://127.0.0.1/a")


def test_nobody_listening_is_given_up_soon(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
        with pytest.raises(Unavailable, match=r"no connection \(Connection refused\) \(2 times"):
            get(url, tmp_path)


def test_an_empty_file_arrives_too(server: Server, tmp_path: Path) -> None:
    assert get(server.serve("/a", b""), tmp_path) == b""


def test_a_file_too_large_for_the_disk_is_not_begun(server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", CONTENT)
    with pytest.raises(DataError, match=r"needs 256 kB .* has 1 kB free"):
        download(url, tmp_path / "f", Heard(), patience=QUICK, free=lambda folder: 1000)
    assert not (tmp_path / "f").exists()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.part")) == 0
