"""Every way in which a source is known to fail, on both services, through the real command: what comes of it, what is said,
how the command ends, and that the last good figures are served on. No fault ends in success with wrong data.

The faults that a source gets over are met in one run; each of the others, on both services, in a run of its own, since the
exit status is that of a whole run. Those runs share a process, so that Dagster and Great Expectations are imported once.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.ingest.statline.test_landing import v3_table, v4_table
from tests.orchestration.conftest import Rdc
from tests.standin import Fault, StandIn, Topic

Edit = Callable[[Any], object]
MEASURES = {"v3": "Aardgas_1", "v4": "M000352"}


@dataclass(frozen=True)
class Case:
    """One fault or change at the source, and what must come of it.

    :param message: what `rdc run` and `rdc status` say (a regular expression); empty where the fault is overcome.
    """

    name: str
    result: str
    message: str = ""
    fault: Fault | None = None
    options: dict[str, Any] = field(default_factory=dict)
    edit: Callable[[str], Edit] | None = None
    protocols: tuple[str, ...] = ("v3", "v4")

    @property
    def overcome(self) -> bool:
        return self.result == "fetched"


def once(name: str, fault: Fault, **options: Any) -> Case:
    return Case(f"{name} once", "fetched", fault=fault, options={"times": 1, "page": 2} | options)


def ever(name: str, fault: Fault, message: str, **options: Any) -> Case:
    return Case(f"{name} for ever", "failed", message, fault, {"times": None} | options)


CASES = [
    once("reset", Fault.RESET),
    once("503", Fault.SERVER_ERROR_503),
    once("429 with Retry-After", Fault.TOO_MANY_429, seconds=1),
    once("stall", Fault.STALL),
    once("html with 200", Fault.HTML_200),
    once("json cut short", Fault.JSON_CUT),
    once("gzip damaged", Fault.GZIP_DAMAGED),
    once("modified half-way", Fault.MODIFIED_HALFWAY),
    Case(
        "column added",
        "fetched",
        edit=lambda kind: lambda t: t.add_measure(Topic("Warmte" if kind == "v3" else "M000999"), value=1),
    ),
    ever("reset", Fault.RESET, "broken connection"),
    ever("503", Fault.SERVER_ERROR_503, "HTTP 503"),
    ever("429 with Retry-After", Fault.TOO_MANY_429, "HTTP 429", seconds=0),
    ever("stall", Fault.STALL, "nothing for 1 seconds|broken connection"),
    ever("html with 200", Fault.HTML_200, "a web page"),
    ever("403", Fault.FORBIDDEN_403, "HTTP 403"),
    ever("json cut short", Fault.JSON_CUT, "JSON cut short"),
    ever("page cut short with 200", Fault.SHORT_PAGE, "the answer is not whole", page=2),
    ever("looping next link", Fault.LOOPING_NEXT_LINK, "a loop"),
    ever("page twice", Fault.DUPLICATED_PAGE, "the answer is not whole|rows that repeat another", page=2),
    ever("modified half-way", Fault.MODIFIED_HALFWAY, "published a new one meanwhile", page=2),
    ever("gzip damaged", Fault.GZIP_DAMAGED, "damaged answer|JSON cut short"),
    ever("redirect to html", Fault.REDIRECT_HTML, "a web page"),
    ever("row keys renamed", Fault.ROW_KEY_RENAMED, "expected the columns"),
    Case(
        "null without reason",
        "failed",
        r"expected a reason \(ValueAttribute\)",
        Fault.NULL_WITHOUT_REASON,
        {"times": None},
        protocols=("v4",),
    ),
    Case(
        "column renamed",
        "quarantined",
        "is er niet meer, of heet anders",
        edit=lambda kind: lambda t: t.rename_measure(MEASURES[kind], "Gasverbruik_1" if kind == "v3" else "M999999"),
    ),
    Case(
        "unit changed",
        "quarantined",
        "eenheid is nu",
        edit=lambda kind: lambda t: t.set_unit(MEASURES[kind], "1 000 m³"),
    ),
    Case(
        "values scaled",
        "quarantined",
        "maal zo groot",
        edit=lambda kind: lambda t: t.scale(MEASURES[kind], 1000),
    ),
]  # fmt: skip

TABLES = {
    f"8{6 if kind == 'v3' else 7}{number:03d}NED": (case, kind)
    for number, case in enumerate(CASES)
    for kind in case.protocols
}
OVERCOME = [table_id for table_id, (case, _) in TABLES.items() if case.overcome]
BROKEN = [table_id for table_id in TABLES if table_id not in OVERCOME]

_EACH = """
import sys
from orchestration.run import run
for tables in sys.argv[1:]:
    print("==", tables, flush=True)
    status = run("auto", tuple(tables.split(",")), None, True)
    print("==", status, flush=True)
"""


def _by_case(table_ids: list[str]) -> list[list[str]]:
    cases: dict[str, list[str]] = {}
    for table_id in table_ids:
        cases.setdefault(TABLES[table_id][0].name, []).append(table_id)
    return list(cases.values())


def _figures(rdc: Rdc, table_id: str) -> list[tuple[Any, ...]]:
    return rdc.sql(
        "select measure_code, region_code, period_code, dimensions::varchar, value, missing_reason from core.observation "
        f"where table_id = '{table_id}' order by all"
    )


@dataclass
class Met:
    """What one table met: the command's record, exit status and words, and the figures before and after."""

    status: int
    record: dict[str, Any]
    said: str
    state: dict[str, Any]
    before: list[tuple[Any, ...]]
    after: list[tuple[Any, ...]]
    modified: str


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Met]:
    home = tmp_path_factory.mktemp("faults")
    declared = [
        {"id": i, "title": case.name, "protocol": kind, "cadence": "year", "on_request": True}
        for i, (case, kind) in TABLES.items()
    ]
    terms = {"source_id": "test", "name": "T", "licence": "CC0", "attribution": "T", "owner": "T"}
    (home / "sources").mkdir()
    (home / "sources" / "faults.yml").write_text(yaml.safe_dump(terms | {"tables": declared}), encoding="utf-8")
    with StandIn(
        [(v3_table if kind == "v3" else v4_table)(i) for i, (_, kind) in TABLES.items()], page_size=7, v4_page_size=7
    ) as cbs:
        rdc = Rdc(home, cbs.env | {"RDC_HTTP_TIMEOUT": "1"})
        rdc("run", *(word for i in TABLES for word in ("--table", i)))
        before = {i: _figures(rdc, i) for i in TABLES}
        for table_id, (case, kind) in TABLES.items():
            if case.edit:
                case.edit(kind)(cbs[table_id])
            cbs[table_id].touch()
            if case.fault:
                resource = "TypedDataSet" if kind == "v3" else "Observations"
                cbs.fault(table_id, case.fault, resource=resource, **case.options)

        good = rdc("run", "--json", *(word for i in OVERCOME for word in ("--table", i)))
        found: dict[str, tuple[int, dict[str, Any], str]] = dict.fromkeys(
            OVERCOME, (good.returncode, json.loads(good.stdout), good.stderr)
        )
        release = rdc.json("releases")[-1]["release_id"]
        done = subprocess.run(
            [sys.executable, "-c", _EACH, *(",".join(ids) for ids in _by_case(BROKEN))],
            env=rdc._environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        parts = re.split(r"^== (\S+)$", done.stdout, flags=re.MULTILINE)[1:]
        for ids, record, status, _ in zip(*(iter(parts),) * 4, strict=True):
            found |= dict.fromkeys(ids.split(","), (int(status), json.loads(record), done.stderr))
        states = {t["table_id"]: t for t in rdc.json("status")["tables"]}
        assert rdc.json("releases")[-1]["release_id"] == release, "a table that failed made a release"
        return {
            i: Met(status, record, said, states[i], before[i], _figures(rdc, i), cbs[i].modified)
            for i, (status, record, said) in found.items()
        }


def of(met: dict[str, Met], table_id: str) -> tuple[Met, dict[str, Any]]:
    found = met[table_id]
    return found, next(t for t in found.record["tables"] if t["table_id"] == table_id)


def label(table_id: str) -> str:
    case, kind = TABLES[table_id]
    return f"{kind} {case.name}"


@pytest.mark.parametrize("table_id", OVERCOME, ids=label)
def test_a_fault_that_passes_is_overcome_with_the_new_figures(met: dict[str, Met], table_id: str) -> None:
    found, table = of(met, table_id)
    assert (found.status, table["result"], table["origin"]) == (0, "fetched", "live")
    assert found.state["state"] == "ok", found.state
    assert found.state["modified"] == found.modified
    kept = [row for row in found.after if row[0] in {r[0] for r in found.before}]
    assert kept == found.before
    added = TABLES[table_id][0].name == "column added"
    assert (len(found.after) > len(found.before)) == added


@pytest.mark.parametrize("table_id", BROKEN, ids=label)
def test_a_fault_that_stays_is_told_and_the_last_good_figures_serve_on(met: dict[str, Met], table_id: str) -> None:
    case, _ = TABLES[table_id]
    found, table = of(met, table_id)
    assert (found.status, table["result"], table["origin"]) == (1, case.result, "last_good")
    assert found.record["new_release"] is False
    assert found.state["state"] == case.result
    assert table_id in table["reason"]
    for words in (table["reason"], found.state["why"]):
        assert re.search(case.message, words), words
    if case.result == "failed":
        assert "http://127.0.0.1" in table["reason"] and "expected" in table["reason"]
    assert found.before and found.after == found.before
