"""Series written as people and programs write them: every format and dialect that is read."""

from __future__ import annotations

import codecs
import gzip
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Fields = Sequence[Sequence[str]]
"""Rows of a label and values, as text."""


def rows_of(labels: Sequence[str], values: NDArray[np.float64]) -> Fields:
    """The shortest text of each number, with its label in front."""
    return [[label, *map(repr, row)] for label, row in zip(labels, values.tolist(), strict=True)]


def joined(fields: Fields, separator: str, *, end: str = "\n", mark: str = ".") -> bytes:
    """Rows with a separator, a line end and a decimal mark."""
    rows = (
        separator.join([label, *(value.replace(".", mark) for value in values)]) for label, *values in fields
    )
    return "".join(f"{row}{end}" for row in rows).encode()


def _header(fields: Fields, separator: str) -> bytes:
    names = ["label", *(f"t{i}" for i in range(len(fields[0]) - 1))]
    return separator.join(names).encode() + b"\n" + joined(fields, separator)


def _quoted(fields: Fields) -> bytes:
    return "".join(",".join(f'"{field}"' for field in row) + "\n" for row in fields).encode()


def _fortran(fields: Fields) -> bytes:
    """As MATLAB's `save -ascii` wrote the archive of 2015: blanks in front, everything a float."""
    return "".join("".join(f"  {field}" for field in row) + "\n" for row in fields).encode()


TEXT: dict[str, tuple[str, Callable[[Fields], bytes]]] = {
    "tabs": ("a.tsv", lambda f: joined(f, "\t")),
    "commas": ("a.csv", lambda f: joined(f, ",")),
    "commas and blanks": ("a.csv", lambda f: joined(f, ", ")),
    "semicolons": ("a.csv", lambda f: joined(f, ";")),
    "semicolons, decimal commas": ("a.csv", lambda f: joined(f, ";", mark=",")),
    "tabs, decimal commas": ("a.txt", lambda f: joined(f, "\t", mark=",")),
    "blanks": ("a.txt", lambda f: joined(f, " ")),
    "blanks in front": ("a_TRAIN", _fortran),
    "CRLF": ("a.tsv", lambda f: joined(f, "\t", end="\r\n")),
    "CR": ("a.tsv", lambda f: joined(f, "\t", end="\r")),
    "no line end at the end": ("a.tsv", lambda f: joined(f, "\t").rstrip(b"\n")),
    "byte order mark": ("a.csv", lambda f: codecs.BOM_UTF8 + joined(f, ",", end="\r\n")),
    "empty rows at the end": ("a.tsv", lambda f: joined(f, "\t") + b"\n  \n\t\n"),
    "empty cells at the end": ("a.csv", lambda f: joined(f, ",") + b",,,,\n,,,,\n"),
    "trailing separators": ("a.csv", lambda f: joined(f, ",", end=",\n")),
    "column names": ("a.csv", lambda f: _header(f, ",")),
    "column names and tabs": ("a.tsv", lambda f: _header(f, "\t")),
    "quotes": ("a.csv", _quoted),
    "gzip": ("a.tsv.gz", lambda f: gzip.compress(joined(f, "\t"))),
    "gzip under another name": ("a.tsv", lambda f: gzip.compress(joined(f, "\t"))),
    "gzip in two members": (
        "a.csv.gz",
        lambda f: gzip.compress(joined(f[:1], ",")) + gzip.compress(joined(f[1:], ",")),
    ),
}


def npy(values: NDArray[Any]) -> bytes:
    """What `numpy.save` writes."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def npz(*, packed: bool = False, **arrays: Any) -> bytes:
    """What `numpy.savez` writes."""
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def arff(labels: Sequence[str], values: NDArray[np.float64]) -> bytes:
    """As the archive's other hosts write it."""
    names = [f"@attribute att{i} numeric" for i in range(values.shape[1])]
    head = ["% comment", "@relation Waves", *names, f"@attribute target {{{','.join(sorted(set(labels)))}}}"]
    rows = [",".join([*map(repr, row), label]) for row, label in zip(values.tolist(), labels, strict=True)]
    return "\n".join([*head, "@data", *rows, ""]).encode()


WITH_LABELS: dict[str, tuple[str, Callable[[Sequence[str], NDArray[np.float64]], bytes]]] = {
    "npz": ("a.npz", lambda labels, values: npz(series=values, labels=np.array(labels))),
    "npz, packed": ("a.npz", lambda labels, values: npz(packed=True, X=values, y=np.array(labels))),
    "npz, bytes for labels": (
        "a.npz",
        lambda labels, values: npz(data=values, targets=np.array(labels, "S")),
    ),
    "ARFF": ("a.arff", arff),
    "ARFF, gzip": ("a.arff.gz", lambda labels, values: gzip.compress(arff(labels, values))),
}
WITHOUT_LABELS: dict[str, tuple[str, Callable[[NDArray[np.float64]], bytes]]] = {
    "npy": ("a.npy", npy),
    "npy, gzip": ("a.npy.gz", lambda values: gzip.compress(npy(values))),
    "npy, Fortran's order": ("a.npy", lambda values: npy(np.asfortranarray(values))),
    "npy, big endian": ("a.npy", lambda values: npy(values.astype(">f8"))),
    "npy, float32": ("a.npy", lambda values: npy(values.astype(np.float32))),
    "npy, float16": ("a.npy", lambda values: npy(values.astype(np.float16))),
    "npy with channels": ("a.npy", lambda values: npy(values[:, :, np.newaxis])),
    "npz of one array": ("a.npz", lambda values: npz(anything=values)),
    "JSON": ("a.json", lambda values: json.dumps(values.tolist()).encode()),
    "JSON as a request's body": (
        "a.json",
        lambda values: json.dumps({"instances": values.tolist()}).encode(),
    ),
    "JSON under another name": ("a.txt", lambda values: json.dumps(values.tolist()).encode()),
}
