"""No row of a text file is lost without a word, whatever stands in its cells and however its quotation marks are written."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.files import formats
from ingest.files.sheet import Faulty, UnreadableError

SORTS = ("Afval", "Groen", "Licht op straat")
HEAD = ["datum", "soort", "omschrijving"]
QUICK = settings(max_examples=200, suppress_health_check=list(HealthCheck))


def rows_of(text: str) -> list[tuple[object, ...]]:
    [sheet] = formats.read(text.encode())
    return [row.cells for row in sheet.rows]


def day(n: int) -> str:
    return f"{n % 28 + 1:02d}-{n % 12 + 1:02d}-2024"


@st.composite
def tables(draw: st.DrawFn, alphabet: str, least: int = 1) -> list[list[str]]:
    texts = st.text(alphabet, max_size=12)
    at = draw(st.integers(0, 2))  # where the free text stands
    found = []
    for n in range(draw(st.integers(least, 14))):
        row = [day(n), draw(st.sampled_from(SORTS))]
        row.insert(at, draw(texts))
        found.append(row)
    head = [HEAD[0], HEAD[1]]
    head.insert(at, HEAD[2])
    return [head, *found]


@QUICK
@given(
    table=tables('ab "\n;,\\\r'),
    separator=st.sampled_from(";,\t|"),
    all_quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example(table=[HEAD, [day(0), "Afval", 'C:\\map\\'], [day(1), "Groen", 'x\\"y']], separator=";", all_quoted=True, end="\n")  # fmt: skip
def test_what_is_written_by_the_book_is_read_to_the_letter(table, separator: str, all_quoted: bool, end: str) -> None:
    target = io.StringIO()
    # Python leaves a bare carriage return unquoted.
    kind = csv.QUOTE_ALL if all_quoted or any("\r" in c for row in table for c in row) else csv.QUOTE_MINIMAL
    csv.writer(target, delimiter=separator, quoting=kind, lineterminator=end).writerows(table)
    expected = [tuple(c if c.strip() else None for c in row) for row in table]
    try:
        found = rows_of(target.getvalue())
    except UnreadableError as error:
        # Only what could be rows itself, a line break and separators in it, or could be backslashes of another kind.
        texts = [c for row in table for c in row]
        could_be = any(("\n" in c or "\r" in c) and separator in c for c in texts)
        assert could_be if "zijn zelf rijen" in str(error) else any("\\" in c for c in texts), error
    else:
        assert found == expected


@QUICK
@given(
    table=tables('ab" 12', least=3),
    open_at=st.sets(st.integers(1, 13), min_size=1, max_size=3),
    all_quoted=st.booleans(),
    separator=st.sampled_from(";,"),
)
def test_an_open_quotation_mark_never_costs_a_row_in_silence(table, open_at, all_quoted: bool, separator: str) -> None:
    """The truth is the number of rows that were written, each on one line."""
    lines = []
    for n, row in enumerate(table):
        cells = [f'"{c.replace(chr(34), chr(34) * 2)}"' if all_quoted or '"' in c else c for c in row]
        if n in open_at:
            at = table[0].index("omschrijving")
            cells[at] = '"' + row[at].replace('"', "")
        lines.append(separator.join(cells))
    try:
        found = rows_of("\n".join(lines) + "\n")
    except UnreadableError as error:
        assert str(error).startswith("Regel ")
    else:
        assert len(found) == len(table)


@QUICK
@given(table=tables('ab "\\;\n', least=2), separator=st.sampled_from(";,\t"))
def test_backslashes_before_quotation_marks_are_read_as_meant_or_refused(table, separator: str) -> None:
    def cell(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = "\n".join(separator.join(map(cell, row)) for row in table) + "\n"
    expected = [tuple(c if c.strip() else None for c in row) for row in table]
    plain = [tuple(c.replace("\\", "\\\\") if c and c.strip() else None for c in row) for row in table]
    try:
        found = rows_of(text)
    except UnreadableError as error:
        assert str(error).startswith("Regel ")
    else:
        # Doubled backslashes alone are also what somebody may have typed.
        assert found in (expected, plain)


@pytest.mark.parametrize("opened", [1, 2, 30, 59, 60])
@pytest.mark.parametrize("closed", ['"dicht" bij huis', 'een buis van 12"', "12", None])
@pytest.mark.parametrize("at", [1, 2])
def test_the_line_of_the_open_quotation_mark_is_named(opened: int, closed: str | None, at: int) -> None:
    """Closed by the next mark in another row, by one that ends a row, or not at all."""
    lines = [";".join(HEAD)]
    for n in range(1, 61):
        cells = [day(n), SORTS[n % 3], f"melding {n}"]
        if n == opened:
            cells[at] = '"' + cells[at]
        elif n == opened + 7 and closed:
            cells[at] = closed
        lines.append(";".join(cells))
    with pytest.raises(UnreadableError, match=f"^Regel {opened + 1}: "):
        rows_of("\n".join(lines))


def test_a_value_over_several_lines_is_one_value() -> None:
    text = 'Overzicht\n\ndatum;soort;"omschrijving\nvan de melder"\n'
    text += '01-01-2024;Afval;"Beste gemeente,\n\nlet op; de container; die is vol\nGroet"\n'
    text += "02-01-2024;Groen;x\n" * 3
    assert rows_of(text)[2:] == [
        ("01-01-2024", "Afval", "Beste gemeente,\n\nlet op; de container; die is vol\nGroet"),
        *[("02-01-2024", "Groen", "x")] * 3,
    ]


def test_mysql_writes_nothing_and_line_breaks_in_its_own_way() -> None:
    text = 'datum;soort;tekst\n01-01-2024;\\N;"een \\"tweede\\" keer"\n02-01-2024;Groen;regel een\\\nregel twee\n'
    assert rows_of(text)[1:] == [
        ("01-01-2024", None, 'een "tweede" keer'),
        ("02-01-2024", "Groen", "regel een\nregel twee"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "POLYGON((5.31 51.36, 5.32 51.36, 5.32 51.37, 5.31 51.37, 5.31 51.36))",
        "LINESTRING(5.3 51.3, 5.4 51.4)",
        "51.3612, 5.3112",
        "a, b, c, d, e, f",
        '{"a": 1, "b": 2, "c": 3, "d": 4}',
        "1,2,3,4,5",
        "x|y|z|w",
    ],
)
@pytest.mark.parametrize("above", ["", "Export, gemaakt door team X, afdeling Y, Eersel, 2024\n\n"])
@pytest.mark.parametrize("lines", [3, 300])
def test_a_sign_within_every_value_does_not_separate(value: str, above: str, lines: int) -> None:
    text = above + "datum;soort;geom\n" + "".join(f"{day(n)};Afval;{value}\n" for n in range(lines))
    found = rows_of(text)[-lines:]
    assert found == [(day(n), "Afval", value) for n in range(lines)]


def test_decimal_commas_do_not_separate_and_ragged_lines_do_not_mind() -> None:
    rng = random.Random(3)
    body = [f"2024;Rest;{rng.randint(1, 99)},{rng.randint(0, 9)};{rng.randint(1, 99)},5" for _ in range(40)]
    text = "\n".join(["Titel", "", "jaar;fractie;ton;kg", *body, "Totaal;;12", "Bron: eigen registratie, 2024"])
    assert [len(r) for r in rows_of(text)[1:42]] == [4] * 41
    english = text.replace(",", ".").replace(";", ",")
    assert [len(r) for r in rows_of(english)[1:42]] == [4] * 41


@pytest.mark.parametrize("shown", ["#DIV/0!", "#VERW!", "#N/B", "#WAARDE!", "########"])
def test_what_a_spreadsheet_could_not_show_is_no_value(shown: str) -> None:
    assert rows_of(f"a;b\n1;{shown}\n2;#1 in de buurt\n")[1:] == [
        ("1", Faulty("error", shown)),
        ("2", "#1 in de buurt"),
    ]
