"""The command as an analyst and a partner use it, and what it says when they mistype."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from tests.ingest.statline.test_landing import V3, V4, Setting, v3_table, v4_table
from tests.orchestration.conftest import Rdc
from tests.standin import StandIn
from tests.warehouse.made import publish


def test_query_in_every_format(released: Rdc, tmp_path: Path) -> None:
    sql = "select region_code, name, 1.5 as half, null as nothing from core.region where region_code = 'GM0770'"
    assert "Eersel" in released("query", sql).stdout
    assert released("query", sql, "--format", "csv").stdout == "region_code,name,half,nothing\nGM0770,Eersel,1.5,\n"
    assert json.loads(released("query", sql, "--format", "json").stdout) == [
        {"region_code": "GM0770", "name": "Eersel", "half": 1.5, "nothing": None}
    ]
    released("query", sql, "--format", "parquet", "--output", str(tmp_path / "x.parquet"))
    assert duckdb.sql(f"select name from '{tmp_path / 'x.parquet'}'").fetchall() == [("Eersel",)]


def test_query_can_not_write(released: Rdc) -> None:
    assert "read-only" in released("query", "create table core.x as select 1", status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["query", "selec 1"], "syntax error"),
        (["pull", "bevolkin"], "Did you mean bevolking"),
        (["pull", "bevolking", "--region", "Eersl"], "Did you mean Eersel (GM0770)"),
        (["pull", "bevolking", "--period", "1850"], "There is no period '1850'"),
        (["explain", "bev_inwoner", "GM0770", "2024"], "Did you mean bev_inwoners"),
        (
            ["explain", "bev_inwoners", "GM0770", "2015"],
            "has no figure for GM0770 in 2015JJ00. For GM0770 there are: 2019JJ00",
        ),
        (["rollback", "1999.1.1"], "There is no release 1999.1.1"),
        (["run", "--table", "84799ned"], "Did you mean 84799NED"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_1(released: Rdc, arguments: list[str], said: str) -> None:
    error = " ".join(released(*arguments, status=1).stderr.split())
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments", [["run", "--source", "magic"], ["pull"], ["nonsense"], ["query", "select 1", "--format", "x"]]
)
def test_wrong_usage_is_status_2(released: Rdc, arguments: list[str]) -> None:
    released(*arguments, status=2)


def test_without_a_release_it_says_what_to_do(tmp_path: Path) -> None:
    rdc = Rdc(tmp_path, {})
    assert "rdc run" in rdc("query", "select 1", status=1).stderr
    assert "rdc run" in rdc("status").stdout
    assert rdc.json("releases") == []


def pulled(rdc: Rdc, fmt: str, tmp_path: Path) -> Path:
    target = tmp_path / f"bevolking.{fmt}"
    # Of the form that its name says.
    rdc("pull", "bevolking", "--region", "Eersel", "--region", "KEMPEN", "--output", str(target))
    return target


def _figures(row: dict[str, str]) -> list[str]:
    return [str(float(v.replace(",", "."))) if k.startswith("bev_") and v else v for k, v in row.items()]


def test_pull_csv_and_its_dutch_sister(released: Rdc, tmp_path: Path) -> None:
    iso = list(csv.DictReader(io.StringIO(pulled(released, "csv", tmp_path).read_text(encoding="utf-8"))))
    raw = pulled(released, "csv-nl", tmp_path).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\r\n") == raw.count(b"\n")
    dutch = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), delimiter=";"))
    assert {r["region_code"] for r in iso} == {"GM0770", "KEMPEN"}
    # Readers that look at the first rows only must see what a column holds, so the two need not have one order.
    assert sorted(map(_figures, dutch)) == sorted(map(_figures, iso))
    row = next(r for r in iso if (r["region_code"], r["period_code"]) == ("KEMPEN", "2026JJ00"))
    assert row["bev_inwoners"] == "94549"
    definitions = csv.DictReader(io.StringIO(released("pull", "indicator").stdout))
    assert "bev_inwoners" in {r["indicator_id"] for r in definitions if r["definition"] and "value" not in r}


def test_pull_reads_back_the_same_from_every_format(released: Rdc, tmp_path: Path) -> None:
    expected = released.sql(
        "select region_code, period_code, bev_inwoners from mart.bevolking where region_code in ('GM0770', 'KEMPEN') order by all"
    )
    parquet = duckdb.sql(
        f"select region_code, period_code, bev_inwoners from '{pulled(released, 'parquet', tmp_path)}' order by all"
    )
    assert parquet.fetchall() == expected
    record = json.loads(pulled(released, "json", tmp_path).read_text(encoding="utf-8"))
    assert sorted((r["region_code"], r["period_code"], r["bev_inwoners"]) for r in record["rows"]) == expected
    assert {d["indicator_id"] for d in record["definitions"]} >= {"bev_inwoners"}
    book = openpyxl.load_workbook(pulled(released, "xlsx", tmp_path))
    assert book.sheetnames == ["Cijfers", "Toelichting", "Definities", "Bronnen", "Wijzigingen"]
    sheet = book["Cijfers"]
    names = [c.value for c in sheet[1]]
    rows = [dict(zip(names, (c.value for c in line), strict=True)) for line in sheet.iter_rows(min_row=2)]
    assert sorted((r["region_code"], r["period_code"], r["bev_inwoners"]) for r in rows) == expected
    assert sheet.freeze_panes is not None and not sheet.merged_cells.ranges
    assert "Bron: CBS" in {c.value for c in book["Bronnen"]["E"]}


def test_diff_tells_what_changed_and_its_exit_status_too(tmp_path: Path) -> None:
    rdc = Rdc(tmp_path, {})
    cell = ("bev_inwoners", "GM0770", "2024JJ00")
    old = publish(tmp_path / "warehouse").release_id
    new = publish(tmp_path / "warehouse", changes={cell: 20537.0}).release_id
    said = rdc("diff", old, new).stdout
    assert "bev_inwoners" in said and "20537" in said and "core." not in said
    found = rdc.json("diff", old, new)
    assert [(v["region_code"], v["new_value"]) for v in found["values"]] == [("GM0770", 20537.0)]
    rdc("diff", old, new, "--exit-code", status=3)
    assert "Nothing differs" in rdc("diff", old, old, "--exit-code").stdout
    assert f"There is no release 1999.1.1. Known: {old}, {new}" in rdc("diff", old, "1999.1.1", status=1).stderr
    rdc("diff", old, status=2)


def test_explain_goes_back_to_the_cell_and_checks_it(released: Rdc) -> None:
    found = released.json("explain", "bev_inwoners", "Eersel", "2026")
    [cell] = found["cells"]
    assert found["figure"]["value"] == cell["value"] == 20537
    assert (cell["table_id"], cell["measure_code"]) == ("03759ned", "M000352")
    assert cell["verified"] == "the snapshot on disk is untouched and has the same value"
    assert cell["sha256"] and cell["fetched_at"] and cell["url"].startswith("http://127.0.0.1")
    text = released("explain", "bev_inwoners", "Eersel", "2026").stdout
    assert "20537" in text and "03759ned" in text


def test_explain_of_the_kempen_has_the_cells_of_all_five(released: Rdc) -> None:
    found = released.json("explain", "bev_65plus_pct", "KEMPEN", "2020")
    roles = [c["role"] for c in found["cells"]]
    assert roles.count("numerator") == roles.count("denominator") == 5
    numerator = sum(c["value"] for c in found["cells"] if c["role"] == "numerator")
    denominator = sum(c["value"] for c in found["cells"] if c["role"] == "denominator")
    assert found["figure"]["value"] == pytest.approx(100 * numerator / denominator, abs=1e-12)


def test_explain_looks_the_cell_up_at_the_source(released: Rdc) -> None:
    import requests

    [cell] = released.json("explain", "mil_gas", "GM0770", "2024")["cells"]
    [row] = requests.get(cell["look_up"], timeout=10).json()["value"]
    assert row[cell["measure_code"]] == cell["value"] == 1000


def test_explain_notices_a_snapshot_that_was_tampered_with(released: Rdc) -> None:
    snapshot = next(released.home.glob("snapshots/83625NED/*/data.parquet"))
    whole = snapshot.read_bytes()
    try:
        snapshot.write_bytes(whole[:-20] + bytes(20))
        [cell] = released.json("explain", "won_verkoopprijs", "GM0770", "2025")["cells"]
        assert "was changed since" in cell["verified"]
    finally:
        snapshot.write_bytes(whole)


def test_status_and_sources_can_be_read_by_a_program(released: Rdc) -> None:
    status = released.json("status")
    assert status["release"]["release_id"]
    assert {t["state"] for t in status["tables"]} <= {"ok", "stale"}
    assert all(t["checks"] for t in status["tables"])
    assert {t["id"] for t in released.json("sources", "list")} >= {"84799NED", "03759ned"}


def test_snapshots_can_be_verified_down_to_the_bytes_that_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["sources", "verify", *arguments])

    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    assert verify().output.startswith("0 of 0 snapshots")
    with StandIn([v3_table(), v4_table()], page_size=7, v4_page_size=7) as cbs:
        setting = Setting(tmp_path, cbs)
        setting.land(V3)
        setting.land(V4)
    whole = verify()
    assert (whole.exit_code, whole.output.split(" (")[0]) == (0, "2 of 2 snapshots are as they were laid down")
    assert "8 pages" in whole.output

    (setting.newest(V4).path / "page-00003.json.zst").unlink()
    broken = verify()
    assert broken.exit_code == 1, broken.output
    assert "page-00003.json.zst was changed or is gone" in broken.output
    assert "1 of 2 snapshots" in broken.output
    assert verify(V3.id).exit_code == 0
    found = json.loads(verify(V4.id, "--json").output)
    assert [f["altered"] for f in found] == [["page-00003.json.zst was changed or is gone"]]
    assert f"no snapshots of nonsense; there are of {V3.id}, {V4.id}" in " ".join(verify("nonsense").output.split())
