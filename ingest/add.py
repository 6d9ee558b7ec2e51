"""Registering a table that the project has never seen, from its own metadata."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from ingest.attempt import in_words
from ingest.datacenter import here
from ingest.declaration import RegistryError, Table
from ingest.errors import explained
from ingest.http import Client, FetchError, NotFoundError
from ingest.metadata import Metadata
from ingest.registry import Registry, add_own
from ingest.settings import Settings
from ingest.statline import service
from ingest.statline.landing import misshapen
from ingest.statline.model import Head

#: Above this many observations a whole table is more than this warehouse is for; the user must say which slice.
MOST = 20_000_000

#: From so many pages on the bulk file of a v4 table is cheaper than its pages, one behind the other: a third of the bytes
#: and one request (measured: 3.0 s against 4.9 s for 20 pages at 150 ms).
BULK_PAYS = 10 * 10_000

_CADENCE = {
    "permaand": "month",
    "perkwartaal": "quarter",
    "tweemaalperjaar": "half_year",
    "perhalfjaar": "half_year",
    "perjaar": "year",
    "eenmalig": "once",
    "stopgezet": "once",
    "vervallen": "once",
    "gediscontinueerd": "once",
}


class PeriodNeededError(RegistryError):
    """A table without a time dimension whose metadata name no single year: someone must say which period it is about."""


def add(
    settings: Settings,
    client: Client,
    table_id: str,
    protocol: str | None,
    catalog: str,
    period: str | None,
    odata_filter: str | None,
    via: str = "odata",
    region_dimension: str | None = None,
) -> tuple[Table, Path, list[str]]:
    """Read the metadata of a table and register it in ``$RDC_HOME/sources``.

    :param protocol: v3 or v4; None asks v3 first (whole tables, quick), then v4.
    :param region_dimension: which one its figures are about, of a table with two dimensions of regions.
    :param via: ``csv`` takes the bulk file of a whole v4 table instead of its pages.
    :returns: the declaration, its file, and what the metadata told.
    :raises RegistryError: already declared, unknown to the service, too large, or of a shape that can't be taken; also where the
        service answers with what nobody foresaw. Nothing is written then.
    """
    known = Registry.load(settings.own_sources).tables
    if table_id in known:
        raise RegistryError(
            f"{table_id} is already declared in {known[table_id].file}; `rdc run --table {table_id}` lands it."
        )
    found: tuple[Table, Head, Metadata] | None = None
    missed: list[str] = []
    if via == "csv" and protocol is None:
        protocol = "v4"
    for candidate in [protocol] if protocol else (["v3"] if catalog == "third-party" else ["v3", "v4"]):
        table = _declared(
            id=table_id,
            title=table_id,
            protocol=candidate,
            catalog=catalog,
            cadence="year",
            period=period,
            filter=odata_filter,
            via=via,
            region_dimension=region_dimension,
            source_id="third_party" if catalog == "third-party" else "cbs",
        )
        try:
            source = service(table, settings, client)
            head = source.head(table)
            found = (table, head, source.metadata(table))
            break
        except NotFoundError as error:
            missed.append(str(error))
        except FetchError as error:
            if protocol or candidate == "v4":
                raise
            missed.append(str(error))
        except Exception as error:
            missed.append(f"{table_id}: {in_words(error)}")
            if protocol or candidate == "v4":
                raise RegistryError("; ".join(missed)) from error
    if found is None:
        raise RegistryError(
            f"No table {table_id} at the {catalog} catalogue. Mind upper and lower case (84799NED, 03759ned). "
            + "; ".join(missed)
        )
    table, head, metadata = found
    if odata_filter is None and head.count is not None:
        cells = head.count * (len(metadata.measures) if table.protocol == "v3" else 1)
        if cells > MOST:
            raise RegistryError(
                f"{table_id} has {cells:,} observations, more than the {MOST:,} that a whole table may have. Declare a slice "
                f"with --filter, for instance --filter \"startswith({_region(metadata)},'GM')\"."
            )
    if metadata.dimension("time") is None and period is None:
        period = _period(head)
        if period is None:
            raise PeriodNeededError(
                f"{table_id} has no time dimension, and its metadata names no single year ({head.title!r}, "
                f"{head.period_text!r}). Say which period its figures are of: --period 2020JJ00"
            )
    if wrong := misshapen(table.model_copy(update={"period": period}), metadata):
        raise RegistryError(wrong)
    table = _declared(
        **table.model_dump()
        | {
            "title": head.title,
            "cadence": _cadence(metadata),
            "period": period if metadata.dimension("time") is None else None,
            "owner": str(metadata.info.get("Source") or "Centraal Bureau voor de Statistiek").strip(" ."),
            "licence": "CC BY 4.0",
            "attribution": "Bron: CBS"
            if catalog == "cbs"
            else f"Bron: {str(metadata.info.get('Source') or 'derden').strip(' .')}",
            "sharing_level": "public",
        }
    )
    file = add_own(settings.own_sources, table)
    facts = [
        f"{head.count:,} {'rows' if table.protocol == 'v3' else 'observations'}, {len(metadata.measures)} measures; "
        f"dimensions {', '.join(d.key for d in metadata.dimensions)}"
        if head.count is not None
        else f"{len(metadata.measures)} measures; dimensions {', '.join(d.key for d in metadata.dimensions)}"
    ]
    if table.protocol == "v4" and via == "odata" and odata_filter is None and (head.count or 0) > BULK_PAYS:
        facts.append("of so many observations the bulk file is cheaper: `via: csv` in the declaration takes that")
    if remark := _ours(metadata):
        facts.append(remark)
    if table.region_dimension:
        facts.append(f"regions of its figures: {table.region_dimension}")
    if table.period:
        facts.append(f"period of all figures: {table.period}")
    return table, file, facts


def _declared(**fields: object) -> Table:
    try:
        return Table.model_validate(fields)
    except ValidationError as error:
        raise RegistryError("; ".join(explained(error))) from error


def _region(metadata: Metadata) -> str:
    dimension = metadata.dimension("region")
    return dimension.key if dimension else metadata.dimensions[0].key


def _ours(metadata: Metadata) -> str:
    """What to know of a table that our municipalities are not in."""
    region = metadata.dimension("region")
    if region is None:
        return "it has no regions: its figures are in core.observation without one"
    codes = {code.strip() for code in metadata.codes[region.key].code}
    if codes & set(here().codes):
        return ""
    return f"none of our municipalities is among its {len(codes)} regions; it can be compared with, and is taken all the same"


def _period(head: Head) -> str | None:
    """The one year that the catalogue's period or the title names; None when there is none, or more than one."""
    for text in (head.period_text, head.title):
        years = set(re.findall(r"\b(?:19|20)\d\d\b", text))
        if len(years) == 1:
            return f"{years.pop()}JJ00"
        if years:
            return None
    return None


def _cadence(metadata: Metadata) -> str:
    text = "".join(str(metadata.info.get("Frequency") or "").lower().split())
    return _CADENCE.get(text, "year")
