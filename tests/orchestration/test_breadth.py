"""The whole breadth, without CBS: every table that an indicator needs in its real shape, taken, built and released by the command."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.registry import Registry
from tests.orchestration.by_hand import KINDS, Tables, figures
from tests.orchestration.conftest import Rdc, first_run_as_told
from tests.sample_tables import sample_tables
from tests.standin import StandIn
from tests.standin.shapes import shaped_tables
from tests.standin.table import Table
from warehouse.registry import indicators

pytestmark = pytest.mark.long

DECLARED = {t.id: t for t in Registry.load().tables.values()}


@dataclass
class Whole:
    """A data folder that took every table, and the tables that it took."""

    rdc: Rdc
    cbs: StandIn
    tables: list[Table]

    def compared(self) -> set[str]:
        """The indicators that have figures; every one of them as it comes out by hand."""
        made = figures(Tables(self.tables, {t: DECLARED[t].period for t in DECLARED}))
        built = {
            (i, r, p): v
            for i, r, p, v in self.rdc.sql(
                "select indicator_id, region_code, period_code, value from core.indicator_value "
                "where value is not null and method <> 'aggregated'"
            )
            if r[:2] in KINDS
        }
        assert not (lost := sorted(set(made) - set(built))), (len(lost), lost[:10])
        assert not (more := sorted(set(built) - set(made))), (len(more), more[:10])
        other = [(k, v, built[k]) for k, v in made.items() if not math.isclose(v, built[k], rel_tol=1e-9)]
        assert other == []
        return {i for i, _, _ in made}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    real = sample_tables()
    tables: list[Table] = [*real, *shaped_tables(skip=[t.id for t in real])]
    with StandIn(tables) as cbs:
        rdc = Rdc(tmp_path_factory.mktemp("whole"), cbs.env, whole=True)
        rdc("run")
        yield Whole(rdc, cbs, tables)


def test_every_table_lands_and_every_indicator_that_can_has_its_figures(whole: Whole) -> None:
    taken = {t for (t,) in whole.rdc.sql("select table_id from core.snapshot where origin = 'live'")}
    assert taken == {t.id for t in DECLARED.values() if not t.on_request and t.protocol != "boundaries"}
    should = {i.id for _, i in indicators.load().indicators() if i.current.bindings}
    compared, told = whole.compared(), first_run_as_told()
    assert compared == should
    assert (len(taken), len(compared)) == (told["tables"], told["indicators"])
    [(declared,)] = whole.rdc.sql("select count(distinct indicator_id) from core.indicator")
    assert declared == told["declared"]
    assert whole.rdc.sql("select count(*) from core.withheld") == [(0,)]
    assert "Nothing changed" in whole.rdc("run").stdout


def test_three_wrong_bindings_are_withheld_and_named_and_all_else_is_released(whole: Whole, tmp_path: Path) -> None:
    before = whole.compared()
    spoilt = whole.cbs
    spoilt["83452NED"].set_unit("HoeveelheidHuishoudelijkAfval_1", "x 1 000 kg")
    spoilt["83454NED"].rename_measure("GerealiseerdeKosten_2", "Kosten_2")
    spoilt["86286NED"].drop_code("StatusVanBewoning", "A059383")
    spoilt["86286NED"].drop_rows({"StatusVanBewoning": "A059383"})
    rdc = Rdc(tmp_path, whole.cbs.env, whole=True)
    told = " ".join(rdc("run", status=1).stderr.split())
    assert sorted(re.findall(r"(\w+) is withheld for (\w+):", told)) == [
        ("mil_restafval", "83452NED"),
        ("sd_jeugd_kosten", "83454NED"),
        ("won_leegstand", "86286NED"),
    ]
    assert "milieu_en_energie.yml: indicator mil_restafval: field versions.0.bindings.0.value.0.unit" in told
    assert "Did you mean BegroteKosten" in told and "no member A059383" in told
    now = {i for (i,) in rdc.sql("select distinct indicator_id from core.indicator_value where value is not null")}
    # Of vacancy the years before are there: of another table, which fits.
    assert before - now == {"mil_restafval", "sd_jeugd_kosten"} and now <= before
    taken = {t for (t,) in rdc.sql("select distinct table_id from core.observation where table_id like '83%'")}
    assert {"83452NED", "83454NED"} <= taken
