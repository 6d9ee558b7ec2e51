"""Looks through a folder with the portal for what is broken: links, pages, files, addresses of the sitemap."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from warehouse.serve.portal.site.build import MANIFEST, SiteError, read_manifest
from warehouse.serve.portal.site.links import file_of

#: What a page may weigh as it is sent, compressed, without what it downloads.
MOST_BYTES = 150_000
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
#: Attributes by which a page fetches something by itself.
_FETCHES = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("source", "src"),
    ("iframe", "src"),
    ("form", "action"),
}


@dataclass
class _Page(HTMLParser):
    """What a page has that can be broken."""

    links: list[tuple[str, str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    h1: int = 0
    language: str = ""
    title: str = ""
    unclosed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self.unclosed.append(tag)
        self.h1 += tag == "h1"
        if tag == "html":
            self.language = attributes.get("lang", "")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.links += [(tag, name, attributes[name]) for name in ("href", "src", "action") if name in attributes]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.unclosed.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.unclosed or self.unclosed.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.unclosed[-1:] == ["title"] and "svg" not in self.unclosed:
            self.title += data


def check(folder: Path) -> Iterator[str]:
    """What is broken, a line each; nothing if all is well.

    :raises SiteError: there is no portal in the folder.
    """
    said = read_manifest(folder)
    if not said:
        raise SiteError(
            f"{folder} has no {MANIFEST}, so it is no portal. Make one with `rdc portal build --output {folder}`."
        )
    there = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()} - {MANIFEST}
    for name, digest in sorted(said["files"].items()):
        if name not in there:
            yield f"{name}: the file is gone"
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            yield f"{name}: the file was changed since it was written"
    for name in sorted(there - said["files"].keys()):
        yield f"{name}: a file that `rdc portal build` did not write"
    pages = {
        name: _read(folder / name) for name in sorted(there) if name.endswith(".html") and "bestanden/" not in name
    }
    for name, page in pages.items():
        yield from (f"{name}: {wrong}" for wrong in _broken(folder, name, page, pages, there))
    yield from _addresses(folder, said.get("base"), there)


def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def _broken(folder: Path, name: str, page: _Page, pages: dict[str, _Page], there: set[str]) -> Iterator[str]:
    yield from page.wrong
    if page.unclosed:
        yield f"<{page.unclosed[-1]}> is not closed"
    if page.h1 != 1:
        yield f"{page.h1} headings of the first level, and there should be one"
    if not page.title.strip():
        yield "no title"
    if not page.language:
        yield "no language"
    yield from (f"the id {twice!r} is there {n} times" for twice, n in Counter(page.ids).items() if n > 1)
    weight = len(gzip.compress((folder / name).read_bytes(), 6))
    if weight > MOST_BYTES:
        yield f"{weight:,} bytes compressed, and at most {MOST_BYTES:,} are meant"
    for tag, attribute, link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if (tag, attribute) in _FETCHES and parts.scheme != "data":
                yield f"fetches {link} from elsewhere"
            continue
        target = (
            posixpath.normpath(posixpath.join(posixpath.dirname(name), file_of(parts.path))) if parts.path else name
        )
        if target not in there:
            yield f"the link {link} leads nowhere"
        elif parts.fragment and target in pages and parts.fragment not in pages[target].ids:
            yield f"the link {link} leads to a place that is not there"


def _addresses(folder: Path, base: str | None, there: set[str]) -> Iterator[str]:
    """The addresses of sitemaps and feed."""
    for name in sorted(n for n in there if "/" not in n and n.endswith((".xml", ".atom"))):
        try:
            root = ElementTree.parse(folder / name).getroot()
        except ElementTree.ParseError as error:
            yield f"{name}: no XML ({error})"
            continue
        for element in root.iter():
            address = (element.text or "").strip() if element.tag.endswith("}loc") else element.get("href")
            if address and (base is None or not address.startswith(base)):
                yield f"{name}: {address} is not of this site"
            elif address and base and file_of(urlsplit(address[len(base) :]).path) not in there:
                yield f"{name}: {address} leads nowhere"
