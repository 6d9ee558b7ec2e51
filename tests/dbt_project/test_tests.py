"""dbt's own tests: each finds its fault and nothing in a good file, with real dbt."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.expectations.test_suites import GOOD
from warehouse.making import build

_REASONS = "impossible__confidential__not_available__suppressed__not_yet_published__unknown"

#: What must find a fault, how many times, and the statement that makes it. All are in one file, as dbt takes seconds to start:
#: each is in rows of its own, and none is a fault of another.
FAULTS = {
    "unique_snapshot_snapshot_no": (1, "insert into core.snapshot select * replace ('T9' as table_id, 'T9-1' as snapshot_id, "
     "0::bigint as row_count) from core.snapshot"),
    "unique_source_table_table_id": (1, 'insert into core."table" select * from core."table"'),
    "accepted_values_source_table_origin__live__last_good__sample": (
     1, "insert into core.\"table\" values ('T7', 'T1-1', 'elsewhere', 20)"),
    "not_null_source_table_origin": (1, "insert into core.\"table\" values ('T8', 'T1-1', null, 20)"),
    "unique_measure_measure_id": (1, "insert into core.measure values (8, 'T8', 'a', 1), (8, 'T8', 'b', 1)"),
    "unique_source_row_row_id": (1, "insert into core.source_row select source_row.* replace (80 as row_id, 'X' || i as "
     "region_code) from core.source_row, range(2) as twice (i) where row_id = 2"),
    "source_row_one_per_grain": (1, "insert into core.source_row select * replace (81 as row_id) from core.source_row "
     "where row_id = 3"),
    "relationships_source_row_snapshot_no__snapshot_no__ref_snapshot_": (1, "insert into core.source_row select * replace "
     "(82 as row_id, 9 as snapshot_no) from core.source_row where row_id = 3"),
    "relationships_source_row_period_code__period_code__ref_period_": (1, "insert into core.source_row select * replace "
     "(83 as row_id, '1900JJ00' as period_code) from core.source_row where row_id = 3"),
    "relationships_cell_row_id__row_id__ref_source_row_": (1, "insert into core.cell values (999, 1, 1, null, null)"),
    f"accepted_values_cell_missing_reason__{_REASONS}": (1, "update core.cell set missing_reason = 'weg' where row_id = 0"),
    # As many cells as there must be; and those of the snapshot above, which has none.
    "cell_one_per_row_and_measure": (2, "insert into core.cell select * from core.cell where row_id = 7; "
     "delete from core.cell where row_id = 8"),
    "missing_value_has_reason": (3, "update core.cell set value = null where row_id = 5; update core.indicator_value set "
     "missing_reason = 'unknown' where region_code = 'GM0001'; update core.indicator_history set value = null where "
     "region_code = 'GM0001'"),
    "observation_one_per_cell": (1, ""),  # the cell without a row
    "unique_period_period_code": (1, "insert into core.period select * from core.period where period_code = '2023JJ00'"),
    "unique_region_region_code": (1, "insert into core.region select * from core.region where region_code = 'GM0001'"),
    "relationships_region_group_group_code__region_code__ref_region_": (
     1, "insert into core.region_group values ('NERGENS', 'GM0001', '2000-01-01', null)"),
    "relationships_region_group_region_code__region_code__ref_region_": (
     1, "insert into core.region_group values ('KEMPEN', 'GM9999', '2000-01-01', null)"),
    "area_change_one_per_grain": (1, "insert into core.area_change select * from core.area_change limit 1"),
    "accepted_values_area_change_change_code__1__2__3": (
     1, "update core.area_change set change_code = '4' where region_code = 'WK172403'"),
    "of_known_version_indicator_value_": (1, "update core.indicator_value set definition_version = 2 where region_code = 'PV30' "
     "and indicator_id = 'bev_inwoners'"),
    "relationships_indicator_value_region_code__region_code__ref_region_": (
     4, "update core.indicator_value set region_code = 'GM9998' where region_code = 'GM0823'"),
    "relationships_indicator_value_period_code__period_code__ref_period_": (
     2, "update core.indicator_value set period_code = '1901JJ00' where region_code = 'GM1728' and period_code = '2022JJ00'"),
    "relationships_indicator_value_snapshot_id__snapshot_id__ref_snapshot_": (
     2, "update core.indicator_value set snapshot_id = 'T5-1', method = if(period_code = '2022JJ00', 'kept', method) "
     "where region_code = 'GM0770'"),
    "not_null_indicator_value_snapshot_id": (2, "update core.indicator_value set snapshot_id = null, "
     "method = if(period_code = '2022JJ00', 'absent', method) where region_code = 'GM1667'"),
    f"accepted_values_indicator_value_missing_reason__{_REASONS}": (
     1, "update core.indicator_value set value = null, missing_reason = '' where region_code = 'NL01'"),
    "indicator_history_one_that_is_known_now": (1, "insert into core.indicator_history select * replace (timestamptz "
     "'2024-01-01 00:00:00+00' as known_from) from core.indicator_history where known_to is null limit 1"),
    "comparison_one_per_grain": (1, "insert into mart.comparison select * from mart.comparison"),
    "bevolking_one_per_grain": (2, "insert into mart.bevolking select * from mart.bevolking where region_code = 'GM0770'"),
}  # fmt: skip


def test_each_fault_is_found_and_nothing_in_what_is_good(tmp_path: Path) -> None:
    assert _found(tmp_path, []) == dict.fromkeys(FAULTS, 0)
    assert _found(tmp_path, [fault for _, fault in FAULTS.values()]) == {
        test: count for test, (count, _) in FAULTS.items()
    }


def _found(folder: Path, faults: list[str]) -> dict[str, int]:
    """How many faults each test finds in a file with these."""
    file = folder / f"{len(faults)}.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute(GOOD)
        for fault in filter(None, faults):
            con.execute(fault)
    with build._environment(file):
        result = build._invoke(["test", "--select", *FAULTS], folder, build.PROJECT)
    return {r.node.name: r.failures for r in result.result.results}
