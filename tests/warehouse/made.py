"""Small releases made without dbt, with the tables and columns of a real one, for tests that need many or odd ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.warehouse import answered
from warehouse.making import publishing
from warehouse.making.candidate import Candidate
from warehouse.releases.release import Release, Releases

CHECKS = {"passed": 1, "critical": 0, "warning": 0, "info": 0}

REGIONS = [
    ("NL01", "land", "Nederland", None),
    ("GM0770", "gemeente", "Eersel", "PV30"),
    ("GM1728", "gemeente", "Bladel", "PV30"),
    ("WK077000", "wijk", "Eersel-Dorp", "GM0770"),
    ("WK172800", "wijk", "Centrum", "GM1728"),
    ("BU07700000", "buurt", "Centrum", "WK077000"),
    ("BU17280000", "buurt", "Centrum", "WK172800"),
    ("KEMPEN", "groep", "De Kempen", None),
]
PERIODS = ["2022JJ00", "2023JJ00", "2024JJ00"]

#: indicator, theme, name, unit, decimals, source table, level of that table
INDICATORS = [
    ("bev_inwoners", "bevolking", "Aantal inwoners op 1 januari", "aantal", 0, "T_OPEN", "public"),
    ("bev_dichtheid", "bevolking", "Inwoners per km²", "per km²", 1, "T_OPEN", "public"),
    ("soc_meldingen", "bevolking", "Meldingen", "aantal", 0, "T_EIGEN", "municipality"),
    ("soc_partners", "bevolking", "Gedeeld met partners", "aantal", 0, "T_PARTNER", "partners"),
    ("won_prijs", "wonen", "Gemiddelde verkoopprijs", "euro", 0, "T_OPEN", "public"),
]

Figure = tuple[str, str, str]


def figure_of(indicator: str, region: str, period: str) -> float:
    """A figure that no other cell has, so that a leak can be told by the figure alone."""
    at = [i[0] for i in INDICATORS].index(indicator)
    place = [r[0] for r in REGIONS].index(region)
    return 1_000_000 * (at + 1) + 10_000 * (place + 1) + 100 * (int(period[:4]) - 2000) + 0.5


def candidate(
    folder: Path,
    *,
    changes: Mapping[Figure, float | str | None] | None = None,
    without: Iterable[Figure] = (),
    statuses: Mapping[str, str] | None = None,
    versions: Mapping[str, Mapping[str, Any]] | None = None,
    levels: Mapping[str, str | None] | None = None,
    indicators: Sequence[tuple[Any, ...]] = INDICATORS,
    shift: float = 0,
    municipal: Sequence[str] = (),
    estimate: float = -40.0,
) -> Candidate:
    """A candidate as dbt and the audit leave it.

    :param changes: figures other than :func:`figure_of`; a text is the reason why there is none.
    :param statuses: status by period, Definitief when not given.
    :param versions: fields of ``core.indicator`` by indicator.
    :param levels: sharing level by source table, other than in :data:`INDICATORS`.
    :param shift: added to every figure.
    :param municipal: source tables that a municipality delivered.
    :param estimate: of the policy choice on each indicator.
    """
    made = Candidate(folder)
    made.folder.mkdir(parents=True)
    changes, gone, statuses, versions = changes or {}, set(without), statuses or {}, versions or {}
    tables = {i[5]: i[6] for i in indicators} | dict(levels or {})
    with made.connect() as con:
        con.execute("create schema raw; create schema core; create schema staging; create schema mart")
        con.execute("create table raw.left_over as select 1 as x")
        con.execute(
            """
            create table core.region (
                region_code varchar, region_type varchar, name varchar, parent_code varchar, valid_from date, valid_to date);
            create table core.region_group (
                group_code varchar, group_name varchar, region_code varchar, valid_from date, valid_to date, source varchar);
            create table core.period (period_code varchar, period_type varchar, start_date date, end_date date);
            create table core."table" (
                table_id varchar, source_id varchar, title varchar, protocol varchar, catalog varchar, origin varchar,
                origin_note varchar, snapshot_id varchar, fetched_at timestamptz, modified varchar, cadence varchar,
                owner varchar, licence varchar, attribution varchar, sharing_level varchar, row_count bigint,
                observation_count bigint, value_count bigint);
            create table core.indicator (
                indicator_id varchar, version integer, theme varchar, theme_title varchar, position integer, name_nl varchar,
                definition varchar, unit varchar, decimals integer, direction varchar, aggregation varchar, factor double,
                why_not varchar, numerator varchar, denominator varchar, caveats varchar, source varchar, bbv integer,
                valid_from date, valid_to date, reference varchar, is_total boolean, not_comparable varchar, series_break varchar);
            create table core.indicator_reference (
                indicator_id varchar, definition_version integer, period_code varchar, reference_start date,
                reference_end date);
            create table core.indicator_term (
                binding_id integer, role varchar, term_no integer, table_id varchar, indicator_id varchar, version integer,
                sign integer, measure_id integer, dimensions_key varchar);
            create table core.snapshot (
                snapshot_no smallint, snapshot_id varchar, table_id varchar, origin varchar, url varchar, fetched_at timestamptz,
                modified varchar, sha256 varchar);
            create table core.measure (
                measure_id integer, measure_code varchar, measure_title varchar, measure_path varchar, unit varchar);
            create table core.source_row (
                row_id integer, snapshot_no smallint, region_code varchar, period_code varchar,
                dimensions map(varchar, varchar), dimensions_key varchar);
            create table core.cell (row_id integer, measure_id integer, value double, missing_reason varchar);
            create table core.indicator_value (
                indicator_id varchar, definition_version integer, region_code varchar, period_code varchar, value double,
                numerator double, denominator double, lower_bound double, upper_bound double, missing_reason varchar,
                note varchar, period_status varchar, method varchar, series_break varchar, snapshot_id varchar,
                table_id varchar, binding_id integer);
            create table mart.comparison (
                theme varchar, indicator_id varchar, region_code varchar, region_name varchar, period_code varchar,
                value double, group_code varchar, rank bigint, group_value double, country_value double);
            create table core.observation (table_id varchar, region_code varchar, value double);
            create table mart.policy_goal (
                goal_id varchar, region_code varchar, region_name varchar, programme varchar, taakveld varchar, goal varchar,
                indicator_id varchar, indicator_name varchar, unit varchar, baseline_period varchar, baseline_value double,
                target_period varchar, target_value double, latest_period varchar, latest_value double, latest_status varchar,
                expected_value double, distance_to_target double, on_track boolean, decided_on date, decided_by varchar,
                legal_basis varchar, example boolean);
            """
        )
        con.executemany(
            "insert into core.region values (?, ?, ?, ?, date '2000-01-01', null)", [list(r) for r in REGIONS]
        )
        con.executemany(
            "insert into core.region_group values ('KEMPEN', 'De Kempen', ?, date '2000-01-01', null, 'test')",
            [["GM0770"], ["GM1728"]],
        )
        con.executemany(
            "insert into core.period values (?, 'jaar', ?::date, ?::date)",
            [[p, f"{p[:4]}-01-01", f"{p[:4]}-12-31"] for p in PERIODS],
        )
        for table, level in tables.items():
            con.execute(
                "insert into core.\"table\" values (?, 'cbs', ?, ?, 'cbs', 'live', null, ?, now(), '2026-03-01', 'year', "
                "'CBS', 'CC BY 4.0', 'Bron: CBS', ?, 1, 1, 1)",
                [table, f"Tabel {table}", "municipal" if table in municipal else "v4", f"{table}-1", level],
            )
        for at, (name, theme, title, unit, decimals, table, _) in enumerate(indicators, 1):
            fields = {
                **{
                    "indicator_id": name,
                    "version": 1,
                    "theme": theme,
                    "theme_title": theme.capitalize(),
                    "position": at,
                },
                **{"name_nl": title, "definition": f"Definitie van {title}.", "unit": unit, "decimals": decimals},
                **{
                    "direction": "neutraal",
                    "aggregation": "sum",
                    "factor": 1.0,
                    "source": "CBS",
                    "valid_from": "2000-01-01",
                },
            } | dict(versions.get(name, {}))
            con.execute(
                f"insert into core.indicator ({', '.join(fields)}) values ({', '.join('?' * len(fields))})",
                list(fields.values()),
            )
            con.execute(
                "insert into core.indicator_term values (?, 'value', 1, ?, ?, 1, 1, ?, '')", [at, table, name, at]
            )
            con.execute("insert into core.measure values (?, ?, ?, null, ?)", [at, f"M{at}", title, unit])
            con.execute("insert into core.observation select ?, region_code, 123456789 from core.region", [table])
            rows = []
            for region, *_ in REGIONS:
                for period in PERIODS:
                    if (name, region, period) in gone:
                        continue
                    value = changes.get((name, region, period), figure_of(name, region, period) + shift)
                    reason = value if isinstance(value, str) else None
                    rows.append(
                        [
                            *(name, fields["version"], region, period, None if reason else value, reason),
                            *(statuses.get(period, "Definitief"), f"{table}-1", table, at),
                        ]
                    )
            columns = [list(column) for column in zip(*rows, strict=True)]
            con.execute(
                "insert into core.indicator_value by name select unnest($1::varchar[]) as indicator_id, "
                "unnest($2::integer[]) as definition_version, unnest($3::varchar[]) as region_code, "
                "unnest($4::varchar[]) as period_code, unnest($5::double[]) as value, unnest($6::varchar[]) as missing_reason, "
                "unnest($7::varchar[]) as period_status, unnest($8::varchar[]) as snapshot_id, "
                "unnest($9::varchar[]) as table_id, unnest($10::integer[]) as binding_id, 'published' as method",
                columns,
            )
            # A stand on 1 January, with margins; of the first indicator the series breaks in the last period.
            con.execute(
                "insert into core.indicator_reference select distinct $1, $2, period_code, start_date, start_date "
                "from core.period",
                [name, fields["version"]],
            )
            con.execute(
                "insert into mart.comparison select $2, $1, v.region_code, r.name, v.period_code, v.value, 'KEMPEN', 1, "
                "v.value, v.value from core.indicator_value v join core.region r using (region_code) "
                "where v.indicator_id = $1 and r.region_type = 'gemeente'",
                [name, theme],
            )
        _cells(con)
        con.execute("update core.indicator_value set lower_bound = value - 1, upper_bound = value + 1")
        con.execute(
            "update core.indicator_value set series_break = 'Andere telling.' where indicator_id = $1 and period_code = $2",
            [indicators[0][0], PERIODS[-1]],
        )
        con.execute(
            "create table core.indicator_history as select indicator_id, definition_version, region_code, period_code, value, "
            "missing_reason, period_status, snapshot_id, now() as known_from, null::timestamptz as known_to "
            "from core.indicator_value"
        )
        for theme in dict.fromkeys(i[1] for i in indicators):
            names = [i[0] for i in indicators if i[1] == theme]
            wide = ", ".join(f"max(v.value) filter (v.indicator_id = '{n}') as {n}" for n in names)
            con.execute(
                f"create table mart.{theme} as select v.region_code, any_value(r.name) as region_name, "
                f"any_value(r.region_type) as region_type, v.period_code, any_value(p.start_date) as start_date, "
                f"any_value(p.end_date) as end_date, {wide} from core.indicator_value v join core.region r using (region_code) "
                f"join core.period p using (period_code) where v.indicator_id in ({', '.join(repr(n) for n in names)}) "
                "group by v.region_code, v.period_code order by all"
            )
            for name in names:
                con.execute(f"comment on column mart.{theme}.{name} is 'Omschrijving van {name}.'")
        for region in ("GM0770", "GM1728"):
            for name in {"soc_meldingen", "bev_inwoners"} & {i[0] for i in indicators}:
                con.execute(
                    "insert into mart.policy_goal (goal_id, region_code, region_name, goal, indicator_id, baseline_period, "
                    "target_period, target_value, latest_period, latest_value, legal_basis, example) "
                    "select ?, region_code, ?, 'Een doel', indicator_id, ?, '2030JJ00', 1, period_code, value, "
                    "'Gemeentewet', true from core.indicator_value where indicator_id = ? and region_code = ? and period_code = ?",
                    [f"doel_{name}_{region}", region, PERIODS[0], name, region, PERIODS[-1]],
                )
        answered.add(con, [(i[0], i[2]) for i in indicators], PERIODS, estimate)
    return made


def _cells(con: Any) -> None:
    """The cells of the source behind the figures: a row of a snapshot for each."""
    con.execute(
        """
        insert into core.snapshot
        select row_number() over (order by table_id), table_id || '-1', table_id, 'live', 'https://bron.example/' || table_id,
            timestamptz '2026-03-01 00:00:00+00', '2026-03-01', sha256(table_id)
        from core."table";
        insert into core.source_row
        select row_number() over (order by v.table_id, v.region_code, v.period_code), s.snapshot_no, v.region_code, v.period_code, null, ''
        from (select distinct table_id, region_code, period_code from core.indicator_value) as v(table_id, region_code, period_code)
        join core.snapshot as s using (table_id);
        insert into core.cell
        select r.row_id, v.binding_id, v.value, v.missing_reason
        from core.indicator_value as v
        join core.snapshot as s using (table_id)
        join core.source_row as r on r.snapshot_no = s.snapshot_no and r.region_code = v.region_code and r.period_code = v.period_code
        """
    )


def publish(folder: Path, keep: int = 20, **options: Any) -> Release:
    """A release in a warehouse folder (``$RDC_HOME/warehouse``)."""
    return publishing.publish(Releases(folder, keep=keep), candidate(folder, **options), [], CHECKS, "<html></html>")
