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
from training.data.sources import KNOWN_DATASETS, download, find_dataset_files, package_folder
from training.errors import DataError, StorageError

CONTENT = b"1\t2\t3\n" * 50_000


class _Files(BaseHTTPRequestHandler):
    """Serves the same content for each path below /ok/, and records the paths."""

    def do_GET(self) -> None:
        self.server.requested.append(self.path)  # type: ignore[attr-defined]
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
    """A local HTTP server; `requested` lists the requested paths."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        server.requested = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _address(server: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_given_folder_wins(tmp_path: Path) -> None:
    """With --data, the files are those of that folder, and FordA's are still checked."""
    source = find_dataset_files(config_from({"data": str(tmp_path)}))
    assert source.train == tmp_path / "FordA_TRAIN.tsv"
    assert source.test == tmp_path / "FordA_TEST.tsv"
    assert source.digests == KNOWN_DATASETS["FordA"].sha256


@pytest.mark.parametrize(
    "name",
    ["a_TRAIN.tsv.gz", "a_TRAIN.txt", "a_TRAIN.csv", "a_TRAIN.npz", "a_TRAIN.arff", "a_TRAIN", "a_TRAIN.ts"],
)
@pytest.mark.parametrize("inner", ["", "a"])
def test_a_given_folder_may_hold_other_formats(tmp_path: Path, name: str, inner: str) -> None:
    """Another file format is found, also in a subfolder with the data set's name."""
    (tmp_path / inner).mkdir(exist_ok=True)
    (tmp_path / inner / name).touch()
    source = find_dataset_files(config_from({"data": str(tmp_path), "dataset": "a"}))
    assert source.train == tmp_path / inner / name
    assert source.test == tmp_path / "a_TEST.tsv"


def test_the_usual_format_comes_first(tmp_path: Path) -> None:
    """If a folder has a part in several formats, the .tsv file is used."""
    for ending in (".arff", ".ts", ".tsv", ".txt"):
        (tmp_path / f"a_TEST{ending}").touch()
    assert (
        find_dataset_files(config_from({"data": str(tmp_path), "dataset": "a"})).test
        == tmp_path / "a_TEST.tsv"
    )


def test_the_package_is_next() -> None:
    """Without a folder, the files of the installed package are used."""
    source = find_dataset_files(config_from({"dataset": "ECG5000"}))
    assert source.train.is_file()
    assert source.train.parent == package_folder()
    assert source.digests == {}


def test_a_pair_of_files_is_taken_as_it_is(tmp_path: Path) -> None:
    """A pair of files is used from any folder."""
    pair = {"train_file": str(tmp_path / "x.tsv"), "test_file": str(tmp_path / "y.tsv")}
    source = find_dataset_files(config_from(pair))
    assert (source.train, source.test) == (tmp_path / "x.tsv", tmp_path / "y.tsv")


def test_an_unknown_data_set_names_the_options() -> None:
    """A data set that cannot be found is refused, with the options that set its location."""
    with pytest.raises(DataError, match=r"NoSuchSet.*--data DIR, --download-url URL, or --train-file"):
        find_dataset_files(config_from({"dataset": "NoSuchSet"}))


def test_a_download_is_kept_and_not_repeated(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Both files are downloaded into the cache with a progress bar; the second call sends no request."""
    url = _address(server, "ok/FordA/")
    config = config_from({"download_url": url, "cache": str(tmp_path / "cache")})
    progress = io.StringIO()
    source = find_dataset_files(config, progress=progress)
    assert source.train.read_bytes() == CONTENT
    assert source.digests == KNOWN_DATASETS["FordA"].sha256
    assert f"[{'#' * 30}] 100% FordA_TRAIN" in progress.getvalue()
    assert find_dataset_files(config) == source
    assert server.requested == ["/ok/FordA/FordA_TRAIN.tsv", "/ok/FordA/FordA_TEST.tsv"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "expected"), [("none/a.tsv", "404"), ("short/a.tsv", r"received 1000 bytes, expected 300000")]
)
def test_a_failed_download_leaves_nothing(
    tmp_path: Path, server: ThreadingHTTPServer, path: str, expected: str
) -> None:
    """An error status and an incomplete transfer are one line each, and leave no file."""
    with pytest.raises(DataError, match=expected) as caught:
        download(_address(server, path), tmp_path / "a.tsv", progress=io.StringIO())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """A refused connection and an invalid URL are download errors too."""
    for url in ("http://127.0.0.1:1/a.tsv", "file:///etc/hostname"):
        with pytest.raises(DataError, match=r"download failed \(.+\); check the network, or use --data DIR"):
            download(url, tmp_path / "a.tsv", progress=io.StringIO())


def test_two_downloads_of_one_file_both_succeed(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Each writes a temporary file of its own, and the result is complete."""
    path = tmp_path / "a.tsv"
    messages: list[str] = []

    class Progress(io.StringIO):
        """The first part that arrives here is when another process has its turn."""

        def write(self, text: str) -> int:
            if not messages:
                messages.append(text)
                assert download(_address(server, "ok/a.tsv"), path, progress=io.StringIO()) == path
                assert path.read_bytes() == CONTENT
            return super().write(text)

    assert download(_address(server, "ok/a.tsv"), path, progress=Progress()) == path
    assert path.read_bytes() == CONTENT
    assert server.requested == ["/ok/a.tsv", "/ok/a.tsv"]  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [0, 100_000, len(CONTENT) - 1])
def test_a_download_to_a_full_disk_is_a_storage_error(
    tmp_path: Path, server: ThreadingHTTPServer, size: int
) -> None:
    """A full disk is reported as such, and no partial file is left."""
    with (
        largest_file(size),
        pytest.raises(StorageError, match=r"/a\.tsv: cannot be written \(File too large\)"),
    ):
        download(_address(server, "ok/a.tsv"), tmp_path / "a.tsv", progress=io.StringIO())
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file in place of the folder is an error before any request."""
    (tmp_path / "cache").touch()
    with pytest.raises(StorageError, match=r"cache: cannot be written \(File exists\); remove the file"):
        download("http://127.0.0.1:1/a.tsv", tmp_path / "cache" / "a.tsv", progress=io.StringIO())


def test_what_a_killed_download_left_is_removed(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    """Leftovers are removed even if the file exists already."""
    for _ in range(2):
        (tmp_path / ".a.tsv.0123abcd.partial").write_bytes(b"half")
        download(_address(server, "ok/a.tsv"), tmp_path / "a.tsv", progress=io.StringIO())
        assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


def test_a_download_continues_without_its_progress_stream(
    tmp_path: Path, server: ThreadingHTTPServer
) -> None:
    """A progress stream that cannot be written does not stop the download."""
    with Path("/dev/full").open("w", encoding="utf-8") as progress:
        path = download(_address(server, "ok/a.tsv"), tmp_path / "a.tsv", progress=progress)
        assert path.read_bytes() == CONTENT
        with suppress(OSError):
            progress.close()
