"""A scope or a filter brings what it says, whole, in filters that the services take; what they would ignore is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.declaration import RegistryError, Table
from ingest.metadata import Dimension, Metadata
from ingest.outcome import FAILED, FETCHED, UNCHANGED
from ingest.statline import slices
from ingest.statline.model import Slice
from ingest.statline.slices import LONGEST_FILTER, MOST_CODES, by_code, by_prefix
from ingest.verify import altered
from tests.ingest.statline.test_landing import Setting, replace_table
from tests.standin import Dim, Fault, Missing, StandIn, Topic, V3Table, V4Table

TABLE = Table(
    id="85984NED", title="KWB", protocol="v3", cadence="once", source_id="cbs", file="own.yml", period="2024JJ00"
)
#: 1 country, 1 province and a COROP area that are wanted and one of each that is not, 345 municipalities, 300 wijken of the
#: five and 40 of others.
REGIONS = [
    *("NL00", "PV30", "PV20", "CR36", "CR01"),
    *(f"GM{n:04d}" for n in range(400, 740)),
    *("GM0770", "GM0823", "GM1667", "GM1724", "GM1728"),
    *(f"WK0770{n:02d}" for n in range(100)),
    *(f"BU1724{n:04d}" for n in range(200)),
    *(f"BU0400{n:04d}" for n in range(40)),
]
WANTED = [r for r in REGIONS if r not in ("PV20", "CR01") and not r.startswith("BU0400")]


def v3_table() -> V3Table:
    return V3Table.build(
        TABLE.id,
        dims=[
            Dim("Soort", {"T1": "Totaal", "A1 ": "A"}),
            Dim("WijkenEnBuurten", {r: r for r in REGIONS}, kind="GeoDetail"),
        ],
        topics=["Inwoners", Topic("Dichtheid", decimals=1)],
        rows=[(s, r, n, n / 10) for s in ("T1", "A1 ") for n, r in enumerate(REGIONS)],
    )


def v4_table() -> V4Table:
    return V4Table.build(
        TABLE.id,
        dims={
            "Soort": {"T1": "Totaal", "A1": "A"},
            "RegioS": {r: r for r in REGIONS},
            "Perioden": ["2024JJ00"],
        },
        measures=["M1", Topic("M2", decimals=1), Topic("M3", datatype="String")],
        rows=[
            (s, r, "2024JJ00", n, Missing("Impossible") if n % 7 == 0 else n / 10, f'naam "{n}"; x')
            for s in ("T1", "A1")
            for n, r in enumerate(REGIONS)
        ],
        padded_regions=True,
    )


@pytest.fixture
def setting(tmp_path: Path):
    with StandIn([v3_table()], page_size=100) as cbs:
        yield Setting(tmp_path, cbs)


@pytest.fixture
def v4(tmp_path: Path):
    with StandIn([v4_table()], v4_page_size=1000) as cbs:
        yield Setting(tmp_path, cbs)


V4 = replace_table(TABLE, protocol="v4", period=None)


def regions(setting: Setting) -> list[str]:
    snapshot = setting.newest(TABLE)
    with duckdb.connect() as con:
        found = con.execute(
            f"select \"{snapshot.region_dimension}\", count(*) from read_parquet('{snapshot.file('data.parquet')}') group by 1"
        ).fetchall()
    assert len({n for _, n in found}) == 1
    return sorted(r for r, _ in found)


def test_a_scope_in_v3_names_codes_as_wide_as_the_keys_and_proves_each_slice(setting: Setting) -> None:
    outcome = setting.land(TABLE, scope="kempen")
    assert (outcome.result, outcome.reason) == (FETCHED, "")
    assert regions(setting) == sorted(WANTED)
    rows = [r for r in setting.cbs.requests if r.resource == "TypedDataSet" and r.page == 1]
    counts = [r for r in setting.cbs.requests if r.resource == "TypedDataSet/$count"]
    assert len(rows) == len(counts) > len(WANTED) // 150
    for request in rows:
        assert request.query["$filter"].count(" eq ") <= 150
        assert all(len(code) == 10 for code in request.query["$filter"].split("'")[1::2])
    snapshot = setting.newest(TABLE)
    assert (snapshot.scope, snapshot.row_count, snapshot.expected_count) == ("kempen", 2 * len(WANTED), 2 * len(WANTED))


def test_a_scope_in_v4_needs_few_terms(v4: Setting) -> None:
    assert v4.land(V4, scope="kempen").result == FETCHED
    assert regions(v4) == sorted(WANTED)
    [first] = [r for r in v4.cbs.requests if r.resource == "Observations" and r.page == 1]
    assert "eq" not in first.query["$filter"]


def test_a_filter_and_a_scope_go_together(setting: Setting) -> None:
    outcome = setting.land(TABLE, scope="kempen", filter="Soort eq 'A1'")
    assert (outcome.result, outcome.rows) == (FETCHED, len(WANTED)), outcome.reason


@pytest.mark.parametrize("kind", ["v3", "v4"])
def test_a_short_slice_is_an_error_that_names_it(setting: Setting, v4: Setting, kind: str) -> None:
    here, table = (setting, TABLE) if kind == "v3" else (v4, V4)
    resource = "TypedDataSet" if kind == "v3" else "Observations"
    here.cbs.fault(TABLE.id, Fault.SHORT_PAGE, resource=resource, times=None, page=2)
    outcome = here.land(table, scope="kempen")
    assert outcome.result == FAILED
    assert "the answer is not whole" in outcome.reason and "filter=" in outcome.reason
    assert here.store.all(TABLE.id) == []


def test_a_run_that_broke_off_in_the_third_slice_goes_on_there(setting: Setting) -> None:
    filters = []

    def asked() -> list[str]:
        return [r.query["$filter"] for r in setting.cbs.requests if r.resource == "TypedDataSet"]

    setting.land(TABLE, scope="kempen")
    filters = list(dict.fromkeys(asked()))
    setting.cbs[TABLE.id].touch()
    setting.cbs.requests.clear()
    # Each slice has two to three pages of a hundred: the seventh request for rows is in the third or fourth slice.
    setting.cbs.fault(TABLE.id, Fault.SERVER_ERROR_503, resource="TypedDataSet", page=3, times=None)
    first = setting.land(TABLE, scope="kempen")
    if first.result == FETCHED:  # no slice has a third page
        pytest.fail("the fault did not strike")
    before = asked()
    setting.cbs.clear_faults()
    setting.cbs.requests.clear()
    assert setting.land(TABLE, scope="kempen").result == FETCHED
    done = [f for f in before if before.count(f) > 0 and f not in asked()]
    assert set(asked()) | set(done) == set(filters)
    assert regions(setting) == sorted(WANTED)


def test_a_table_taken_whole_stays_whole_until_asked_otherwise(setting: Setting) -> None:
    from ingest.http import Client
    from ingest.statline.landing import land

    def take(scope: str | None = None):
        table = replace_table(TABLE, scope="kempen")
        return land(table, setting.settings, setting.store, Client(timeout=1.0), scope=scope)

    assert take().rows == 2 * len(WANTED)
    assert take("nederland").rows == 2 * len(REGIONS)
    assert take().result == UNCHANGED
    assert take("kempen").rows == 2 * len(WANTED)


@pytest.mark.parametrize(
    ("filter_", "why"),
    [
        ("Inwoners_1 ge 5", "names Inwoners_1, which is no dimension"),
        ("WijkenEnBuurten ge 'GM0770'", "a range of WijkenEnBuurten, which the service ignores"),
        ("Soort eq 'T2'", "asks for Soort 'T2', which the table does not have"),
    ],
)
def test_a_filter_that_would_be_ignored_or_refused_is_an_error(setting: Setting, filter_: str, why: str) -> None:
    outcome = setting.land(TABLE, filter=filter_)
    assert outcome.result == FAILED
    assert why in outcome.reason and "own.yml" in outcome.reason


def test_a_literal_is_made_as_wide_as_the_key(setting: Setting) -> None:
    outcome = setting.land(TABLE, filter="WijkenEnBuurten eq 'GM0770' or WijkenEnBuurten eq 'GM0823    '")
    assert (outcome.result, outcome.rows) == (FETCHED, 4)


# -- the bulk file ----------------------------------------------------------------------------------------------------


def content(setting: Setting) -> list[tuple]:
    snapshot = setting.newest(TABLE)
    with duckdb.connect() as con:
        return con.execute(
            'select "Id", Measure, ValueAttribute, "Value", StringValue, Soort, RegioS, Perioden '
            f"from read_parquet('{snapshot.file('data.parquet')}') order by 1"
        ).fetchall()


@pytest.mark.parametrize("zipped", [False, True])
def test_the_bulk_file_brings_the_same_to_the_digit(
    tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = v4_table()
    if zipped:
        import io
        import zipfile

        plain = V4Table.csv

        def packed(self: V4Table) -> bytes:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("MeasureCodes.csv", "x")
                archive.writestr("Observations.csv", plain(self))
            return out.getvalue()

        monkeypatch.setattr(V4Table, "csv", packed)
    with StandIn([table]) as cbs:
        by_odata, by_bulk = Setting(tmp_path / "a", cbs), Setting(tmp_path / "b", cbs)
        assert by_odata.land(V4).result == FETCHED
        cbs.requests.clear()
        outcome = by_bulk.land(V4, via="csv")
        assert (outcome.result, outcome.reason) == (FETCHED, "")
        assert not [r for r in cbs.requests if r.resource == "Observations"]
        assert content(by_bulk) == content(by_odata)
        assert len(content(by_bulk)) == 6 * len(REGIONS)
        assert altered(by_bulk.newest(TABLE)) == []


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault.HTML_200, "a web page"),
        (Fault.JSON_CUT, "not whole|expected numbers and text"),
        (Fault.EMPTY_200, "an empty answer"),
        (Fault.FORBIDDEN_403, "HTTP 403"),
    ],
    ids=lambda f: getattr(f, "name", None),
)
def test_a_broken_bulk_file_leaves_no_snapshot(v4: Setting, fault: Fault, why: str) -> None:
    import re

    v4.cbs.fault(TABLE.id, fault, resource="csv", times=None)
    outcome = v4.land(V4, via="csv")
    assert outcome.result == FAILED
    assert re.search(why, outcome.reason), outcome.reason
    assert "/csv/CBS/nl/" in outcome.reason
    assert v4.store.all(TABLE.id) == []


def test_a_bulk_file_is_of_a_whole_table() -> None:
    with pytest.raises(ValueError, match="goes without `filter` and `scope: region`"):
        Table(id="A1", title="T", protocol="v4", cadence="year", via="csv", scope="kempen")
    assert issubclass(RegistryError, ValueError)


# -- filters, without a service ---------------------------------------------------------------------------------------

REGIO = Dimension("RegioS", "region", "Regio's", 0)


@pytest.mark.parametrize("key", ["GM{:04d}", "BU{:08d}", "BU{:08d}          "])
def test_a_filter_by_code_is_as_long_as_the_service_takes_and_no_longer(key: str) -> None:
    """Bounded by the number of codes, and where they are wide by the length of the address."""
    keys = [key.format(n) for n in range(400)]
    parts = list(by_code(REGIO, keys, None))
    assert [code for s in parts for code in sorted(s.regions or ())] == [k.strip() for k in keys], "each once, in order"
    one = len(quote(f"RegioS eq '{keys[0]}' or ", safe="$'(),"))
    lengths = [len(quote(f"{s.filter} or ", safe="$'(),")) for s in parts]
    assert max(lengths) <= LONGEST_FILTER
    for s, length in list(zip(parts, lengths, strict=True))[:-1]:  # one more would not go in
        assert len(s.regions or ()) == MOST_CODES if key == "GM{:04d}" else length + one > LONGEST_FILTER
    [both] = by_code(REGIO, keys[:1], "Soort eq 'A1'")
    assert both.filter == f"(Soort eq 'A1') and (RegioS eq '{keys[0]}')"


def brought(part: Slice, codes: Iterable[str]) -> set[str]:
    """The codes that a service answers such a filter with."""
    starts = tuple(re.findall(r"startswith\(RegioS,'([^']*)'\)", part.filter or ""))
    assert 0 < len(starts) <= MOST_CODES
    return {code for code in codes if code.startswith(starts)}


@settings(max_examples=60)
@given(
    st.sets(st.sampled_from([f"{kind}{n:04b}" for kind in ("GM", "WK", "BU") for n in range(16)]), min_size=1),
    st.data(),
)
def test_prefixes_bring_all_that_is_wanted_nothing_else_and_are_as_few_as_can_be(
    codes: set[str], data: st.DataObject
) -> None:
    wanted = data.draw(st.sets(st.sampled_from(sorted(codes)), min_size=1))
    parts = list(by_prefix(REGIO, sorted(wanted), sorted(codes), None))
    assert all(brought(part, codes) == part.regions for part in parts)
    assert sorted(code for part in parts for code in part.regions or ()) == sorted(wanted), "each once"
    for prefix in re.findall(r"'([^']*)'", " ".join(part.filter or "" for part in parts)):
        assert len(prefix) == 2 or any(code.startswith(prefix[:-1]) for code in codes - wanted), (
            "a shorter one would do"
        )


def test_many_prefixes_are_asked_for_in_several_slices() -> None:
    codes = [f"GM{n:04d}" for n in range(800)]
    parts = list(by_prefix(REGIO, codes[::2], codes, "Soort eq 'A1'"))
    assert [len(part.regions or ()) for part in parts] == [150, 150, 100]
    assert all((part.filter or "").startswith("(Soort eq 'A1') and (startswith(RegioS,'") for part in parts)


#: A table whose keys are wider than its codes, as v3 has them.
PADDED = {"RegioS": ["NL01  ", "GM0770"], "Soort": ["A1 ", "T'1"]}
SHAPE = Metadata((REGIO, Dimension("Soort", "other", "", 1)), {}, (), {}, {})


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (None, None),
        ("RegioS eq 'NL01' and Soort ne 'A1   '", "RegioS eq 'NL01  ' and Soort ne 'A1 '"),
        ("Soort eq 'T''1'", "Soort eq 'T''1'"),  # a quote inside a text stays doubled
        ("not startswith(RegioS,'WK') or RegioS ge 'GM'", "not startswith(RegioS,'WK') or RegioS ge 'GM'"),
        ("Soort eq 'A1' and contains(RegioS,'Inwoners ge 5')", "Soort eq 'A1 ' and contains(RegioS,'Inwoners ge 5')"),
    ],
)
def test_a_filter_is_sent_as_the_table_writes_its_keys(asked: str | None, sent: str | None) -> None:
    assert slices.declared(replace_table(TABLE, filter=asked), SHAPE, PADDED) == sent


@pytest.mark.parametrize(
    ("asked", "protocol", "said"),
    [
        ("Measure eq 'M1'", "v3", "names Measure, which is no dimension of the table (RegioS, Soort)"),
        ("Measure eq 'M1'", "v4", ""),
        ("RegioS lt 'GM'", "v3", "asks for a range of RegioS"),
        ("Soort lt 'A1'", "v3", ""),
        ("RegioS eq 'GM0771'", "v3", "asks for RegioS 'GM0771', which the table does not have (near it: GM0770). Mend"),
        ("RegioS eq '#'", "v3", "which the table does not have. Mend"),
    ],
)
def test_a_filter_that_the_service_does_not_take_as_meant_is_told(asked: str, protocol: str, said: str) -> None:
    table = replace_table(TABLE, filter=asked, protocol=protocol)
    if not said:
        assert slices.declared(table, SHAPE, PADDED, unranged=["RegioS"]) == asked
        return
    with pytest.raises(slices.FilterError, match=re.escape(said)):
        slices.declared(table, SHAPE, PADDED, unranged=["RegioS"])
