"""A column as a reader sees it, and those that every published table has: where and when a figure is about. Their texts are
here alone: the files, the API, OData and the documented marts of dbt all take them from here."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.datacenter import here


@dataclass(frozen=True)
class Column:
    """A column as a reader sees it.

    :param type: of a Table Schema: string, number, integer, boolean or date.
    :param title: Dutch, for a heading; ``description``: Dutch, a sentence or more.
    :param decimals: with which a figure is shown; None where that says nothing.
    :param categories: the values that may occur, where they are few and known.
    """

    name: str
    type: str
    title: str
    description: str
    decimals: int | None = None
    unit: str | None = None
    is_indicator: bool = False
    categories: tuple[str, ...] = ()
    required: bool = False


def of_region() -> list[Column]:
    """Which region a row is about."""
    return [
        Column(
            "region_code",
            "string",
            "Gebiedscode",
            here().fill("Code van het gebied; $groep is $code, Nederland is NL01."),
            required=True,
        ),
        Column("region_name", "string", "Gebied", "Naam van het gebied."),
        Column(
            "region_type", "string", "Soort gebied", "Soort gebied: land, provincie, gemeente, wijk, buurt, groep …"
        ),
        Column(
            "parent_code",
            "string",
            "Ligt in",
            "Code van het gebied waarin het ligt: van een buurt de wijk, van een wijk de gemeente.",
        ),
        Column("parent_name", "string", "Naam van waarin het ligt", "Naam van het gebied waarin het ligt."),
    ]


#: Which period a row is about.
OF_PERIOD = [
    Column(
        "period_code",
        "string",
        "Periode",
        "Periode zoals het CBS haar schrijft: 2024JJ00 is het jaar 2024.",
        required=True,
    ),
    Column(
        "period_type", "string", "Soort periode", "Soort periode: jaar, schooljaar, halfjaar, kwartaal, maand of dag."
    ),
    Column("start_date", "date", "Eerste dag", "Eerste dag van de periode."),
    Column("end_date", "date", "Laatste dag", "Laatste dag van de periode."),
]
