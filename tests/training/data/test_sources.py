"""Finding a data set's files: a folder, the package, a download."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.training.faults import largest_file
from training.config import config_from
from training.data.sources import KNOWN, download, find_source, package_folder
from training.errors import DataError, StorageError

CONTENT = b"1\t2\t3\n" * 50_000


class _Files(BaseHTTPRequestHandler):
    """Answers every path below /ok/ with the same content, and counts."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/none/"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000] if self.path.startswith("/short/") else CONTENT)

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A local HTTP server; `asked` lists the paths it was asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _address(server: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_given_folder_wins(tmp_path: Path) -> None:
    """With --data, the files are those of that folder, and FordA's are still checked."""
    source = find_source(config_from({"data": str(tmp_path)}))
    assert source.train == tmp_path / "FordA_TRAIN.tsv"
    assert source.test == tmp_path / "FordA_TEST.tsv"
    assert source.digests == KNOWN["FordA"].sha256


@pytest.mark.parametrize(
    "name",
    ["a_TRAIN.tsv.gz", "a_TRAIN.txt", "a_TRAIN.csv", "a_TRAIN.npz", "a_TRAIN.arff", "a_TRAIN", "a_TRAIN.ts"],
)
@pytest.mark.parametrize("inner", ["", "a"])
def test_a_given_folder_may_hold_other_formats(tmp_path: Path, name: str, inner: str) -> None:
    """A file that ends otherwise is found, also in a folder of the data set's name, as in the archive."""
    (tmp_path / inner).mkdir(exist_ok=True)
    (tmp_path / inner / name).touch()
    source = find_source(config_from({"data": str(tmp_path), "dataset": "a"}))
    assert source.train == tmp_path / inner / name
    assert source.test == tmp_path / "a_TEST.tsv"


def test_the_usual_format_comes_first(tmp_path: Path) -> None:
    """Where a folder holds a part in several formats."""
    for ending in (".arff", ".ts", ".tsv", ".txt"):
        (tmp_path / f"a_TEST{ending}").touch()
    assert find_source(config_from({"data": str(tmp_path), "dataset": "a"})).test == tmp_path / "a_TEST.tsv"


def test_the_package_is_next() -> None:
    """Without a folder, the files of the installed package are used."""
    source = find_source(config_from({"dataset": "ECG5000"}))
    assert source.train.is_file()
    assert source.train.parent == package_folder()
    assert source.digests == {}


def test_a_pair_of_files_is_taken_as_it_is(tmp_path: Path) -> None:
    """A pair of files stands for itself, wherever it is."""
    pair = {"train_file": str(tmp_path / "x.tsv"), "test_file": str(tmp_path / "y.tsv")}
    source = find_source(config_from(pair))
    assert (source.train, source.test) == (tmp_path / "x.tsv", tmp_path / "y.tsv")


def test_an_unknown_data_set_names_the_ways_out() -> None:
    """A data set that is nowhere is refused with the options that would help."""
    with pytest.raises(DataError, match=r"NoSuchSet.*--data DIR, --download-url URL, or --train-file"):
        find_source(config_from({"dataset": "NoSuchSet"}))


def test_a_download_is_kept_and_not_repeated(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Both files are downloaded into the cache with a progress bar; the second time nothing is asked."""
    url = _address(server, "ok/FordA/")
    config = config_from({"download_url": url, "cache": str(tmp_path / "cache")})
    progress = io.StringIO()
    source = find_source(config, progress=progress)
    assert source.train.read_bytes() == CONTENT
    assert source.digests == KNOWN["FordA"].sha256
    assert f"[{'#' * 30}] 100% FordA_TRAIN" in progress.getvalue()
    assert find_source(config) == source
    assert server.asked == ["/ok/FordA/FordA_TRAIN.tsv", "/ok/FordA/FordA_TEST.tsv"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "said"), [("none/a.tsv", "404"), ("short/a.tsv", r"received 1000 bytes, expected 300000")]
)
def test_a_failed_download_leaves_nothing(
    tmp_path: Path, server: ThreadingHTTPServer, path: str, said: str
) -> None:
    """An error and a short transfer are one line each, and leave no file that could be taken for whole."""
    with pytest.raises(DataError, match=said) as caught:
        download(_address(server, path), tmp_path / "a.tsv", progress=io.StringIO())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """An address where nobody listens, and one that is no web address, are download errors too."""
    for url in ("http://127.0.0.1:1/a.tsv", "file:///etc/hostname"):
        with pytest.raises(DataError, match=r"download failed \(.+\); check the network, or give --data DIR"):
            download(url, tmp_path / "a.tsv", progress=io.StringIO())


def test_two_downloads_at_once_do_not_meet(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Each writes beside the place of the file; whoever ends later finds it whole, and leaves it whole."""
    path = tmp_path / "a.tsv"
    asked: list[str] = []

    class Progress(io.StringIO):
        """The first part that arrives here is when another process has its turn."""

        def write(self, text: str) -> int:
            if not asked:
                asked.append(text)
                assert download(_address(server, "ok/a.tsv"), path, progress=io.StringIO()) == path
                assert path.read_bytes() == CONTENT
            return super().write(text)

    assert download(_address(server, "ok/a.tsv"), path, progress=Progress()) == path
    assert path.read_bytes() == CONTENT
    assert server.asked == ["/ok/a.tsv", "/ok/a.tsv"]  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [0, 100_000, len(CONTENT) - 1])
def test_a_download_that_does_not_fit_is_the_disk_s_fault(
    tmp_path: Path, server: ThreadingHTTPServer, size: int
) -> None:
    """The line is not about the network, and no part of the file is left."""
    with (
        largest_file(size),
        pytest.raises(StorageError, match=r"/a\.tsv: cannot be written \(File too large\)"),
    ):
        download(_address(server, "ok/a.tsv"), tmp_path / "a.tsv", progress=io.StringIO())
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """Where a file is in the way of the folder, nothing is asked of the network."""
    (tmp_path / "cache").touch()
    with pytest.raises(StorageError, match=r"cache: cannot be written \(File exists\); remove the file"):
        download("http://127.0.0.1:1/a.tsv", tmp_path / "cache" / "a.tsv", progress=io.StringIO())


def test_what_a_killed_download_left_is_removed(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Also where another one has brought the file meanwhile."""
    for _ in range(2):
        (tmp_path / ".a.tsv.0123abcd.partial").write_bytes(b"half")
        download(_address(server, "ok/a.tsv"), tmp_path / "a.tsv", progress=io.StringIO())
        assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


def test_a_screen_that_fails_stops_no_download(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Progress is written to standard error, whose disk may be full."""
    with Path("/dev/full").open("w", encoding="utf-8") as progress:
        path = download(_address(server, "ok/a.tsv"), tmp_path / "a.tsv", progress=progress)
        assert path.read_bytes() == CONTENT
        with suppress(OSError):
            progress.close()
