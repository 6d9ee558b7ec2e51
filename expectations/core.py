"""What must hold of schema ``core``: that its tables belong together, and that a figure is one or says why not.

What belongs here: rules about the tables that others rely on, whatever indicators there
are. dbt asks as it builds what docs/checks.md gives it: keys, nulls, references, accepted values; these rules look across
tables and over time, once the whole candidate stands.
"""

from __future__ import annotations

from expectations.check import Check, Subject, not_empty, own_regions, rows, shown
from ingest.datacenter import here
from ingest.sql import literal, literals

#: Columns of core.observation that others rely on: it keeps these, whatever else comes.
PROMISED = [
    *("source_id", "table_id", "measure_code", "measure_title", "measure_path", "unit", "region_code", "period_code"),
    *("dimensions", "value", "text_value", "missing_reason", "period_status", "snapshot_id"),
]

_FIGURE = ("cijfer", "cijfers")
_KEY = "indicator_id, definition_version, region_code, period_code"


#: Indicators by wijk, per period the table that they come from; and that a wijk has no figure of one.
_BY_WIJK = (
    "select distinct indicator_id, period_code, table_id, year(start_date) as year from audited "
    "inner join core.period using (period_code) where region_code like 'WK%'"
)
_WITHOUT_FIGURE = (
    "anti join audited as v on v.indicator_id = served.indicator_id and v.period_code = served.period_code "
    "and v.region_code = wijk.region_code"
)


def _wijk_of_ours(wijk: str) -> str:
    return f"'GM' || substr({wijk}.region_code, 3, 4) in {literals(here().codes)}"


def subjects() -> list[Subject]:
    tables = {
        "snapshot": _snapshot(),
        "table": _table(),
        "measure": _measure(),
        "source_row": _source_row(),
        "cell": _cell(),
        "observation": _observation(),
        "period": _period(),
        "region": _region(),
        "region_version": _region_version(),
        "region_group": _region_group(),
        "indicator": _indicator(),
        "indicator_value": _indicator_value(),
        "indicator_history": _indicator_history(),
        "withheld": _withheld(),
    }
    return [Subject("core", f"core.{table}", "core", table, checks) for table, checks in tables.items()]


# -- where everything came from ---------------------------------------------------------------------------------------


def _snapshot() -> list[Check]:
    return [
        not_empty("Er is ten minste één momentopname."),
        rows(
            "row_count_equals_service",
            "Van elke brontabel zijn er precies zoveel rijen als de bron zelf telt.",
            "select concat(table_id, ': ', row_count, ' rijen, de bron telt ', expected_count) as example from audited "
            "where row_count is null or row_count is distinct from expected_count",
            noun=("brontabel", "brontabellen"),
        ),
    ]


def _table() -> list[Check]:
    return [
        not_empty("Er is ten minste één brontabel."),
        rows(
            "one_snapshot_each",
            "Elke brontabel heeft precies haar eigen momentopname, met dezelfde herkomst en evenveel rijen.",
            "select coalesce(t.table_id, s.table_id) as example from audited as t "
            "full join core.snapshot as s on s.table_id = t.table_id and s.snapshot_id = t.snapshot_id "
            "and s.origin = t.origin and s.row_count = t.row_count "
            "where t.table_id is null or s.table_id is null",
            noun=("brontabel", "brontabellen"),
        ),
    ]


def _measure() -> list[Check]:
    return [
        not_empty("Er is ten minste één onderwerp."),
        rows(
            "table_and_snapshot_known",
            "Elk onderwerp hoort bij een brontabel en bij haar momentopname.",
            "select concat_ws(' ', table_id, measure_code) as example from audited "
            "anti join (select snapshot.table_id, snapshot_no from core.snapshot inner join core.table using (table_id)) "
            "using (table_id, snapshot_no)",
            noun=("onderwerp", "onderwerpen"),
        ),
    ]


# -- observations -----------------------------------------------------------------------------------------------------


def _source_row() -> list[Check]:
    place = "concat_ws(' ', 'rij', row_id, region_code, period_code, dimensions_key)"
    return [
        not_empty("Er is ten minste één rij uit een bron."),
        rows(
            "region_known",
            "Elke rij met een regio heeft een regio die in core.region staat.",
            # The country has one code from core.region on, whichever of the three CBS wrote in the table.
            f"select {place} as example from audited as source anti join core.region as region on region.region_code = "
            "case when source.region_code in ('NL00', 'NL1') then 'NL01' else source.region_code end "
            "where source.region_code is not null",
            column="region_code",
        ),
    ]


def _cell() -> list[Check]:
    cell = "concat('rij ', row_id, ' onderwerp ', measure_id)"
    return [
        not_empty("Er is ten minste één cel."),
        rows(
            "measure_known",
            "Elke cel heeft een onderwerp uit de momentopname van haar eigen rij.",
            f"select {cell} as example from audited left join core.source_row using (row_id) "
            "left join core.measure using (measure_id) "
            "where measure.measure_id is null or measure.snapshot_no <> source_row.snapshot_no",
            column="measure_id",
        ),
        rows(
            "value_finite",
            "Elk getal is een getal: niet oneindig en niet onbepaald.",
            f"select concat({cell}, ': ', value) as example from audited where isnan(value) or isinf(value)",
            column="value",
        ),
    ]


def _observation() -> list[Check]:
    return [
        not_empty("Er is ten minste één waarneming."),
        rows(
            "columns_promised",
            "De beloofde kolommen zijn er.",
            f"select name as example from (select unnest({PROMISED}) as name) as promised where name not in (select "
            "column_name from information_schema.columns where table_schema = 'core' and table_name = 'observation')",
            noun=("kolom", "kolommen"),
        ),
    ]


# -- regions and periods ----------------------------------------------------------------------------------------------


def _period() -> list[Check]:
    return [
        not_empty("Er is ten minste één periode."),
        rows(
            "period_dated",
            "Van elke periode zijn de eerste en de laatste dag bekend.",
            "select period_code as example from audited where start_date is null or end_date is null",
            severity="warning",
            column="start_date",
        ),
    ]


def _region() -> list[Check]:
    center = here()
    return [
        not_empty("Er is ten minste één regio."),
        rows(
            f"{center.slug}_known",
            center.fill("De $aantal $gemeenten en $groep zelf zijn regio's."),
            f"select code as example from (select unnest({[*center.codes, center.code]}) as code) as own "
            "where code not in (select region_code from audited where region_code is not null)",
            noun=("regio", "regio's"),
        ),
    ]


def _region_version() -> list[Check]:
    return [
        not_empty("Er is ten minste één regio met een naam."),
        rows(
            "versions_in_turn",
            "Van een regio geldt op één dag hoogstens één naam.",
            "select concat_ws(' ', region_code, name) as example from (select *, lead(coalesce(valid_from, date '0001-01-01')) "
            "over (partition by region_code order by valid_from nulls first) as next_from from audited) as dated "
            "where next_from <= coalesce(valid_to, date '9999-12-31') or valid_to < valid_from",
            noun=("naam", "namen"),
        ),
    ]


def _region_group() -> list[Check]:
    center = here()
    return [
        not_empty("Er is ten minste één groep van regio's."),
        rows(
            "memberships_in_turn",
            "Een regio is op één dag hoogstens één keer lid van een groep.",
            "select concat_ws(' ', group_code, region_code) as example from (select *, lead(valid_from) over "
            "(partition by group_code, region_code order by valid_from) as next_from from audited) as dated "
            "where next_from <= coalesce(valid_to, date '9999-12-31') or valid_to < valid_from",
            noun=("lidmaatschap", "lidmaatschappen"),
        ),
        rows(
            f"{center.slug}_is_its_members",
            center.fill("$groep bestaat nu uit de $aantal $gemeenten."),
            "select coalesce('ontbreekt: ' || own.code, 'te veel: ' || member.region_code) as example "
            f"from (select region_code from audited where group_code = {literal(center.code)} and valid_to is null) as member "
            f"full join (select unnest({list(center.codes)}) as code) as own on own.code = member.region_code "
            "where own.code is null or member.region_code is null",
            noun=("gemeente", "gemeenten"),
        ),
    ]


# -- indicators -------------------------------------------------------------------------------------------------------


def _indicator() -> list[Check]:
    return [
        not_empty("Er is ten minste één indicator."),
        rows(
            "one_version_a_day",
            "Van een indicator geldt op één dag hoogstens één versie van de definitie.",
            "select concat_ws(' ', indicator_id, 'versie', version) as example from (select *, lead(valid_from) over "
            "(partition by indicator_id order by valid_from, version) as next_from from audited) as dated "
            "where next_from <= coalesce(valid_to, date '9999-12-31') or valid_to < valid_from or valid_from is null",
            noun=("versie", "versies"),
        ),
        rows(
            "column_of_its_theme",
            "Elke indicator is een kolom van de tabel van zijn thema.",
            "select concat(indicator_id, ' in mart.', theme) as example from (select distinct indicator_id, theme from "
            "audited) as indicator anti join information_schema.columns as place on place.table_schema = 'mart' "
            "and place.table_name = indicator.theme and place.column_name = indicator.indicator_id",
            severity="warning",
            noun=("indicator", "indicatoren"),
        ),
        rows(
            "no_figure_has_reason",
            "Van een indicator zonder cijfers staat erbij waarom, en van een met cijfers niet.",
            "select concat_ws(' ', indicator_id, 'versie', version) as example from audited "
            "where (availability = 'berekend') <> (no_figure is null) or availability is null",
            column="no_figure",
            noun=("versie", "versies"),
        ),
    ]


def _indicator_value() -> list[Check]:
    figure = "concat_ws(' ', indicator_id, region_code, period_code)"
    own = ", ".join(f"({literal(code)}, {literal(name)})" for code, name in here().members.items())
    return [
        not_empty("Er is ten minste één cijfer.", least=0),
        rows(
            "one_figure",
            "Van elke indicator is er per regio en periode één cijfer.",
            f"select region_code, concat({figure}, ' (', count(*), ' keer)') as example from audited "
            "group by indicator_id, region_code, period_code having count(*) > 1",
            first=own_regions(),
            noun=_FIGURE,
        ),
        rows(
            "value_finite",
            "Elk cijfer, elke teller en elke noemer is een getal: niet oneindig en niet onbepaald.",
            f"select region_code, concat({figure}, ': ', {shown('value')}) as example from audited where "
            + " or ".join(f"isnan({c}) or isinf({c})" for c in ("value", "numerator", "denominator")),
            column="value",
            first=own_regions(),
            noun=_FIGURE,
        ),
        rows(
            "margins_around_value",
            "Een cijfer met marges ligt daar niet buiten.",
            f"select region_code, concat({figure}, ': ', {shown('value')}, ' buiten ', {shown('lower_bound')}, ' tot ', "
            f"{shown('upper_bound')}) as example from audited where value < lower_bound or value > upper_bound "
            "or lower_bound > upper_bound",
            severity="warning",
            column="lower_bound",
            first=own_regions(),
            noun=_FIGURE,
        ),
        rows(
            "segment_follows_breaks",
            "Een reeks gaat alleen verder waar zij niet breekt: elke breuk begint een nieuw stuk.",
            f"select region_code, {figure} as example from (select *, lag(series_segment) over (partition by indicator_id, "
            "region_code, period_type order by start_date) as before from audited inner join core.period using (period_code)) "
            "as series where series_segment <> coalesce(before, 1) + if(series_break is null or before is null, 0, 1)",
            column="series_segment",
            first=own_regions(),
            noun=_FIGURE,
        ),
        rows(
            "wijken_complete",
            here().fill(
                "Elke wijk van de $gemeenten heeft een cijfer of een reden, van elke indicator uit de Kerncijfers wijken "
                "en buurten en elk jaar daarvan."
            ),
            # The table of a year is itself the list of the wijken of that year.
            "select concat_ws(' ', served.indicator_id, served.period_code, wijk.region_code) as example from "
            f"({_BY_WIJK}) as served inner join core.area_change as wijk on wijk.table_id = served.table_id "
            f"and wijk.year = served.year and wijk.region_code[1:2] = 'WK' and {_wijk_of_ours('wijk')} "
            f"{_WITHOUT_FIGURE}",
            noun=_FIGURE,
        ),
        rows(
            "wijken_complete_elsewhere",
            here().fill("Ook elke andere tabel met wijkcijfers heeft alle wijken van de $gemeenten."),
            # Another table may be in the division of another year, or have no wijken that are too small: told, not refused.
            "select concat_ws(' ', served.indicator_id, served.period_code, wijk.region_code, wijk.name) as example from "
            f"({_BY_WIJK}) as served inner join core.region_version as wijk on wijk.region_type = 'wijk' "
            f"and served.year between year(wijk.valid_from) and year(wijk.valid_to) and {_wijk_of_ours('wijk')} "
            f"{_WITHOUT_FIGURE} where served.table_id not in (select table_id from core.area_change)",
            severity="warning",
            noun=_FIGURE,
        ),
        rows(
            f"{here().slug}_complete",
            here().fill(
                "In de nieuwste periode met gemeentecijfers heeft elke $gemeente een cijfer, of een reden waarom niet."
            ),
            # The newest per kind of period: a half-year that came out yesterday does not stand in for the year.
            "select concat_ws(' ', newest.indicator_id, newest.period_code, own.code, own.name) as example from "
            "(select indicator_id, period_type, arg_max(period_code, start_date) as period_code from audited "
            "inner join core.period using (period_code) where region_code like 'GM%' and value is not null "
            f"group by indicator_id, period_type) as newest cross join (values {own}) as own (code, name) "
            "anti join audited as v on v.indicator_id = newest.indicator_id and v.period_code = newest.period_code "
            "and v.region_code = own.code",
            severity="warning",
            noun=_FIGURE,
        ),
    ]


def _indicator_history() -> list[Check]:
    figure = "concat_ws(' ', indicator_id, region_code, period_code)"
    return [
        not_empty("De geschiedenis is er.", least=0),
        rows(
            "open_rows_are_published",
            "Wat in de geschiedenis nu geldt, is precies wat core.indicator_value geeft.",
            f"select region_code, {figure} as example from (select *, true as known from audited where known_to is null) "
            f"as h full join (select *, true as published from core.indicator_value) as v using ({_KEY}) "
            "where known is null or published is null or h.value is distinct from v.value "
            "or h.missing_reason is distinct from v.missing_reason "
            "or h.period_status is distinct from v.period_status",
            first=own_regions(),
            noun=_FIGURE,
        ),
        rows(
            "periods_in_turn",
            "De geldigheid van opeenvolgende cijfers overlapt niet.",
            # Only what has ended can overlap with what came after; of most figures nothing has.
            f"select region_code, {figure} as example from (select * from audited where known_to is not null) as past "
            f"inner join (select {_KEY}, known_from as next_from, known_to as next_to from audited) as next using ({_KEY}) "
            "where known_to < known_from or (next_from > known_from and next_from < known_to) "
            "or (next_from = known_from and next_to is distinct from known_to)",
            first=own_regions(),
            noun=_FIGURE,
        ),
    ]


def _withheld() -> list[Check]:
    return [
        rows(
            "definitions_fit_tables",
            "Elke definitie past op haar brontabellen, zodat er niets wordt ingehouden.",
            "select concat(indicator_id, ': ', reason_nl) as example from audited",
            severity="warning",
            noun=("ingehouden cijferreeks", "ingehouden cijferreeksen"),
        ),
    ]
