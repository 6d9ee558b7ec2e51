"""Periods as people write them, each at the edge of what is one."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.files.periods import FAR, UncountedError, bare, code, far_years, uncounted

MONTHS = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
]
SHORT = ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]


@pytest.mark.parametrize("names", [MONTHS, SHORT])
def test_a_month_by_its_name(names: list[str]) -> None:
    for number, name in enumerate(names, 1):
        for text in (f"{name} 2024", f"{name.capitalize()}. 2024", f"2024-{name}", f"2024 / {name}.", f"{name}-2024"):
            assert code(text) == f"2024MM{number:02d}", text
    assert code("sept 2024") == "2024MM09"
    assert code("mar 2024") is None and code("maart2024") is None


@pytest.mark.parametrize(
    ("most", "kind", "words"),
    [
        (4, "KW", ("q", "k", "kw", "kwt", "kwartaal")),
        (2, "HJ", ("h", "hj", "halfjaar", "half jaar")),
        (12, "MM", ("m", "mm", "maand")),
    ],
)
def test_a_number_with_the_word_for_what_it_counts(most: int, kind: str, words: tuple[str, ...]) -> None:
    for word in words:
        for number in range(most + 2):
            expected = f"2024{kind}{number:02d}" if 1 <= number <= most else None
            for text in (
                *(f"2024 {word}{number}", f"2024{word}{number}", f"2024-{word}-{number}", f"2024/{word}.{number}"),
                *(
                    f"2024 {word} {number}",
                    f"{word} {number} 2024",
                    f"{word}{number}-2024",
                    f"{word.upper()} {number}, 2024",
                ),
                *(
                    f"{number}e {word} 2024",
                    f"{number}de {word}, 2024",
                    f"{number}ste {word} 2024",
                    f"{number} {word} 2024",
                ),
                *(f"{number}{word}2024", f"2024, {number}e {word}", f"2024 {number}de {word}"),
            ):
                assert code(text) == expected, text
    assert code(f"2024 {words[0]}01") == f"2024{kind}01", "with a nought before it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("2024jj00", "2024JJ00"), ("2023SJ00", "2023SJ00"), ("2024hj01", "2024HJ01"), ("2024HJ02", "2024HJ02")),
        *(("2024KW01", "2024KW01"), ("2024KW04", "2024KW04"), ("2024MM01", "2024MM01"), ("2024mm12", "2024MM12")),
        *(("2024HJ03", None), ("2024KW05", None), ("2024KW00", None), ("2024MM13", None), ("2024MM00", None)),
        *(("2024JJ01", None), ("x2024JJ00", None), ("2024JJ000", None), ("2024SJ01", None)),
        *(("1900", "1900JJ00"), ("2099", "2099JJ00"), ("1899", None), ("2100", None), ("", None)),
        *(
            (2024, "2024JJ00"),
            (2024.0, "2024JJ00"),
            (2024.5, None),
            ("  2024 ", "2024JJ00"),
            (True, None),
            (None, None),
        ),
        *(
            ("2024-01", "2024MM01"),
            ("2024-12", "2024MM12"),
            ("2024-13", None),
            ("2024-00", None),
            ("2024/07", "2024MM07"),
        ),
        *(("01-2024", "2024MM01"), ("12/2024", "2024MM12"), ("202407", "2024MM07"), ("07 2024", "2024MM07")),
        *(("2024-001", None), ("2024_01", None), ("2024-01-01", None)),
    ],
)
def test_what_is_a_period_and_what_is_none(text: object, expected: str | None) -> None:
    assert code(text) == expected


def test_a_bare_digit_is_asked_after_and_counts_what_the_contract_says() -> None:
    with pytest.raises(UncountedError):
        code("20245")
    for text in ("2024-1", "1-2024", "20241", 20241.0):
        with pytest.raises(UncountedError):
            code(text)
        assert code(text, "quarter") == "2024KW01" and code(text, "half_year") == "2024HJ01"
        assert code(text, "month") == "2024MM01" and bare(text) == "1"
    assert code("2024-3", "half_year") is None and code("2024-5", "quarter") is None
    assert code("2024-4", "quarter") == "2024KW04" and code("2024-02", "half_year") == "2024HJ02"
    assert bare("2024-12") == "12" and bare("2024") is None and bare("2024 Q1") is None


@pytest.mark.parametrize(
    ("values", "kind", "place"),
    [
        (["2024-01", "2024-02"], "quarter", 1),
        (["2024-01", "2024-02"], "half_year", 1),
        (["2024-01", "2024-02"], "month", None),
        (["2024-01", "2024-02"], "year", None),
        (["2024-01", "2024-01"], "quarter", None),
        (["2024-02", "2024-01"], "quarter", 0),
        (["2024-01", "2024-04", "2024-03"], "quarter", 1),
        # A fifth is no quarter: these are months.
        (["2024-01", "2024-04", "2024-05"], "quarter", None),
        # One digit is asked after by itself.
        (["2024-1", "2024-2"], "quarter", None),
        # A spreadsheet makes dates of them; of a quarter's first days they are just that.
        ([date(2024, 1, 1), date(2024, 2, 1)], "quarter", 1),
        ([date(2024, 1, 1), date(2024, 4, 1)], "quarter", None),
        ([date(2024, 1, 1), date(2024, 4, 1), "2024-03"], "quarter", 1),
        ([date(2024, 1, 2), date(2024, 2, 2)], "quarter", None),
        ([date(2024, 7, 1), date(2024, 10, 1), date(2024, 2, 1)], "quarter", None),
        ([], "quarter", None),
        (["x", None, 3], "quarter", None),
    ],
)
def test_numbers_that_may_be_quarters(values: list[object], kind: str, place: int | None) -> None:
    assert uncounted(values, kind) == place


@pytest.mark.parametrize(
    ("years", "far"),
    [
        ([2024] * 40 + [2042], {2042}),
        ([2024] * 40 + [2024 + FAR], {2024 + FAR}),
        ([2024] * 40 + [2024 + FAR - 1], set()),
        ([2024] * 40 + [1924], {1924}),
        # One row of twenty is a twentieth; two of them are not hardly any.
        ([2024] * 38 + [2042, 2042], {2042}),
        ([2024] * 37 + [2042, 2042], set()),
        # Of a few rows one is still one.
        ([2024] * 4 + [2042], {2042}),
        ([2024] * 3 + [2042], set()),
        # Where every year has one row, a year apart is not rarer than the others.
        ([2020, 2021, 2022, 2023, 2042], set()),
        ([2020, 2021, 2022, 2023, 2024] * 5 + [2042], {2042}),
        ([2020, 2021, 2022, 2023, 2024] * 3 + [2042], set()),
        ([2024] * 100 + [2042, 2043, 1950], {2042, 2043, 1950}),
        ([2024], set()),
        ([], set()),
    ],
)
def test_years_far_from_the_others(years: list[int], far: set[int]) -> None:
    assert far_years(years) == far
