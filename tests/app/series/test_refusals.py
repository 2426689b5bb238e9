"""What cannot be read or used is refused in one line with file, row, value and remedy."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import UnreadableSeries
from app.series.readers import read_series_file
from app.series.readers.content import unpacked
from app.series.readers.parsed import Refused
from app.series.spec import MAX_LENGTH
from tests.support.not_files import KINDS, put

Refusal = Callable[..., str]
LONG = "x" * 500
SHORT = f"'{'x' * 79}…'"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 5 6\n\n1 5 6", "row 2: the row is empty; remove it"),
        ("1,5,6\n,,\n1,5,6", "row 2: the row is empty; remove it"),
        ("\n1 5 6", "row 1: the row is empty; remove it"),
        (
            "1 5 6\n1 5",
            "row 2: 1 value, but row 1 has 2; cut all series to one",
        ),
        ("1 5 6\n1 5 6 7", "row 2: 3 values, but row 1 has 2"),
        ("l a b\n1 5 6\n1 5 6 7", "row 3: 3 values, but row 2 has 2"),
        ("1 5 6\n1 5 x", "row 2: value 2 is 'x', not a number; write a number there"),
        ("1 5 6\n1 1_0 6", "row 2: value 1 is '1_0', not a number"),
        ("1 5 6\n1 0x10 6", "row 2: value 1 is '0x10', not a number"),
        ("1 5 6\n1 \u0661 6", "row 2: value 1 is '\u0661', not a number"),
        (f"1 5 6\n1 {LONG} 6", f"row 2: value 1 is {SHORT}, not a number"),
        ("1 5 6\n1 \x1b[31m 6", "row 2: value 1 is '\\x1b[31m', not a number"),
        ("1,5,6\n1,NaN,6", "row 2: value 1 is missing; fill it in, or give --missing interpolate"),
        ("1,5,6\n1,,6", "row 2: value 1 is missing"),
        ("1,5,6\n1,?,6", "row 2: value 1 is missing"),
        ("1,5,6\n1,N/A,6", "row 2: value 1 is missing"),
        (
            "1,5,6,7\n1,5,NaN,NaN",
            "row 2: value 2 and all after it are missing; cut all series to one length, or",
        ),
        ("1,5,6,7\n1,5,,", "row 2: 1 value, but row 1 has 3"),
        ("1,5,6\n1,NaN,?", "row 2: all values are missing; remove the row"),
        ("1,5,6\n1,5,1e300", "row 2: value 2 is '1e+300', beyond the range of float32, ±3.4e38; correct it"),
        ("1,5,6\n1,-3.5e38,6", "row 2: value 1 is '-3.5e+38', beyond the range of float32"),
        ("1,5,6\n1,5,inf", "row 2: value 2 is 'inf', infinite; correct it"),
        ("1,5,6\n1,5,1e999", "row 2: value 2 is 'inf', infinite"),
        ("1,5,6\n1,-Infinity,6", "row 2: value 1 is '-inf', infinite"),
        ("nan 5 6", "row 1: the label is missing ('nan'); write a label before the values"),
        ("1,5,6\n,5,6", "row 2: the label is missing ('')"),
        ("? 5 6", "row 1: the label is missing ('?')"),
        (f"1 5 6\n{LONG} 5 6", f"row 2: the label {SHORT} is longer than 100 characters or not printable"),
        (
            "1 5 6\n\x1b[31m 5 6",
            "row 2: the label '\\x1b[31m' is longer than 100 characters or not printable",
        ),
        ("5\n6\n7", "row 1: no values after the label '5'; write a label and the values of one series a row"),
        (
            "label a b",
            "row 1: no value is a number, and there are no more rows; write a label and the values",
        ),
        ("words without any number\nand more of them in it", "row 2: value 1 is 'more', not a number"),
        (
            "1,2024-01-01,5\n2,2024-01-02,6",
            "row 1: column 2 has text instead of numbers, such as '2024-01-01'; remove",
        ),
        (
            "label,id,a\n1,ab,5\n2,cd,6",
            "row 2: column 2 has text instead of numbers, such as 'ab'; remove column 2",
        ),
        ("1;0,5;1.5", "row 1: value 2 is '1.5': decimal commas and points are mixed; write all numbers with"),
        ("1;0,5;6\n1;1.000;6", "row 2: value 1 is '1.000': decimal commas and points are mixed"),
        ("1;0.5;6\n1;1,5;6", "row 2: value 1 is '1,5': decimal commas and points are mixed"),
        ("", "the file is empty; give a file of series"),
        ("\n \n\t\n", "the file is empty; give a file of series"),
        (",,,\n,,,", "row 1: no values; write a label and the values of one series a row"),
    ],
)
def test_a_bad_text_is_named(refusal: Refusal, text: str, said: str) -> None:
    """Rows that are not as they should be are named with row, value and remedy."""
    assert refusal(text).startswith(said)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"1\t5\xfc\t6", "a.tsv", "row 1: the byte 0xfc is not UTF-8; save it as text in UTF-8"),
        ("1\t5".encode("utf-16"), "a.tsv", "text in UTF-16 or UTF-32; save it as text in UTF-8"),
        ("1\t5".encode("utf-16-be"), "a.tsv", "row 1: a NUL byte: binary data, or text in UTF-16"),
        ("1\t5".encode("utf-32"), "a.tsv", "text in UTF-16 or UTF-32"),
        (b"1 5 6\n1 5\x00 6", "a.tsv", "row 2: a NUL byte"),
        (b"PAR1\x15\x04", "a.parquet", "a Parquet file; save the series with numpy.save, or as text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a.xls", "an Excel workbook; save the sheet as CSV"),
        (b"\x89HDF\r\n", "a.h5", "an HDF5 file; save"),
        (b"BZh91AY", "a.bz2", "packed by bzip2; unpack it"),
        (pickle.dumps([1]), "a.pkl", "a pickle, which is never loaded; save"),
        (b"x", "a.npy", "not a file that numpy.save or numpy.savez wrote; save the series again"),
        (gzip.compress(gzip.compress(b"1 5 6")), "a.gz", "gzipped twice; unpack it"),
        (gzip.compress(b"1 5 6")[:-9], "a.gz", "gzip: the file is cut off; copy or download it again"),
        (gzip.compress(b"1 5 6")[:-8] + b"\0" * 8, "a.gz", "gzip: CRC check failed 0x0 != 0x"),
        (
            gzip.compress(b"1 5 6") + b"more",
            "a.gz",
            "gzip: other data follow the stream; copy or download",
        ),
    ],
)
def test_other_formats_are_named(refusal: Refusal, content: bytes, name: str, said: str) -> None:
    """Files in other encodings and formats are named for what they are, with what to do."""
    assert refusal(content, name).startswith(said)


@pytest.mark.parametrize("content", [b"@relation Waves\n", b"% comment\n\n@RELATION Waves\n"])
@pytest.mark.parametrize("name", ["a.arff", "a.txt"])
def test_arff_is_detected_by_its_first_line(refusal: Refusal, content: bytes, name: str) -> None:
    """Whatever its name: it is not read as rows of text."""
    assert "ARFF" in refusal(content, name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("@relation a\n@attribute x numeric\n", "ARFF without @data"),
        ("@relation a\n@attribute x numeric\n@data\n", "no row follows @data; give a file of series"),
        (
            "@relation a\n@attribute x numeric\n@attribute y numeric\n@data\n1,x\n",
            "not ARFF that SciPy reads: ",
        ),
        ("@relation a\n@attribute x string\n@data\n'a'\n", "not ARFF that SciPy reads: "),
        ("@relation a\n@attribute x {a,b}\n@data\na\n", "0 numeric attributes and 1 others ('x')"),
        (
            "@relation a\n@attribute x numeric\n@attribute y {a}\n@attribute z {b}\n@data\n1,a,b\n",
            "1 numeric",
        ),
        (
            "@relation a\n@attribute x numeric\n@attribute w numeric\n@data\n1,2\n1,?\n",
            "row 2: value 2 and all",
        ),
        (
            "@relation a\n@attribute x numeric\n@attribute w numeric\n@data\n1,2\n1,1e300\n",
            "row 2: value 2 is",
        ),
        ("@relation a\n@attribute x numeric\n@attribute y {a}\n@data\n1,a\n1,a,3\n", "row 2: 3 values for 2"),
        ("@relation a\n@attribute r relational\n@attribute x numeric\n@end r\n@data\n'1'\n", "0 numeric"),
    ],
)
def test_a_bad_arff_is_refused(refusal: Refusal, content: str, said: str) -> None:
    """What SciPy cannot parse, and what it can but no series are in, is said in one line."""
    assert refusal(content, "a.arff").startswith(said)


def test_arff_without_scipy_names_the_remedy(tmp_path: Path) -> None:
    """Where SciPy is not installed, as on a server, ARFF is refused by name, and other formats are read."""
    (tmp_path / "a.arff").write_text("@relation a\n@attribute x numeric\n@data\n1\n", encoding="utf-8")
    (tmp_path / "a.tsv").write_text("1\t5\n", encoding="utf-8")
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from pathlib import Path\n"
        "from app.series.readers import read_series_file\n"
        "assert read_series_file(Path(sys.argv[2])).values.tolist() == [[5]]\n"
        "try: read_series_file(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.arff"), str(tmp_path / "a.tsv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(
        "a.arff: ARFF needs SciPy, which is not installed; pip install scipy, or save the series as text"
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("#comment\n@problemName Waves\n@data\n1,2:a\n", "a.ts"),
        ("@problemName Waves\n@data\n1,2:a\n", "a"),
        ("1,2:a\n", "a.ts"),
    ],
)
def test_ts_is_refused_with_the_command_that_converts_it(refusal: Refusal, content: str, name: str) -> None:
    """The archive's .ts format is named, and the remedy is a command to copy."""
    line = refusal(content, name)
    assert line.startswith(
        "the archive's .ts format is not read; convert it: pip install aeon && python -c '"
    )
    assert line.endswith("' FILE.ts > FILE.tsv")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Folders, FIFOs, devices, links to nowhere and files of 10 GB are refused at once."""
    make, said = KINDS[kind]
    path = tmp_path / "a.tsv"
    put(path, make)
    with pytest.raises(UnreadableSeries) as caught:
        read_series_file(path)
    assert str(caught.value).startswith(f"{path}: cannot be read ({said}")


def test_a_file_that_may_not_be_read_or_named_is_refused(tmp_path: Path) -> None:
    """A name with a NUL or a line end in it, and one that is too long, give one line as well."""
    for name in ("a\0b", "a\nb", "x" * 300):
        with pytest.raises(UnreadableSeries) as caught:
            read_series_file(tmp_path / name)
        assert str(caught.value).isprintable()


def test_a_bomb_is_not_unpacked() -> None:
    """Unpacking ends at the limit, whatever would follow; that many bytes are still unpacked."""
    packed = gzip.compress(b"0" * 1_000_000)
    assert len(unpacked(packed, most=1_000_000)) == 1_000_000
    with pytest.raises(Refused, match="unpacks to more than 999,999 bytes"):
        unpacked(packed, most=999_999)
    with pytest.raises(Refused, match="unpacks to more than 1,999,999 bytes"):
        unpacked(packed * 2, most=1_999_999)


def test_a_row_of_a_million_fields_is_not_taken_apart(refusal: Refusal) -> None:
    """A row that is longer than any model takes is refused by its first fields."""
    assert refusal("1" + ",5" * (MAX_LENGTH + 1)) == (
        "row 1: more than 1,048,576 values; cut the series, or write one series a row"
    )
