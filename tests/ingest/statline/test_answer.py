"""What a StatLine service says of a table, field by field: at the edge of what is taken."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.datacenter import here
from ingest.http import FetchError, TransientError
from ingest.metadata import Codes, Dimension
from ingest.scope import REGION, wanted
from ingest.statline.answer import counted, document, link, moment, named, records, unique
from ingest.statline.model import SUFFIX, clean, code_list, infer_region, integer, prose

URL = "https://service.example/T/Perioden"


# -- the document -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"[]", "JSON of another kind (list)"),
        (b'"x"', "JSON of another kind (str)"),
        (b"{", "no JSON"),
        (b'{"a": NaN}', "no JSON"),
        (b'{"a": "\xff"}', "no JSON"),
        (b"", "no JSON"),
        (b'{"a": 1, "a": 1}', "'a' twice in one object"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' twice in one object"),
        (b'{"a": [[{"b": 1}, {"c": 1, "c": 2}]]}', "'c' twice in one object"),
        (b'{"a" : 1, "a"\n: 2}', "'a' twice in one object"),
    ],
)
def test_what_is_no_single_object_is_refused_with_its_address(body: bytes, wrong: str) -> None:
    with pytest.raises(TransientError) as error:
        document(body, URL, "the periods")
    assert wrong in str(error.value) and URL in str(error.value) and "the periods" in str(error.value)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"{}", {}),
        (b'{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}', {"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}),
        # A colon behind a quotation mark in a text is no name.
        (rb'{"a": "say \"b\": and \"b\": again", "b": 1}', {"a": 'say "b": and "b": again', "b": 1}),
    ],
)
def test_an_object_is_taken_as_it_is(body: bytes, found: dict[str, Any]) -> None:
    assert document(body, URL, "x") == found == unique(body)


def test_records_are_a_list_of_objects() -> None:
    assert records({"value": [{"a": 1}]}, URL, "x") == [{"a": 1}] and records({"value": []}, URL, "x") == []
    for answer, wrong in (
        ({}, 'without a "value" list'),
        ({"value": {}}, 'without a "value" list'),
        ({"value": [{}, 3]}, "3"),
    ):
        with pytest.raises(TransientError, match=wrong):
            records(answer, URL, "x")


# -- fields -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [(None, None), (0, 0), (7, 7), ("12", 12), (" 12\n", 12), ("0", 0), ("9" * 40, int("9" * 18))],
)
def test_a_count_in_a_document(value: object, number: int | None) -> None:
    assert counted(value, URL, "RecordCount") == number


@pytest.mark.parametrize("value", [-1, True, False, 1.0, "", "1.5", "-1", "²", "٣", "1 000", [], {}])
def test_what_is_no_count(value: object) -> None:
    with pytest.raises(FetchError, match=r"a number of rows \(RecordCount\)"):
        counted(value, URL, "RecordCount")


def test_a_count_by_itself() -> None:
    assert integer("12", URL) == 12 and integer("\ufeff 12 \r\n", URL) == 12 and integer(" \ufeff12", URL) == 12
    for text in ("", "x", "1.0", "-1", "٣", "1 2", "<html>"):
        with pytest.raises(FetchError, match="a number of rows"):
            integer(text, URL)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, ""), ("", ""), ("  ", ""), (" 2024-06-01T02:00:00 ", "2024-06-01T02:00:00")),
        *(("2024-06-01", "2024-06-01"), ("2024-06-01T02:00:00.123+02:00", "2024-06-01T02:00:00.123+02:00")),
    ],
)
def test_a_moment(value: object, text: str) -> None:
    assert moment(value, URL, "Modified") == text


@pytest.mark.parametrize("value", ["gisteren", "2024-13-01", "01-06-2024", 20.5, ["2024-06-01"]])
def test_what_is_no_moment(value: object) -> None:
    with pytest.raises(FetchError, match=r"a date or time \(Modified\)"):
        moment(value, URL, "Modified")


def test_the_next_page() -> None:
    assert link(None, URL) is None and link("", URL) is None and link("https://x/2", URL) == "https://x/2"
    for value in (1, True, [], {"href": "x"}):
        with pytest.raises(FetchError, match="an address of the next page"):
            link(value, URL)


def test_what_an_entry_is_known_by() -> None:
    assert named({"Key": "GM0770  "}, "Key", URL) == "GM0770  " and named({"Key": 0}, "Key", URL) == "0"
    for entry in ({}, {"Key": None}, {"Key": ""}, {"Key": "  "}, {"Key": True}, {"Key": 1.5}, {"Key": ["x"]}):
        with pytest.raises(FetchError, match="a Key in every entry"):
            named(entry, "Key", URL)


# -- periods, with their status ----------------------------------------------------------------------------------------


def test_the_members_of_a_dimension_are_in_the_order_of_the_service_with_their_status() -> None:
    entries = [
        {
            "Key": "2024JJ00",
            "Title": " 2024\u00a0 ",
            "Status": "Voorlopig",
            "Description": " Een.\r\n\rTwee. ",
            "Group": 3,
        },
        {"Key": "2023JJ00 ", "Title": None, "Status": "Definitief", "Description": None, "Group": None},
        {"Key": "2022JJ00", "Title": "2022", "Description": " ", "Group": "a"},
    ]
    assert code_list(entries, "Key", "Group", URL) == Codes(
        code=["2024JJ00", "2023JJ00", "2022JJ00"],
        title=["2024", "", "2022"],
        description=["Een.\n\nTwee.", None, None],
        group=["3", None, "a"],
        status=["Voorlopig", "Definitief", None],
    )
    with pytest.raises(FetchError):
        code_list([{"Title": "2024"}], "Key", "Group", URL)


def test_texts_as_a_person_reads_them() -> None:
    assert clean("  a \u00a0 b\n") == "a b" and clean(None) == "" and clean(0) == "" and clean(5) == "5"
    assert prose("\u00a0a\u00a0b\r\n") == "a b" and prose("a\rb") == "a\nb" and prose("") is None and prose(7) == "7"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("Inwoners_1", ("Inwoners", "1")),
        ("Gas_2024_12", ("Gas_2024", "12")),
        ("Inwoners", None),
        ("_1", None),
        ("Inwoners_", None),
    ],
)
def test_the_stem_of_a_key(key: str, parts: tuple[str, str] | None) -> None:
    found = SUFFIX.match(key)
    assert (found and found.groups()) == parts


# -- regions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regions", "others", "is_region"), [(9, 1, True), (8, 1, False), (10, 0, True), (0, 1, False), (0, 0, False)]
)
def test_a_dimension_of_which_nearly_all_codes_are_regions_is_one(regions: int, others: int, is_region: bool) -> None:
    axes = [Dimension("A", "other", "A", 0), Dimension("B", "other", "B", 1)]
    codes = {
        "A": Codes.named({f"GM{n:04}": "x" for n in range(regions)} | {f"T{n}": "x" for n in range(others)}),
        "B": Codes.named({"T001": "x"}),
    }
    assert [d.kind for d in infer_region(axes, codes)] == ["region" if is_region else "other", "other"]
    known = [Dimension("A", "other", "A", 0), Dimension("R", "region", "R", 1)]
    assert infer_region(known, codes) is known


@pytest.mark.parametrize(
    ("code", "matches"),
    [
        *(
            ("NL1", True),
            ("NL01", True),
            ("NL001", False),
            ("LDxx", True),
            ("PV30", True),
            ("PV3", False),
            ("CR36", True),
        ),
        *(
            ("GM0770", True),
            ("GM770", False),
            ("GM07700", False),
            ("WK077001", True),
            ("BU07700101", True),
            ("BU077001", False),
        ),
        *(("XGM0770", False), ("T001081", False)),
    ],
)
def test_a_code_of_a_region(code: str, matches: bool) -> None:
    assert bool(REGION.match(code)) is matches


def test_the_scope_of_a_data_centre() -> None:
    center = here()
    ours, other = center.codes[0], "GM0363"
    for code in ("NL01", ours, other, center.corop, center.province, f"WK{ours[2:]}01", f"BU{ours[2:]}0101", "T001081"):
        assert wanted(code, center), code
    for code in (f"WK{other[2:]}01", f"BU{other[2:]}0101", "PV27", "CR01", "LD01"):
        assert not wanted(code, center), code
