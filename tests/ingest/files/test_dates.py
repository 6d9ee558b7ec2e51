"""What a column of dates means: the day in the Netherlands, in the order that the whole column has."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.municipal.contract import Contract
from ingest.municipal.intake import Intake, take_in
from ingest.municipal.values import as_date
from tests.ingest.files.test_numbers import NOWHERE, made

CONTRACT: Contract = made(
    {"name": "datum", "type": "date"},
    columns=[{"name": "datum", "type": "date"}, {"name": "soort", "type": "category", "allowed": ["Afval"]}],
    observation={
        **{"period": "datum", "period_type": "month"},
        "measures": [{"code": "n", "title": "n", "unit": "aantal", "count": "rows"}],
    },
)


def delivered(values: list[str]) -> Intake:
    text = "\n".join(["datum;soort", *(f"{value};Afval" for value in values)]) + "\n"
    return judged(text.encode())


def judged(data: bytes) -> Intake:
    intake = take_in(CONTRACT, "levering", data, NOWHERE, b"a secret for tests")
    assert intake.balances
    return intake


def months(intake: Intake) -> list[str]:
    assert intake.state == "accepted", (intake.reasons, intake.rejected)
    return [row["period"] for row in intake.rows]


# -- times of another zone ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-12-31T23:30:00Z", "2025-01-01"),
        ("2024-12-31T23:30Z", "2025-01-01"),
        ("2024-12-31 23:30:00.123456+00", "2025-01-01"),
        ("2024-06-30 22:15:00.5+00", "2024-07-01"),
        ("2024-06-30T22:15:00+0000", "2024-07-01"),
        ("2024-06-30 22:15:00 UTC", "2024-07-01"),
        ("30-06-2024 22:15:00+00:00", "2024-07-01"),
        ("20240630T221500Z", "2024-07-01"),
        ("2024-06-30T21:59:59Z", "2024-06-30"),
        ("2024-12-31T22:59:59Z", "2024-12-31"),
        ("2025-01-01T00:30:00+01:00", "2025-01-01"),
        ("2025-01-01T00:30:00+01:00[Europe/Amsterdam]", "2025-01-01"),
        ("2025-01-01T00:30:00+05:30", "2024-12-31"),
        ("2024-12-31T20:00:00-05:00", "2025-01-01"),
        ("2024-12-31T23:30:00", "2024-12-31"),
        ("31-12-2024 23:30", "2024-12-31"),
        ("31-12-2024 23.30 uur", "2024-12-31"),
        ("2024-12-31T24:00:00", "2025-01-01"),
        # A date without a time is that date.
        *[(text, "2024-12-31") for text in ("2024-12-31", "2024-12-31Z", "2024-12-31+01:00", "20241231")],
    ],
)
def test_a_time_is_brought_here_before_its_day_is_taken(text: str, day: str) -> None:
    assert as_date(text) == date.fromisoformat(day)
    assert months(delivered([text])) == [f"{day[:4]}MM{day[5:7]}"]


def test_times_in_json_as_well() -> None:
    records = [{"datum": "2024-12-31T23:30:00Z", "soort": "Afval"}, {"datum": "2024-06-30T22:15Z", "soort": "Afval"}]
    assert months(judged(json.dumps(records).encode())) == ["2025MM01", "2024MM07"]


def test_milliseconds_of_arcgis_geojson_are_a_day_here() -> None:
    at = [1_704_063_600_000, 1_719_784_800_000, 1_719_792_000_000]
    features = [{"type": "Feature", "properties": {"datum": n, "soort": "Afval"}, "geometry": None} for n in at]
    intake = judged(json.dumps({"type": "FeatureCollection", "features": features}).encode())
    assert months(intake) == ["2024MM01", "2024MM07", "2024MM07"]


def _summer(moment: datetime) -> bool:
    """The rule of the European Union since 1996, in UTC; not the table that the code uses."""

    def last_sunday(month: int) -> datetime:
        day = datetime(moment.year, month, 31)
        return day - timedelta(days=(day.weekday() + 1) % 7) + timedelta(hours=1)

    return last_sunday(3) <= moment < last_sunday(10)


@settings(max_examples=200)
@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1)).map(lambda m: m.replace(microsecond=0)),
    st.sampled_from(
        ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00", "%Y-%m-%d %H:%M:%S.5+00:00", "%d-%m-%Y %H:%M:%S UTC"]
    ),
)
def test_any_moment_falls_on_its_day_here(moment: datetime, form: str) -> None:
    assert as_date(moment.strftime(form)) == (moment + timedelta(hours=2 if _summer(moment) else 1)).date()


@settings(max_examples=100)
@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%d-%m-%Y", "%Y%m%d", "%d/%m/%Y", "%Y-%m-%dZ"]),
)
def test_a_date_alone_never_shifts(day: date, form: str) -> None:
    assert as_date(day.strftime(form)) == day


# -- American dates -----------------------------------------------------------------------------------------------------


def american(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def month_of(day: date) -> str:
    return f"{day.year}MM{day.month:02d}"


@pytest.mark.parametrize(
    "values", [["3/4/2024 1:05:00 PM", "12/1/2024 12:00:00 AM"], ["3/4/2024", "12/1/2024", "1/31/2024"]]
)
def test_american_dates_are_known_for_the_whole_column(values: list[str]) -> None:
    intake = delivered(values)
    assert months(intake) == ["2024MM03", "2024MM12", "2024MM01"][: len(values)]
    assert "Amerikaanse datums" in intake.warnings[0]


def test_a_day_over_12_in_front_makes_them_ours_whatever_the_clock() -> None:
    assert months(delivered(["3/4/2024 1:05 PM", "31/12/2024 1:05 PM"])) == ["2024MM04", "2024MM12"]


@pytest.mark.parametrize(
    "values",
    [
        ["3/4/2024", "31/12/2024", "12/31/2024"],  # two programs
        ["3-4-2024", "12-31-2024"],  # American with dashes, or a slip?
        ["3-4-2024 1:05 PM", "4-5-2024 2:05 PM"],
        [*["1/2/2024"] * 30, "1/13/2024"],  # first days of months, or American?
    ],
)
def test_a_column_that_shows_two_orders_is_refused(values: list[str]) -> None:
    intake = delivered(values)
    assert intake.state == "stopped" and "regel" in intake.reasons[0] and "2024" not in intake.reasons[0]


def test_one_slip_is_that_row_and_not_the_column() -> None:
    intake = delivered([*[f"{day}-3-2024" for day in range(1, 32)], "12-31-2024"])
    assert (intake.state, intake.accepted, intake.bad) == ("accepted", 31, 1)


def test_american_dates_that_a_dutch_spreadsheet_has_half_exchanged_are_refused() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "dd-mm-yyyy"}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["datum", "soort"])
        for line in range(1, 13):
            page.write_datetime(line, 0, datetime(2024, line, 3))  # was 3 <month>: the month became the day
            page.write(line, 1, "Afval")
        for line in range(13, 30):
            page.write_row(line, 0, [f"3/{line}/2024", "Afval"])
    intake = judged(target.getvalue())
    assert intake.state == "stopped" and "wat de dag is" in intake.reasons[0]


@settings(max_examples=80)
@given(st.lists(st.dates(date(2020, 1, 1), date(2029, 12, 31)), min_size=1, max_size=40), st.booleans())
def test_american_dates_are_taken_right_or_not_at_all(days: list[date], clock: bool) -> None:
    texts = [american(day) + (" 1:05:00 PM" if clock else "") for day in days]
    intake = delivered(texts)
    showing = [day for day in days if day.day > 12]
    if intake.state == "accepted" and (clock or showing):
        assert months(intake) == [month_of(day) for day in days]


def _dutch(day: date) -> Any:
    return f"{day.day}/{day.month}/{day.year}"


@settings(max_examples=80)
@given(st.lists(st.dates(date(2020, 1, 1), date(2029, 12, 31)), min_size=1, max_size=40))
def test_our_own_dates_stay_as_they_were(days: list[date]) -> None:
    assert months(delivered([_dutch(day) for day in days])) == [month_of(day) for day in days]
