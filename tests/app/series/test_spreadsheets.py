"""What spreadsheets and data frames write around their numbers: column numbers, thousands, decimal commas."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.series.readers import SeriesFile

Read = Callable[..., SeriesFile]
Refusal = Callable[..., str]
VALUES = "0.5,1,-2,3.25,4,5,6,7"
FROM_0, FROM_1 = "0,1,2,3,4,5,6,7", "1,2,3,4,5,6,7,8"


@pytest.mark.parametrize(
    "first",
    [
        f"label,{FROM_0}",
        f"label,{FROM_1}",
        f",{FROM_0}",
        f"Unnamed: 0,{FROM_0}",
        f"0,{FROM_1}",
        f"label,{FROM_0}".replace(",", '","').join('""'),
    ],
)
def test_a_row_that_numbers_the_columns_is_no_series(read: Read, first: str) -> None:
    """As pandas writes it for columns without names; the rows after it are the series."""
    file = read(f"{first}\n0,{VALUES}\n1,{VALUES}\n", "a.csv")
    assert (file.labels, file.first_row) == (("0", "1"), 2)


def test_a_row_that_numbers_the_columns_is_no_series_without_labels_either(read: Read) -> None:
    """Where rows have no label, all their fields count."""
    file = read(f"{FROM_0}\n{VALUES}\n", "a.csv", labelled=False)
    assert (file.values.shape, file.first_row) == ((1, 8), 2)


@pytest.mark.parametrize(
    "text",
    [
        f"up,{FROM_0}\ndown,{VALUES}\nup,{VALUES}",  # the label of another row
        f"2,{FROM_0}\n1,{VALUES}",
        f"-1,{FROM_0}\n1,{VALUES}",
        f"label,{FROM_0}",  # there would be no series
        "a,0,1,2\nb,5,6,7",  # too few to be sure
        f"a,{FROM_0},9\nb,{VALUES},8",  # does not count on
    ],
)
def test_a_series_that_counts_is_a_series(read: Read, text: str) -> None:
    """Where its label says so, or it is too short to be sure."""
    assert read(text, "a.csv").first_row == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1\t999\t1,000\t1,001", "row 1: value 2 is '1,000'"),
        ('1,2,3\n1,"12","-1,234"', "row 2: value 2 is '-1,234'"),
        ("a;998;999\nb;999;1.000", "row 2: value 2 is '1.000'"),
        ("a,b,c\na,1.000,999", "row 2: value 1 is '1.000'"),
    ],
)
def test_a_mark_that_may_separate_thousands_is_refused(refusal: Refusal, text: str, place: str) -> None:
    """Beside smaller numbers without one, a thousand would be read as one."""
    said = refusal(text)
    assert said.startswith(f"{place}: a decimal mark or a thousands separator; write all numbers without")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("1\t1,234\t2,345", 1.234),  # all have it: a factor of 1000 at most, which is none for an answer
        ("1\t1,234\t2345", 1.234),
        ("1\t1,234\t5\t0,123", 1.234),
        ("1\t1,234\t5\t2,5", 1.234),
        ("1\t1.234\t5\t1.5e3", 1.234),
        ("1\t999\t12", 999.0),
        ("1.000\t1.234\t2.345", 1.234),  # a label may be a small number
    ],
)
def test_marks_that_are_decimal_are_read(read: Read, text: str, first: float) -> None:
    """Other numbers of the file show what they are."""
    assert read(text).values[0, 0] == first


def test_labels_have_the_decimal_mark_of_the_file(read: Read) -> None:
    """Also those of rows before the first comma; text stays text, and so does a comma where points are."""
    assert read("1,0;5\n2,50;6,5\na,b;7").labels == ("1", "2.5", "a,b")
    assert read("1,0;5\n1,0;6.5").labels == ("1,0", "1,0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1;12 %;13 %\n2;14 %;15 %", "row 2: value 1 is '14 %', not a number; write a number there"),
        (
            "1;5;up\n2;6;down",
            "row 1: column 3 has text instead of numbers, such as 'up'; remove column 3, or make it",
        ),
    ],
)
def test_only_text_between_numbers_is_a_column_to_remove(refusal: Refusal, text: str, said: str) -> None:
    """Where all columns are text, removing one would not help; a column of labels is to be the first."""
    assert refusal(text).startswith(said)
