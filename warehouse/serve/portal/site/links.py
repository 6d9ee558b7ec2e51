"""Where each page lies in the static site, and how pages lead to one another there.

A page is a folder with an ``index.html``, so that its address is that of the service with a stroke behind it; a state is folders
below it (``/indicator/x?gebied=GM0770`` lies in ``indicator/x/gebied/GM0770/``). Links are relative: a site works wherever it is
put. A state that has no file leads to the nearest one that has: the same page with less of the state.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from urllib.parse import quote, unquote

from warehouse.serve.portal import assets
from warehouse.serve.portal.page import FEED, INDEX, Kind
from warehouse.serve.portal.pages import KINDS

State = tuple[tuple[str, str], ...]

_PICTURE = re.compile(r"(?P<page>.*)/grafiek/(?P<name>[A-Za-z0-9_-]+)\.(?P<form>svg|png)")
_EMBED = re.compile(r"/embed(?P<page>/.*)/(?P<name>[A-Za-z0-9_-]+)")
#: The forms in which a chart is a file of the site. A PNG of each would cost more than all else together: the browser makes it.
FORMS = ("svg",)


def state_of(given: Mapping[str, str | int | Iterable[str] | None]) -> State:
    """A state in one order, without what was left open."""
    pairs = [
        (name, str(value))
        for name, values in given.items()
        if values is not None
        for value in ([values] if isinstance(values, str | int) else values)
    ]
    return tuple(sorted(pairs))


@dataclass
class Site:
    """The files of a site.

    :param base: the address at which it will be, with a stroke at the end; None if that is not known.
    :param data: the release's own files in it, by name.
    """

    base: str | None = None
    data: frozenset[str] = frozenset()
    _pages: dict[tuple[str, State], str] = field(default_factory=dict)

    def add(self, kind: Kind, path: str, state: State) -> str:
        """Takes in a page, and gives the folder in which it will lie."""
        parts = [unquote(part) for part in path.split("/") if part]
        parts += [quote(part, safe="") for pair in state for part in pair]
        self._pages[path, state] = folder = "".join(f"{part}/" for part in parts)
        return folder

    def folder(self, path: str, state: State) -> str | None:
        """Where a page lies, or the same page with as much of the state as there is; None if there is no such page."""
        for size in range(len(state), -1, -1):
            for fewer in combinations(state, size):
                if (found := self._pages.get((path, fewer))) is not None:
                    return found
        return None

    def place(self, path: str, state: State) -> str | None:
        """The file or folder of a page, of a chart as a file, or of one for another site's frame; None if there is none."""
        if found := _PICTURE.fullmatch(path):
            folder = self.folder(found["page"], state) if found["form"] in FORMS else None
            return None if folder is None else f"{folder}grafiek/{found['name']}.{found['form']}"
        if found := _EMBED.fullmatch(path):
            folder = self.folder(found["page"], state)
            return None if folder is None else f"embed/{folder}{found['name']}/"
        return self.folder(path, state)

    @property
    def folders(self) -> Iterable[str]:
        return self._pages.values()


@dataclass(frozen=True)
class SiteLinks:
    """The links of one page of the site.

    :param at: the folder of the page.
    """

    site: Site
    at: str
    release: str
    answers: bool = False
    pinned: str | None = None

    def to(self, path: str, **state: str | int | Iterable[str] | None) -> str:
        """A page that is not there leads to what is nearest above it."""
        state.pop("uitgave", None)
        wanted = state_of(state)
        if self.site.place(path, wanted) is None:
            path = instead(path)
        while (place := self.site.place(path, wanted)) is None and path.strip("/"):
            path = posixpath.dirname(path)
        return self._relative(place or "")

    def picture(self, path: str, **state: str | int | Iterable[str] | None) -> str | None:
        place = self.site.place(path, state_of(state))
        return None if place is None else self._relative(place)

    def file(self, path: str, **parameters: str | Iterable[str] | None) -> str | None:
        """Of what the API answers there are the tables of themes, as the files of the release."""
        table = re.fullmatch(r"/v1/tabellen/([a-z_]+)", path)
        name = f"tables/{table[1]}.{parameters.get('formaat')}" if table else ""
        return self._relative(f"bestanden/{name}") if name in self.site.data else None

    @property
    def index(self) -> str | None:
        return self._relative(INDEX)

    @property
    def feed(self) -> str | None:
        return self._relative(FEED) if self.site.base else None

    def data(self, theme: str) -> str | None:
        name = f"tables/{theme}.parquet"
        return f"{self.site.base}bestanden/{name}" if self.site.base and name in self.site.data else None

    def style(self, name: str) -> str:
        return self._relative(f"stijl/{assets.fingerprint(name)}/{name}")

    def here(self, path: str, **state: str | int | Iterable[str] | None) -> str:
        place = self.site.place(path, state_of({n: v for n, v in state.items() if n != "uitgave"}))
        if self.site.base is None:
            return self._relative(place or "")
        return self.site.base + quote(place or "", safe="/.~-_=%")

    def _relative(self, place: str) -> str:
        target = posixpath.relpath("/" + place, "/" + self.at)
        if place.endswith("/") or not place:
            target += "/"
        return quote(target, safe="/.~-_=%")


def instead(path: str) -> str:
    """The page that tells most of what a page would tell that the site does not have; the same path if no kind names one."""
    for kind in KINDS:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", kind.pattern)
        if kind.instead and (found := re.fullmatch(pattern, path)):
            return kind.instead.format(**found.groupdict())
    return path


def file_of(address: str) -> str:
    """The file that a web server gives for the path of an address in the site."""
    path = unquote(address)
    return f"{path}index.html" if path.endswith("/") or not path else path
