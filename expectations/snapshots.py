"""What must hold of a snapshot before the warehouse may be built from it.

What belongs here: rules that follow from a table's own metadata, so that a table which was registered a minute ago is
audited as well as one that we know for years. Nothing about indicators. ``critical`` puts a snapshot in quarantine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from expectations.audit import audit, broken
from expectations.check import Check, Subject, rows
from expectations.codes import OTHER_REGION_FORM, PERIOD_FORM, REGION_FORMS
from expectations.result import CheckResult
from ingest.datacenter import here
from ingest.sql import identifier, literal, literals

#: How much of its rows a table may lose against the last good snapshot before someone should look.
MAX_LOSS = 0.10

_TECHNICAL = {"wide": ("ID",), "areas": ("ID",), "long": ("Id", "Measure", "ValueAttribute", "Value", "StringValue")}
_CODE = ("code", "codes")


@dataclass(frozen=True)
class SnapshotFacts:
    """What a snapshot says of itself, as plain values.

    :param folder: where ``data``, ``codes``, ``measures`` and ``dimensions.parquet`` lie.
    :param layout: ``wide`` (a column per measure), ``long`` (a row per observation) or ``areas`` (boundaries, laid out as wide).
    :param row_count: rows that arrived; ``expected_count`` is what the service says there are.
    :param period: the declared period of all figures, for a table without a time dimension.
    :param previous_row_count: rows of the last good snapshot of this table, if there is one.
    :param had_ours: whether our municipalities are in that one; None where there is none.
    :param declared_columns: stems that the registry says this table has, seen at the source or not.
    """

    snapshot_id: str
    table_id: str
    folder: Path
    layout: str
    row_count: int
    expected_count: int
    region_dimension: str | None
    time_dimension: str | None
    other_dimensions: Sequence[str]
    period: str | None
    previous_row_count: int | None = None
    had_ours: bool | None = None
    declared_columns: Sequence[str] = ()

    @property
    def dimensions(self) -> list[str]:
        return [d for d in (self.region_dimension, self.time_dimension, *self.other_dimensions) if d]


def audit_snapshot(facts: SnapshotFacts) -> list[CheckResult]:
    return audit_snapshots([facts])[facts.snapshot_id]


def audit_snapshots(facts: Sequence[SnapshotFacts]) -> dict[str, list[CheckResult]]:
    """Audit snapshots together, which costs one start of Great Expectations; their results by snapshot id.

    Never raises for what a snapshot contains: one that can't be read has a failed critical result that says so.
    """
    results: dict[str, list[CheckResult]] = {}
    if not facts:
        return results
    with TemporaryDirectory(prefix="rdc-audit-") as folder:
        database = Path(folder) / "snapshots.duckdb"
        subjects: dict[str, Subject] = {}
        with duckdb.connect(str(database)) as con:
            for number, item in enumerate(facts):
                try:
                    subjects[item.snapshot_id] = _subject(con, item, f"snapshot_{number}")
                except (duckdb.Error, OSError) as error:
                    description = "De bestanden van de momentopname zijn leesbaar."
                    results[item.snapshot_id] = [broken("snapshot", item.table_id, "readable", description, str(error))]
        if subjects:
            results |= zip(subjects, audit(database, "snapshots", list(subjects.values())), strict=True)
    return results


def _subject(con: duckdb.DuckDBPyConnection, facts: SnapshotFacts, schema: str) -> Subject:
    """Views on the snapshot's files, and the checks that its metadata call for."""
    con.execute(f"create schema {schema}")
    for name in ("data", "codes", "measures", "dimensions"):
        file = literal(str((facts.folder / f"{name}.parquet").resolve()))
        con.execute(f"create view {schema}.{name} as select * from read_parquet({file})")
    measures: dict[str, str] = dict(
        con.execute(f"select code, datatype from {schema}.measures order by position").fetchall()
    )
    named = [key for (key,) in con.execute(f"select key from {schema}.dimensions order by position").fetchall()]
    checks = [
        *_whole(facts, schema, measures, named),
        *_keys(facts, schema),
        *(_long(schema) if facts.layout == "long" else _wide(schema, measures)),
        *_regions(facts.region_dimension, facts.had_ours),
    ]
    return Subject("snapshot", facts.table_id, schema, "data", checks)


def _whole(facts: SnapshotFacts, schema: str, measures: dict[str, str], dimensions: list[str]) -> list[Check]:
    """Everything arrived: the rows that the service counts, the columns that the metadata name."""
    columns = {*_TECHNICAL[facts.layout], *dimensions, "origin", *(() if facts.layout == "long" else measures)}
    checks = [
        Check(
            "row_count_equals_service",
            "Er zijn precies zoveel rijen als de bron zelf telt.",
            "ExpectTableRowCountToEqual",
            {"value": facts.expected_count},
        ),
        Check(
            "columns_as_metadata",
            "De kolommen zijn precies de dimensies en onderwerpen die de metadata noemen.",
            "ExpectTableColumnsToMatchSet",
            {"column_set": sorted(columns)},
        ),
        rows(
            "origin_constant",
            "Alle rijen komen van dezelfde herkomst: live en voorbeeld lopen nooit door elkaar.",
            "select concat('gevonden: ', coalesce(string_agg(distinct origin, ', '), 'niets')) as example from audited "
            "having count(*) > 0 and (count(distinct origin) <> 1 or count(origin) <> count(*))",
            column="origin",
            noun=("fout", "fouten"),
        ),
    ]
    if facts.declared_columns:
        checks.append(
            rows(
                "columns_declared",
                "De onderwerpen die het register noemt, zijn er.",
                "select concat(wanted, ', lijkt op ', (select string_agg(stem, ', ') from (select distinct stem from "
                f"{schema}.measures order by levenshtein(stem, wanted), stem limit 3))) as example "
                f"from (select unnest({list(facts.declared_columns)!r}) as wanted) as declared "
                f"where wanted not in (select stem from {schema}.measures)",
                severity="warning",
                noun=("onderwerp", "onderwerpen"),
            )
        )
    if facts.previous_row_count is not None:
        checks.append(
            Check(
                "rows_not_lost",
                f"Er zijn hoogstens {MAX_LOSS:.0%} minder rijen dan in de vorige goedgekeurde momentopname.",
                "ExpectTableRowCountToBeBetween",
                {"min_value": math.ceil((1 - MAX_LOSS) * facts.previous_row_count)},
                severity="warning",
            )
        )
    return checks


def _keys(facts: SnapshotFacts, schema: str) -> list[Check]:
    """The keys of the rows: there, trimmed, listed in the metadata, once each, and periods in CBS's form."""
    keys = facts.dimensions + (["Measure"] if facts.layout == "long" else [])
    row_id = identifier(_TECHNICAL[facts.layout][0])
    filled = " union all ".join(
        f"select concat({literal(key)}, ' ', coalesce(concat('«', {identifier(key)}, '»'), 'leeg'), ' in rij ', {row_id}) as example "
        f"from audited where {identifier(key)} is null or {identifier(key)} = '' or {identifier(key)} <> trim({identifier(key)})"
        for key in keys
    )
    listed = " union all ".join(
        f"select distinct concat({literal(key)}, ' ', {identifier(key)}) as example from audited as data "
        f"anti join (select code from {source}) as known on known.code = data.{identifier(key)} "
        f"where {identifier(key)} is not null"
        for key, source in [
            *((d, f"{schema}.codes where dimension = {literal(d)}") for d in facts.dimensions),
            *([("Measure", f"{schema}.measures")] if facts.layout == "long" else []),
        ]
    )
    key = ", ".join(map(identifier, keys))
    period = identifier(facts.time_dimension) if facts.time_dimension else literal(facts.period or "")
    return [
        rows(
            "keys_filled_and_trimmed",
            "Elke sleutel is gevuld en zonder spaties eromheen.",
            filled,
            noun=("sleutel", "sleutels"),
        ),
        rows(
            "codes_listed",
            "Elke code in de rijen staat in de codelijst van de bron.",
            listed,
            noun=_CODE,
        ),
        rows(
            "one_row_per_key",
            f"Elke combinatie van {', '.join(keys)} komt één keer voor.",
            f"select concat_ws(' ', {key}, '(' || count(*) || ' keer)') as example from audited "
            f"group by {key} having count(*) > 1",
            noun=("combinatie", "combinaties"),
        ),
        rows(
            "period_form",
            "Periodecodes hebben de vorm die het CBS gebruikt, zoals 2024JJ00 of 2024KW01.",
            f"select distinct concat('«', {period}, '»') as example from audited "
            f"where not coalesce(regexp_full_match({period}, {literal(PERIOD_FORM)}), false)",
            column=facts.time_dimension,
            noun=_CODE,
        ),
    ]


def _wide(schema: str, measures: dict[str, str]) -> list[Check]:
    """Figures in a column per measure. A text of ``.`` is CBS's sign for unknown, an empty one for impossible."""
    texts = {code for code, datatype in measures.items() if datatype == "String"}
    has_value = {
        code: f"{identifier(code)} not in ('', '.')" if code in texts else f"{identifier(code)} is not null"
        for code in measures
    }
    # Names and other texts say nothing about whether figures arrived, unless the table is made of texts.
    figures = [code for code in measures if code not in texts] or list(measures)
    counted = ", ".join(f"count(*) filter ({condition}) as {identifier(code)}" for code, condition in has_value.items())
    return [
        _some_value(" or ".join(has_value[code] for code in figures) or "false"),
        _measures_used(
            f"select measure.code, measure.title from (unpivot (select {counted} from audited) on columns(*) "
            f"into name code value n) as used inner join {schema}.measures as measure using (code) where n = 0"
            if measures
            else f"select code, title from {schema}.measures, audited limit 0"
        ),
    ]


def _long(schema: str) -> list[Check]:
    """A row per observation, in which the service says why a value is missing (ValueAttribute)."""
    empty = "\"Value\" is null and coalesce(\"StringValue\", '') = ''"
    return [
        _some_value(f"not ({empty})"),
        _measures_used(
            f"select code, title from {schema}.measures as measure "
            f'anti join (select distinct "Measure" as code from audited where not ({empty})) as used using (code)'
        ),
        rows(
            "missing_value_has_reason",
            "Bij elke ontbrekende waarde noemt de bron de reden.",
            f"select concat('waarneming ', \"Id\") as example from audited "
            f"where {empty} and coalesce(\"ValueAttribute\", 'None') in ('None', '')",
            column="ValueAttribute",
        ),
    ]


def _some_value(has_value: str) -> Check:
    return rows(
        "has_values",
        "De tabel bevat cijfers.",
        f"select 'geen enkele waarde' as example from audited having count(*) filter ({has_value}) = 0",
        noun=("fout", "fouten"),
    )


def _measures_used(unused: str) -> Check:
    return rows(
        "measures_have_values",
        "Elk onderwerp heeft ergens een waarde.",
        f"select concat(code, ' (', title, ')') as example from ({unused}) as unused",
        severity="warning",
        noun=("onderwerp", "onderwerpen"),
    )


def _regions(dimension: str | None, had_ours: bool | None) -> list[Check]:
    """Regions in a known form, and our own among them. A table without municipalities need not have ours, nor one that has
    only some (the large ones, say): only one that had ours and lost them is suspect."""
    if dimension is None:
        return []
    center, region = here(), identifier(dimension)
    forms = " ".join(f"when {literal(kind)} then {literal(form)}" for kind, form in REGION_FORMS.items())
    own, municipality = literals(center.codes), f"{region} like 'GM%'"
    names = ", ".join(f"({literal(code)}, {literal(name)})" for code, name in center.members.items())
    return [
        rows(
            "region_form",
            "Regiocodes hebben een bekende vorm, zoals GM0770 of BU07700000.",
            f"select distinct concat('«', {region}, '»') as example from audited where not regexp_full_match({region}, "
            f"case left({region}, 2) {forms} else {literal(OTHER_REGION_FORM)} end)",
            column=dimension,
            noun=_CODE,
        ),
        rows(
            f"{center.slug}_present",
            f"Een tabel met gemeenten bevat gemeenten van {center.group.name}.",
            f"select {literal(center.fill('geen van de $aantal'))} as example from audited "
            f"having bool_or({municipality}) and not bool_or({region} in {own})",
            severity="critical" if had_ours else "warning",
            column=dimension,
            noun=("fout", "fouten"),
        ),
        rows(
            f"{center.slug}_complete",
            center.fill("Een tabel met gemeenten bevat alle $aantal de $gemeenten."),
            f"select concat(code, ' ', name) as example from (values {names}) as own (code, name) "
            f"where exists (select 1 from audited where {municipality}) "
            f"and code not in (select {region} from audited where {region} is not null)",
            severity="warning",
            column=dimension,
            noun=("gemeente", "gemeenten"),
        ),
    ]
