"""What lies in a release beside the DuckDB file: tables as files, and what a machine must know to read them.

::

    tables/<theme>.parquet  .csv        wide: a row per region and period, a column per indicator
    tables/<theme>.long.parquet         long: a row per figure
    tables/{indicator,region,region_group,period,policy_goal,comparison}.parquet  .csv
    tables/{intervention,policy_effect,policy_effect_path}.parquet  .csv        what policy choices did
    datapackage.json                    Frictionless Data Package v2 of all of them
    csv-metadata.json                   the same for the CSV files as CSVW
    catalog.ttl  catalog.jsonld         DCAT-AP-NL 3.0
    producten.json                      the public record of each data product
    diff.json  CHANGELOG.md             what changed since the release before
    LICENTIE.md                         on which terms, and how to name the sources
    SHA256SUMS                          of every file, rdc.duckdb and this folder's own included

These files are for everyone: figures that are not public are left out of all of them. They are written at release since they can
be fetched as they are, with ranges and sums; what needs more time, memory or room (Excel, JSON-stat, GeoPackage, the long
table as CSV and the rest) is made when asked for, from the same relations, so that a release stays quick.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from ingest.datacenter import here
from ingest.engine import bound
from ingest.sql import literal
from ingest.verified import file_sha256
from warehouse.columns import Column
from warehouse.export import LONG_SHAPE, TABLE, Extract, extract, parquet
from warehouse.export.guessed import ROW, Guess, look
from warehouse.making import changelog, product, takeover
from warehouse.making.diff import Diff
from warehouse.making.takeover import Content, Earlier
from warehouse.reading.published import Published
from warehouse.sharing.access import PUBLIC, Access

#: What a table's figures can be told apart by.
_KEYS = {
    "indicator": ("indicator_id", "version"),
    "region": ("region_code",),
    "region_group": ("group_code", "region_code", "valid_from"),
    "period": ("period_code",),
    "policy_goal": ("goal_id",),
    "comparison": ("indicator_id", "region_code", "period_code", "group_code"),
    "intervention": ("intervention_id",),
    "policy_effect": ("intervention_id", "indicator_id", "method"),
    "policy_effect_path": ("intervention_id", "indicator_id", "method", "period_code"),
}
_WIDE_KEY = ("region_code", "period_code")


@dataclass(frozen=True)
class Written:
    """A table as it was written: what its files have, and of a theme where its rows come from."""

    name: str
    extract: Extract
    key: tuple[str, ...]
    content: Content | None = None


def write(
    folder: Path,
    database: Path,
    release_id: str,
    created_at: str,
    diff: Diff,
    changelog_before: str = "",
    code: str = "",
    before: Earlier | None = None,
) -> None:
    """Write everything beside the database of a release that nobody sees yet.

    :param changelog_before: the changelog of the release before.
    :param code: SHA-256 over the code that makes a release.
    :param before: the release whose rows may be taken over; without one all are made anew.
    """
    from warehouse.making import catalogue

    (folder / "tables").mkdir()
    _json(folder / "diff.json", diff.as_dict())
    (folder / "CHANGELOG.md").write_text(changelog.changelog(diff, created_at, changelog_before), encoding="utf-8")
    with duckdb.connect(str(database), read_only=True) as con:
        bound(con)
        published = _published(con, release_id)
        written = _tables(folder, published, code, before) if published else []
        records = product.records(published) if published else []
        sources = published.sources() if published else []
        _json(folder / "producten.json", records)
        _json(folder / "csv-metadata.json", _csvw(written, release_id))
        _json(folder / "datapackage.json", _package(folder, written, release_id, created_at, sources))
        (folder / "LICENTIE.md").write_text(_licence(release_id, sources), encoding="utf-8")
        if published:
            graph = catalogue.graph(records, release_id, created_at, product.public_url(), folder, _coverage(con))
            (folder / "catalog.ttl").write_text(catalogue.turtle(graph), encoding="utf-8")
            (folder / "catalog.jsonld").write_text(catalogue.json_ld(graph), encoding="utf-8")


def _published(con: duckdb.DuckDBPyConnection, release_id: str) -> Published | None:
    """What the file publishes to everyone; None when it has no figures at all."""
    there = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'core' and table_name in ('indicator_value', 'indicator')"
    ).fetchall()
    return Published(con, release_id, PUBLIC, Access.of(con)) if there == [(2,)] else None


def _tables(folder: Path, published: Published, code: str, before: Earlier | None) -> list[Written]:
    found = [
        _theme(folder / "tables", published, theme, rows_hash, before)
        for theme, rows_hash in takeover.hashes(published, code).items()
    ]
    for name in published.reference:
        reference = extract(published, f"{published.schema_of(name)}.{name}")
        _write(folder / "tables", name, reference)
        found.append(Written(name, reference, _KEYS[name]))
    return found


def _theme(tables: Path, published: Published, theme: str, rows_hash: str, before: Earlier | None) -> Written:
    wide, long = extract(published, theme), extract(published, theme, shape=LONG_SHAPE)
    content = takeover.take_over(before, theme, rows_hash, wide, long, tables) if before else None
    if content is None:
        content = Content(rows_hash, published.release_id)
        parquet.write(long, tables / f"{theme}.long.parquet")
        figures = f"select * from read_parquet({literal(tables / f'{theme}.long.parquet')})"
        sql = f"select * from ({published.wide(theme, figures=figures)}) order by region_code, period_code"
        _write(tables, theme, replace(wide, sql=sql))
    return Written(theme, wide, _WIDE_KEY, content)


def _write(tables: Path, name: str, found: Extract) -> None:
    target = tables / f"{name}.parquet"
    parquet.write(found, target)
    source = f"read_parquet({literal(target)}, file_row_number = true)"
    numbered = f"select * exclude (file_row_number), file_row_number + 1 as {ROW} from {source}"
    con = found.published.con
    guess = look(con, numbered, replace(found, parameters=[]))
    columns = ", ".join(_as_text(c, guess) for c in found.columns)
    # Formatted by DuckDB: as our own CSV writer does it, many times faster.
    con.execute(
        f"copy (select {columns} from ({numbered}) order by {guess.order}) "
        f"to {literal(tables / f'{name}.csv')} (format csv, header true, delimiter ',', nullstr '')"
    )


def _as_text(column: Column, guess: Guess) -> str:
    """A whole number without decimals, any other to its last digit; see :func:`warehouse.export.plain.csv_typed_pieces`."""
    name = f'"{column.name}"'
    if column.type != "number":
        return name
    if column.name in guess.broken:
        return f"{name}::double::varchar as {name}"
    whole = f"{name} = trunc({name}) and abs({name}) < 1e15"
    return f"case when {whole} then {name}::bigint::varchar else {name}::varchar end as {name}"


# -- Frictionless -----------------------------------------------------------------------------------------------------


def _package(
    folder: Path, written: list[Written], release_id: str, created_at: str, sources: list[dict[str, Any]]
) -> dict[str, Any]:
    names = {w.name for w in written}
    resources = [_csv_resource(folder, w, names) for w in written]
    who = product.publisher()
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": here().identifier,
        "title": f"{here().name}, release {release_id}",
        "description": f"Standaardindicatoren van de {here().texts['gemeenten']}, met definities, status en herkomst van elk cijfer.",
        "id": f"{product.public_url()}/v1/releases/{release_id}",
        "homepage": product.public_url(),
        "version": release_id,
        "created": created_at,
        "licenses": [
            {
                "name": "CC-BY-4.0",
                "title": "Creative Commons Naamsvermelding 4.0",
                "path": "https://creativecommons.org/licenses/by/4.0/",
            }
        ],
        "contributors": [{"title": who["name"], "path": who["contact_url"], "roles": ["publisher"]}],
        "sources": [
            {
                "title": f"{s['attribution']}, {s['title']} ({s['table_id']})",
                "version": str(s["modified"] or ""),
            }
            for s in sources
        ],
        "keywords": [here().group.name, "gemeente", "indicatoren", "CBS", "StatLine"],
        "resources": resources or [_nothing(folder)],
    }


def _resource(folder: Path, path: str, **fields: Any) -> dict[str, Any]:
    file = folder / path
    return {"path": path, **fields, "bytes": file.stat().st_size, "hash": f"sha256:{file_sha256(file)}"}


def _nothing(folder: Path) -> dict[str, Any]:
    """A package has at least one resource; that of a release without a table is its diff."""
    return _resource(folder, "diff.json", name="diff", title="Wijzigingen", format="json", mediatype="application/json")


def _csv_resource(folder: Path, table: Written, names: set[str]) -> dict[str, Any]:
    found = table.extract
    return _resource(
        folder,
        f"tables/{table.name}.csv",
        name=_slug(table.name),
        type="table",
        title=found.title,
        description=_description(found),
        format="csv",
        mediatype="text/csv",
        encoding="utf-8",
        # Not resources of their own: a validator would need its Parquet plug-in for them.
        alternates=[
            _resource(folder, path, title=title, format="parquet", mediatype="application/vnd.apache.parquet")
            for path, title in (
                (f"tables/{table.name}.parquet", f"{found.title} (Parquet)"),
                (f"tables/{table.name}.long.parquet", f"{found.title}, één rij per cijfer (Parquet)"),
            )
            if (folder / path).is_file()
        ],
        dialect={"delimiter": ",", "lineTerminator": "\n", "header": True},
        schema={
            "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
            "fields": [_field(c, c.name in table.key) for c in found.columns],
            "missingValues": [""],
            "primaryKey": list(table.key),
            "foreignKeys": [
                {"fields": [column], "reference": {"resource": _slug(other), "fields": [column]}}
                for column, other in (("region_code", "region"), ("period_code", "period"))
                if other in names and other != table.name and column in found.names
            ],
        },
        **({"content": asdict(table.content)} if table.content else {}),
    )


def _field(column: Column, in_key: bool) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "title": column.title,
        "description": column.description,
        "missingValues": [""],
    }
    constraints: dict[str, Any] = {"required": True} if column.required or in_key else {}
    if column.categories:
        constraints["enum"] = list(column.categories)
    if constraints:
        field["constraints"] = constraints
    if column.unit:
        field["unit"] = column.unit
    return field


def _slug(name: str) -> str:
    return name.replace(".", "-").replace("_", "-")


def _description(found: Extract) -> str:
    if found.shape == TABLE:
        return found.title
    return (
        f"{found.title}: één rij per gebied en periode, een kolom per indicator. Leeg is geen nul; missing_reason zegt waarom een "
        "cijfer ontbreekt."
    )


# -- CSVW -------------------------------------------------------------------------------------------------------------

_XSD = {"string": "string", "number": "double", "integer": "integer", "boolean": "boolean", "date": "date"}


def _csvw(written: list[Written], release_id: str) -> dict[str, Any]:
    """Metadata for tabular data on the web (https://www.w3.org/TR/tabular-metadata/), one group for all tables."""
    names = {w.name for w in written}
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "nl"}],
        "dc:title": f"{here().name}, release {release_id}",
        "dc:license": {"@id": "https://creativecommons.org/licenses/by/4.0/"},
        "dc:identifier": release_id,
        "tables": [
            {
                "url": f"tables/{table.name}.csv",
                "dc:title": table.extract.title,
                "dc:description": _description(table.extract),
                "dialect": {"delimiter": ",", "encoding": "utf-8", "header": True},
                "tableSchema": {
                    "columns": [
                        {
                            "name": c.name,
                            "titles": {"nl": [c.name, c.title]},
                            "dc:description": c.description,
                            "datatype": _XSD.get(c.type, "string"),
                            "null": "",
                            "required": c.required or c.name in table.key,
                        }
                        for c in table.extract.columns
                    ],
                    "primaryKey": list(table.key),
                    "foreignKeys": [
                        {
                            "columnReference": column,
                            "reference": {"resource": f"tables/{other}.csv", "columnReference": column},
                        }
                        for column, other in (("region_code", "region"), ("period_code", "period"))
                        if other in names and other != table.name and column in table.extract.names
                    ],
                },
            }
            for table in written
        ],
    }


# -- licence, coverage ------------------------------------------------------------------------------------------------


def _licence(release_id: str, sources: list[dict[str, Any]]) -> str:
    lines = [
        f"# Licentie van de cijfers in release {release_id}",
        "",
        "U mag deze cijfers gebruiken, delen en bewerken onder Creative Commons Naamsvermelding 4.0 (CC BY 4.0,",
        "https://creativecommons.org/licenses/by/4.0/). Noem daarbij de bron van de cijfers zoals hieronder, en",
        f"«bewerking {here().name}».",
        "",
        "| tabel | titel | eigenaar | licentie | bronvermelding | stand bij de bron | herkomst |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        "| "
        + " | ".join(
            str(s[k] or "").replace("|", "/")
            for k in ("table_id", "title", "owner", "licence", "attribution", "modified", "origin")
        )
        + " |"
        for s in sources
        if s["sharing_level"] == "public"
    ]
    if any(s["origin"] == "sample" for s in sources):
        lines += ["", "Herkomst «sample» is het meegeleverde voorbeelduittreksel, niet een verse levering."]
    return "\n".join(lines) + "\n"


def _coverage(con: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """First and last day of the periods that have figures."""
    [(first, last)] = con.execute(
        "select min(start_date)::varchar, max(end_date)::varchar from core.period where period_code in "
        "(select period_code from core.indicator_value where value is not null)"
    ).fetchall()
    return (first, last) if first and last else None


def _json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
