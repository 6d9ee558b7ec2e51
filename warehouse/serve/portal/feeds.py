"""What machines read of the portal: the feed of releases (Atom), the sitemap, and what a crawler may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from ingest.datacenter import DataCenter
from warehouse.releases.release import Release
from warehouse.serve.portal import dutch

_ATOM = "http://www.w3.org/2005/Atom"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
#: The most addresses that one sitemap may have.
MOST_ADDRESSES = 50_000
#: Releases that the feed tells of.
_NEWEST = 20


def atom(center: DataCenter, releases: Sequence[Release], feed: str, page: str) -> bytes:
    """The feed of releases, the newest first.

    :param releases: oldest first.
    :param feed: the whole address of the feed, and ``page`` that of the page which tells of releases.
    """
    newest = list(reversed(releases))[:_NEWEST]
    root = ElementTree.Element("feed", xmlns=_ATOM, attrib={"xml:lang": "nl"})
    _text(root, "title", f"{center.name}: uitgaven")
    _text(root, "id", feed)
    _text(root, "updated", _moment(newest[0].created_at) if newest else "1970-01-01T00:00:00Z")
    ElementTree.SubElement(root, "link", rel="self", type="application/atom+xml", href=feed)
    ElementTree.SubElement(root, "link", rel="alternate", type="text/html", href=page)
    _text(ElementTree.SubElement(root, "author"), "name", center.publisher.name)
    _text(root, "rights", "CC BY 4.0")
    for release in newest:
        entry = ElementTree.SubElement(root, "entry")
        _text(entry, "title", f"Uitgave {release.release_id}")
        _text(entry, "id", f"{feed}#{release.release_id}")
        _text(entry, "updated", _moment(release.created_at))
        ElementTree.SubElement(entry, "link", rel="alternate", type="text/html", href=page)
        day = dutch.day(datetime.fromisoformat(release.created_at))
        first = "" if release.previous else " Dit is de eerste uitgave."
        _text(entry, "summary", f"Cijfers van {day}, uit {len(release.inputs)} brontabellen.{first}")
    return _document(root)


def sitemaps(addresses: Sequence[str], base: str, changed: datetime) -> dict[str, bytes]:
    """``sitemap.xml`` with these whole addresses, and the parts that it names where they are too many for one.

    :param base: where the files will be, with a stroke at the end.
    """
    parts = [addresses[at : at + MOST_ADDRESSES] for at in range(0, len(addresses), MOST_ADDRESSES)]
    if len(parts) <= 1:
        return {"sitemap.xml": _sitemap(addresses, changed)}
    found = {f"sitemap-{number}.xml": _sitemap(part, changed) for number, part in enumerate(parts, 1)}
    root = ElementTree.Element("sitemapindex", xmlns=_SITEMAP)
    for name in found:
        _text(ElementTree.SubElement(root, "sitemap"), "loc", base + name)
    return found | {"sitemap.xml": _document(root)}


def _sitemap(addresses: Iterable[str], changed: datetime) -> bytes:
    root = ElementTree.Element("urlset", xmlns=_SITEMAP)
    for address in addresses:
        url = ElementTree.SubElement(root, "url")
        _text(url, "loc", address)
        _text(url, "lastmod", f"{changed.astimezone(UTC):%Y-%m-%d}")
    return _document(root)


def robots(sitemap_address: str | None) -> str:
    """Everyone may read all pages; those for frames and the API are of no use to a search engine."""
    said = "User-agent: *\nDisallow: /embed/\nDisallow: /v1/\n"
    return said + (f"Sitemap: {sitemap_address}\n" if sitemap_address else "")


def _moment(said: str) -> str:
    return f"{datetime.fromisoformat(said).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _document(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"
