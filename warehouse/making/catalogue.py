"""The catalogue of a release as DCAT-AP-NL 3.0 (https://docs.geostandaarden.nl/dcat/dcat-ap-nl30/), for data.overheid.nl.

A dataset per theme and a series of distributions of it (CSV, Parquet, the API), the DuckDB file, and two data services (the
API and the OData service). Terms come from the value lists that the profile prescribes: EU data theme, access right, file
type, language, frequency, dataset status, planned availability, the licence list, and IANA media types.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.datacenter import here
from ingest.verified import file_sha256
from warehouse.making import product
from warehouse.registry.themes import headings

if TYPE_CHECKING:
    from rdflib import Graph

_EU = "http://publications.europa.eu/resource/authority"
_LICENCE = "http://creativecommons.org/licenses/by/4.0/deed.nl"
_FILES = {
    ".csv": ("CSV", "https://www.iana.org/assignments/media-types/text/csv", "CSV"),
    ".parquet": ("PARQUET", "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet", "Parquet"),
    ".long.parquet": (
        "PARQUET",
        "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet",
        "Parquet, één rij per cijfer",
    ),
}
_ACCESS = {"public": "PUBLIC", "partners": "RESTRICTED", "municipality": "NON_PUBLIC"}


def graph(
    records: list[dict[str, Any]],
    release_id: str,
    created_at: str,
    base: str,
    folder: Path,
    coverage: tuple[str, str] | None,
) -> Graph:
    """The catalogue as an RDF graph.

    :param records: of :func:`warehouse.making.product.records`.
    :param base: address of the service, under which every resource has its own.
    :param folder: the release's folder, for what files there are.
    :param coverage: first and last day of the figures.
    """
    from rdflib import BNode, Graph, Literal, Namespace, URIRef
    from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS, SKOS, XSD

    # rdflib knows DCAT 2 as a closed list of terms; version 3 has more.
    DCAT = Namespace("http://www.w3.org/ns/dcat#")  # noqa: N806
    adms, dcatap = Namespace("http://www.w3.org/ns/adms#"), Namespace("http://data.europa.eu/r5r/")
    spdx, vcard = Namespace("http://spdx.org/rdf/terms#"), Namespace("http://www.w3.org/2006/vcard/ns#")
    g = Graph()
    for prefix, space in (
        *(("adms", adms), ("dcat", DCAT), ("dcatap", dcatap), ("dct", DCTERMS), ("foaf", FOAF), ("skos", SKOS)),
        *(("spdx", spdx), ("vcard", vcard), ("xsd", XSD)),
    ):
        g.bind(prefix, space)
    sums = _sums(folder)
    who = product.publisher()

    def concept(scheme: str, code: str, label: str, kind: Any = SKOS.Concept) -> URIRef:
        """A term of a value list, with its type and label, since a validator does not fetch the list."""
        term = URIRef(f"{_EU}/{scheme}/{code}")
        g.add((term, RDF.type, kind))
        if kind == SKOS.Concept:
            g.add((term, SKOS.prefLabel, Literal(label, lang="nl")))
            g.add((term, SKOS.inScheme, URIRef(f"{_EU}/{scheme}")))
        return term

    def address(path: str) -> URIRef:
        found = URIRef(f"{base}{path}")
        g.add((found, RDF.type, RDFS.Resource))
        return found

    dutch = concept("language", "NLD", "Nederlands", DCTERMS.LinguisticSystem)
    licence = URIRef(_LICENCE)
    g.add((licence, RDF.type, DCTERMS.LicenseDocument))
    agent = URIRef(f"{base}/id/organisatie")
    g.add((agent, RDF.type, FOAF.Agent))
    g.add((agent, FOAF.name, Literal(who["name"], lang="nl")))
    g.add((agent, FOAF.homepage, URIRef(who["contact_url"])))
    contact = URIRef(f"{base}/id/contact")
    g.add((contact, RDF.type, vcard.Kind))
    g.add((contact, RDF.type, vcard.Organization))
    g.add((contact, vcard.fn, Literal(who["name"])))
    g.add((contact, vcard.hasEmail, URIRef(f"mailto:{who['contact_email']}")))
    g.add((contact, vcard.hasURL, URIRef(who["contact_url"])))
    moment = Literal(created_at, datatype=XSD.dateTime)
    page = URIRef(f"{base}/")
    g.add((page, RDF.type, FOAF.Document))

    catalog = URIRef(f"{base}/v1/catalogus")
    title = Literal(f"Catalogus van het {here().name}", lang="nl")
    g.add((catalog, RDF.type, DCAT.Catalog))
    g.add((catalog, DCTERMS.title, title))
    g.add(
        (
            catalog,
            DCTERMS.description,
            Literal(f"Standaardindicatoren van {here().texts['omschrijving']}, per thema.", lang="nl"),
        )
    )
    for predicate, value in (
        *(
            (DCTERMS.publisher, agent),
            (DCTERMS.creator, agent),
            (DCAT.contactPoint, contact),
            (DCTERMS.language, dutch),
        ),
        *((DCTERMS.license, licence), (DCTERMS.modified, moment), (FOAF.homepage, page)),
    ):
        g.add((catalog, predicate, value))

    def theme_terms(names: Sequence[str]) -> list[URIRef]:
        return [concept("data-theme", name, name) for name in names]

    def service(path: str, name: str, text: str, described: str, themes: list[URIRef]) -> URIRef:
        found = URIRef(f"{base}/id/service/{name}")
        g.add((found, RDF.type, DCAT.DataService))
        g.add((found, RDF.type, DCAT.Resource))
        g.add((found, DCTERMS.title, Literal(text, lang="nl")))
        g.add((found, DCTERMS.description, Literal(f"{text} van het {here().name}.", lang="nl")))
        g.add((found, DCTERMS.identifier, Literal(str(found))))
        g.add((found, DCAT.endpointURL, address(path)))
        g.add((found, DCAT.endpointDescription, address(described)))
        g.add((found, DCTERMS.accessRights, concept("access-right", "PUBLIC", "openbaar", DCTERMS.RightsStatement)))
        g.add((found, DCTERMS.modified, moment))
        for predicate, value in (
            *((DCTERMS.license, licence), (DCTERMS.publisher, agent), (DCTERMS.creator, agent)),
            *((DCAT.contactPoint, contact), (DCTERMS.language, dutch), (DCAT.landingPage, page), (FOAF.page, page)),
        ):
            g.add((found, predicate, value))
        for word in (here().group.name, "indicatoren", "gemeente"):
            g.add((found, DCAT.keyword, Literal(word, lang="nl")))
        for term in themes:
            g.add((found, DCAT.theme, term))
        g.add((catalog, DCAT.service, found))
        return found

    declared = headings()
    subjects: dict[str, Sequence[str]] = {
        r["tabel"]: declared[r["tabel"]].eu_themes if r["tabel"] in declared else ["REGI"] for r in records
    }
    everything = sorted({name for names in subjects.values() for name in names})
    api = service(
        "/v1", "api", "API (JSON, CSV, Excel, Parquet, JSON-stat)", "/v1/openapi.json", theme_terms(everything)
    )
    odata = service(
        "/ODataCatalog", "odata", "OData-service zoals StatLine", "/ODataCatalog/Tables", theme_terms(everything)
    )

    def dataset(name: str, heading: str, text: str, themes: Sequence[str], level: str) -> URIRef:
        found = URIRef(f"{base}/id/dataset/{name}")
        g.add((found, RDF.type, DCAT.Dataset))
        g.add((found, RDF.type, DCAT.Resource))
        g.add((found, DCTERMS.title, Literal(heading, lang="nl")))
        g.add((found, DCTERMS.description, Literal(text, lang="nl")))
        g.add((found, DCTERMS.identifier, Literal(str(found))))
        g.add((found, DCAT.version, Literal(release_id)))
        g.add((found, DCTERMS.modified, moment))
        rights = concept("access-right", _ACCESS[level], level, DCTERMS.RightsStatement)
        standard = URIRef("https://docs.geostandaarden.nl/dcat/dcat-ap-nl30/")
        g.add((standard, RDF.type, DCTERMS.Standard))
        frequency = concept("frequency", "IRREG", "onregelmatig", DCTERMS.Frequency)
        spatial = URIRef(here().publisher.place or f"{base}/v1/gebieden/{here().code}")
        g.add((spatial, RDF.type, DCTERMS.Location))
        for predicate, value in (
            *((DCTERMS.accessRights, rights), (DCAT.contactPoint, contact), (DCTERMS.creator, agent)),
            *((DCTERMS.publisher, agent), (DCTERMS.conformsTo, standard), (FOAF.page, page), (DCAT.landingPage, page)),
            *((DCTERMS.language, dutch), (DCTERMS.accrualPeriodicity, frequency), (DCTERMS.spatial, spatial)),
            (adms.status, concept("dataset-status", "COMPLETED", "voltooid")),
        ):
            g.add((found, predicate, value))
        for word in (here().group.name, "indicatoren", heading):
            g.add((found, DCAT.keyword, Literal(word, lang="nl")))
        for term in theme_terms(themes):
            g.add((found, DCAT.theme, term))
        if coverage:
            period = BNode()
            g.add((period, RDF.type, DCTERMS.PeriodOfTime))
            g.add((period, DCAT.startDate, Literal(coverage[0], datatype=XSD.date)))
            g.add((period, DCAT.endDate, Literal(coverage[1], datatype=XSD.date)))
            g.add((found, DCTERMS.temporal, period))
        g.add((catalog, DCAT.dataset, found))
        record = URIRef(f"{base}/id/record/{name}")
        g.add((record, RDF.type, DCAT.CatalogRecord))
        g.add((record, FOAF.primaryTopic, found))
        g.add((record, DCTERMS.modified, moment))
        g.add((record, DCTERMS.language, dutch))
        g.add((catalog, DCAT.record, record))
        return found

    def distribution(of: URIRef, name: str, heading: str, path: str, kind: str, media: str, via: URIRef) -> None:
        found = URIRef(f"{base}/id/distributie/{name}")
        file_address = address(f"/v1/releases/{release_id}/bestanden/{path}")
        g.add((found, RDF.type, DCAT.Distribution))
        g.add((found, DCTERMS.title, Literal(heading, lang="nl")))
        g.add((found, DCAT.accessURL, file_address))
        g.add((found, DCAT.downloadURL, file_address))
        g.add((found, DCTERMS.license, licence))
        g.add((found, DCTERMS.language, dutch))
        g.add((found, DCTERMS.modified, moment))
        g.add((found, DCAT.accessService, via))
        g.add((found, DCTERMS["format"], concept("file-type", kind, kind, DCTERMS.MediaTypeOrExtent)))
        media_type = URIRef(media)
        g.add((media_type, RDF.type, DCTERMS.MediaType))
        g.add((found, DCAT.mediaType, media_type))
        g.add((found, dcatap.availability, concept("planned-availability", "AVAILABLE", "beschikbaar")))
        g.add((found, adms.status, concept("distribution-status", "COMPLETED", "voltooid")))
        schema = URIRef(f"{base}/v1/releases/{release_id}/bestanden/datapackage.json")
        g.add((schema, RDF.type, DCTERMS.Standard))
        g.add((found, DCTERMS.conformsTo, schema))
        file = folder / path
        g.add((found, DCAT.byteSize, Literal(file.stat().st_size, datatype=XSD.nonNegativeInteger)))
        if path in sums:
            checksum = BNode()
            g.add((checksum, RDF.type, spdx.Checksum))
            g.add((spdx.checksumAlgorithm_sha256, RDF.type, spdx.ChecksumAlgorithm))
            g.add((checksum, spdx.algorithm, spdx.checksumAlgorithm_sha256))
            g.add((checksum, spdx.checksumValue, Literal(sums[path], datatype=XSD.hexBinary)))
            g.add((found, spdx.checksum, checksum))
        g.add((of, DCAT.distribution, found))

    for record in records:
        theme = record["tabel"]
        text = f"{record['titel']}: standaardindicatoren per gebied en periode. Doel: {record['maatschappelijkDoel']}"
        found = dataset(
            theme,
            f"({here().name}) {record['titel']} ({here().group.name} en Nederland) (release {release_id})",
            text,
            subjects[theme],
            record["deelniveau"],
        )
        g.add((api, DCAT.servesDataset, found))
        g.add((odata, DCAT.servesDataset, found))
        for suffix, (kind, media, label) in _FILES.items():
            path = f"tables/{theme}{suffix}"
            if (folder / path).is_file():
                name = f"{theme}{suffix}".replace(".", "-")
                distribution(found, name, f"{record['titel']} ({label})", path, kind, media, api)
    return g


def turtle(graph: Graph) -> str:
    return graph.serialize(format="turtle")


def json_ld(graph: Graph) -> str:
    return graph.serialize(format="json-ld", indent=1, auto_compact=True)


def _sums(folder: Path) -> dict[str, str]:

    return {f"tables/{f.name}": file_sha256(f) for f in (folder / "tables").glob("*") if f.is_file()}
