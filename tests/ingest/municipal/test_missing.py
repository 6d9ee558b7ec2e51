"""Cells that are no plain number: percentages, and signs for a number that is missing, with the reason to the last figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.declaration import RegistryError
from ingest.municipal.contract import Contract, read
from ingest.municipal.intake import Intake
from ingest.municipal.report import write
from orchestration.workspace import Workspace
from tests.ingest.files.test_numbers import made
from tests.ingest.municipal.conftest import put
from tests.ingest.municipal.test_deliveries import figures, land
from tests.ingest.municipal.test_meaning import contract_file, judged


def sheet(values: list[Any], form: str = "0.0%") -> bytes:
    """A workbook in which floats are shown in a format, other cells as they are."""
    import io

    import xlsxwriter

    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page, style = book.add_worksheet(), book.add_format({"num_format": form})
        page.write_row(0, 0, ["jaar", "getal"])
        for line, value in enumerate(values, 1):
            page.write(line, 0, 2024)
            page.write(line, 1, value, *([style] if isinstance(value, float) else []))
    return target.getvalue()


def in_unit(of_measure: str | None, **column: Any) -> Contract:
    unit = of_measure
    measures = [
        {"code": "n", "title": "n", "unit": unit or "x", "sum" if unit else "count": "getal" if unit else "rows"}
    ]
    columns = [{"name": "jaar", "type": "year"}, {"name": "getal", "type": "decimal", **column}]
    return made(columns=columns, observation={"period": "jaar", "measures": measures})


def texts(values: list[str]) -> str:
    return "\n".join(["jaar;getal", *(f"2024;{value}" for value in values)])


def taken(intake: Intake) -> list[float | None]:
    assert intake.state == "accepted", (intake.reasons, intake.rejected)
    return [row["getal"] for row in intake.rows]


# -- percentages --------------------------------------------------------------------------------------------------------

SHOWN = [0.123, 0.782, 0.07, 0.0, 1.0, -0.005]


@pytest.mark.parametrize(
    ("unit", "values"),
    [
        ("%", [12.3, 78.2, 7, 0, 100, -0.5]),
        ("procent", [12.3, 78.2, 7, 0, 100, -0.5]),
        (None, [12.3, 78.2, 7, 0, 100, -0.5]),
        ("fractie", SHOWN),
        ("aandeel", SHOWN),
    ],
)
def test_a_percentage_means_the_same_in_a_sheet_and_in_a_text(unit: str | None, values: list[float]) -> None:
    contract = in_unit(unit)
    assert taken(judged(contract, sheet(SHOWN))) == values
    assert taken(judged(contract, texts(["12,3%", "78,2 %", "7%", "0", "100%", "(0,5%)"]))) == values


def test_the_unit_of_a_column_goes_before_that_of_its_measure() -> None:
    assert taken(judged(in_unit("%", unit="fractie"), sheet([0.5]))) == [0.5]


@pytest.mark.parametrize("content", [sheet([0.123, 12]), sheet(["12,3", 0.123]), texts(["12,3%", "12,3"])])
def test_percentages_and_numbers_in_one_column_are_refused(content: bytes | str) -> None:
    intake = judged(in_unit("%"), content)
    assert intake.state == "stopped" and "regel 2" in intake.reasons[0] and "regel 3" in intake.reasons[0]


@pytest.mark.parametrize("content", [sheet([0.123]), texts(["12,3%"])])
def test_percentages_where_something_else_was_agreed_are_refused(content: bytes | str) -> None:
    assert "geen percentage" in judged(in_unit("kilogram"), content).reasons[0]


# -- signs for what is missing ------------------------------------------------------------------------------------------

SIGNS = {".": "geheim", "x": "onbekend", "<5": "geheim", "..": "nog niet gepubliceerd", "-": "nul", "-99": "unknown"}


def test_an_undeclared_sign_is_told_per_row() -> None:
    signs = [".", "x", "<5", "..", "n/a", "*", "–x"]
    contract = in_unit("aantal", empty=True).model_copy(update={"tolerance": 1.0})
    intake = judged(contract, texts([*signs, "-", "4"]))
    assert [r.line for r in intake.rejected] == [2, 3, 4, 5, 6, 7, 8]
    assert all("missing" in r.reason for r in intake.rejected[:6])
    # A dash is an empty cell, as it was; whether it is rather a zero is asked.
    assert taken(intake) == [None, 4] and "in 1 cel" in intake.warnings[0]
    text = write(contract, "f.csv", "2024", intake)
    assert "in 1 cel staat een streepje" in text
    assert "Ga de opmerkingen hierboven na" in write(contract, "f.csv", "2024", judged(contract, texts(["-", "4"])))


def test_a_declared_sign_is_what_the_contract_says() -> None:
    contract = in_unit("aantal", missing=SIGNS)
    intake = judged(contract, texts([".", " X ", "< 5", "..", "–", "-99", "4"]))
    assert taken(intake) == [None, None, None, None, 0, None, 4] and not intake.warnings
    assert [row.get("getal?") for row in intake.rows] == [
        *("confidential", "unknown", "confidential", "not_yet_published", None, "unknown", None),
    ]
    # An empty cell has no reason, so it is still not allowed.
    assert [r.reason for r in judged(contract, texts(["", *["1"] * 40])).rejected] == ["is leeg, maar moet gevuld zijn"]
    numbers = judged(contract, sheet([-99, 4, 5.5], "0.0"))
    assert taken(numbers) == [None, 4, 5.5]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("{x: stuk}", "choose from geheim"),
        ("{x: onderdrukt}", "choose from geheim"),
        ("{'': geheim}", "no sign"),
        ("{'.': geheim, No: onbekend}", None),
    ],
)
def test_a_reason_is_one_of_the_warehouse(tmp_path: Path, missing: str, told: str | None) -> None:
    file = contract_file(tmp_path, "[A]")
    extra = f"- {{name: n, type: integer, missing: {missing}}}\n- allowed: [A]"
    file.write_text(file.read_text(encoding="utf-8").replace("- allowed: [A]", extra), encoding="utf-8")
    if told is None:
        assert read(file).by_name["n"].missing == {".": "confidential", "No": "unknown"}
        return
    with pytest.raises(RegistryError, match=told):
        read(file)


def test_signs_are_for_numbers_and_for_sums_that_are_not_protected() -> None:
    with pytest.raises(ValueError, match="missing is for numbers"):
        made({"name": "soort", "type": "category", "allowed": ["A"], "missing": {"x": "geheim"}})
    measures = [{"code": "n", "title": "n", "unit": "aantal", "sum": "getal"}]
    with pytest.raises(ValueError, match="can't be protected"):
        made(
            {"name": "getal", "type": "integer", "minimum": 0, "missing": {"x": "geheim"}},
            observation={"period": "jaar", "measures": measures},
            disclosure={},
        )


def test_the_reason_reaches_the_figure_and_every_total_over_it(work: Workspace) -> None:
    contract = made(
        {"name": "soort", "type": "category", "allowed": ["A", "B", "C"]},
        {"name": "getal", "type": "integer", "missing": SIGNS},
        {"name": "deel", "type": "decimal", "missing": SIGNS},
        observation={
            **{"period": "jaar", "dimensions": ["soort"]},
            "measures": [
                {"code": "som", "title": "Som", "unit": "aantal", "sum": "getal"},
                {"code": "deel", "title": "Deel", "unit": "aantal", "value": "deel"},
                {"code": "rijen", "title": "Rijen", "unit": "aantal", "count": "rows"},
                {"code": "per_rij", "title": "Per rij", "unit": "aantal", "ratio": ["som", "rijen"]},
            ],
        },
    )
    work.registry.contracts["proef"] = contract
    work.registry.tables["proef"] = contract.table
    rows = "jaar;soort;getal;deel\n2024;A;4;.\n2024;B;x;2,5\n2024;C;-;..\n2023;A;4;1\n2023;B;5;1\n"
    put(work, "proef", "f.csv", rows)
    land(work, "proef")
    found = figures(work, "proef")

    def of(measure: str, kind: str, year: int = 2024) -> tuple[float | None, str]:
        return found[measure, "GM0770", f"{year}JJ00", kind]

    assert [of("som", kind) for kind in "ABC"] == [(4, "None"), (None, "Unknown"), (0, "None")]
    assert of("som", "Totaal") == (None, "Unknown") and of("som", "Totaal", 2023) == (9, "None")
    assert [of("deel", kind) for kind in "ABC"] == [(None, "Confidential"), (2.5, "None"), (None, "NotYetPublished")]
    assert of("per_rij", "Totaal") == (None, "Unknown") and of("per_rij", "A") == (4, "None")
    assert of("rijen", "Totaal") == (3, "None")
