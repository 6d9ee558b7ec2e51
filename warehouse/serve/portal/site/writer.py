"""Draws pages into files: one process's part of a site."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.datacenter import at
from warehouse.serve.files import public_files
from warehouse.serve.library import Libraries
from warehouse.serve.portal import looks
from warehouse.serve.portal.charts import drawing
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.page import Asking, Kind
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.site.links import Site, SiteLinks, state_of
from warehouse.serve.portal.site.whole import WholeView
from warehouse.sharing.access import PUBLIC

_MEMORY, _SECONDS = "1GB", 3600.0

LookUp = Callable[[dict[str, Any]], str | None]


@dataclass(frozen=True)
class Entry:
    """A page of the site.

    :param names: the values of the names in its path, and ``state`` those of its parameters.
    :param folder: where it lies.
    """

    kind: Kind
    path: str
    names: dict[str, str]
    state: dict[str, str]
    folder: str


class Writer:
    """The pages of a release, and how each is written.

    :param made: the folder of the site in the making.
    :param base: the address at which it will be, or None.
    :param release: its id; None for the current one.
    :param look_up: gives the address at which a cell can be looked up at its source.
    """

    def __init__(
        self, home: Path, made: Path, base: str | None, release: str | None, look_up: LookUp | None = None
    ) -> None:
        self.made, self.center = made, at(home)
        self._open = ExitStack()
        libraries = Libraries(home / "warehouse", _MEMORY, _SECONDS)
        self._open.callback(libraries.close)
        self.library = libraries.public
        self.opened = self.library.get(release)
        self.files = public_files(self.opened, self.library.current())
        self.site = Site(base, frozenset(self.files))
        self.published = self._open.enter_context(self.library.asking(self.opened, PUBLIC))
        self.view = WholeView(
            self.published,
            self.center,
            self.opened.created_at,
            folder=None if self.opened.tightened(self.library.current()) else self.opened.folder,
            look_up=look_up or (lambda _: None),
        )
        # All are known before the first is drawn: a page leads only to what is there.
        self.entries = list(self._entries())

    def close(self) -> None:
        self._open.close()

    def _entries(self) -> Iterator[Entry]:
        for kind in KINDS:
            for address in kind.addresses(self.view):
                path, state = kind.path(address), dict(address.state)
                yield Entry(kind, path, dict(address.path), state, self.site.add(kind, path, state_of(state)))

    def links(self, folder: str) -> SiteLinks:
        return SiteLinks(self.site, folder, self.opened.release_id)

    def draw(self, entry: Entry) -> dict[str, str]:
        """Writes a page with its charts; gives the files with their SHA-256."""
        self.library.begin(self.published)
        links, written = self.links(entry.folder), {}
        page = entry.kind.make(self.view, Asking(entry.names, {n: [v] for n, v in entry.state.items()}), links)
        html = looks.drawn(entry.kind, page, self.view, links, entry.path)
        for name, content in self._parts(entry, html, page.charts):
            written[name] = self.write(name, content)
        return written

    def _parts(self, entry: Entry, html: str, charts: dict[str, Chart]) -> Iterator[tuple[str, bytes]]:
        yield f"{entry.folder}index.html", html.encode()
        for name, chart in charts.items():
            yield f"{entry.folder}grafiek/{name}.svg", drawing.svg_file(chart).encode()
            folder = f"embed/{entry.folder}{name}/"
            links = self.links(folder)
            back = links.here(entry.path, **entry.state)
            yield f"{folder}index.html", looks.drawn_embed(chart, name, self.view, links, back).encode()

    def write(self, name: str, content: bytes) -> str:
        """Writes a file of the site; gives its SHA-256."""
        target = self.made / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return hashlib.sha256(content).hexdigest()


# -- beside one another -----------------------------------------------------------------------------------------------

_mine: Writer | None = None


def begin(home: Path, made: Path, base: str | None, release: str, look_up: LookUp | None) -> None:
    """Opens the release in this process."""
    global _mine
    _mine = Writer(home, made, base, release, look_up)


def part(places: Iterable[int]) -> list[tuple[int, dict[str, str]]]:
    """Draws the pages at these places of :attr:`Writer.entries`."""
    assert _mine is not None
    return [(place, _mine.draw(_mine.entries[place])) for place in places]


def counted(done: Iterable[list[tuple[int, dict[str, str]]]], tell: Callable[[int], None]) -> dict[int, dict[str, str]]:
    """What all parts wrote, by place; tells after each part how many pages that are."""
    found: dict[int, dict[str, str]] = {}
    for some in done:
        found.update(some)
        tell(len(found))
    return found
