"""What a page is, and how pages are addressed.

A kind of page is registered once, in :mod:`warehouse.serve.portal.pages`. The service routes by its pattern, the static site and the
sitemap write what :attr:`Kind.addresses` lists, and the tests walk the same list.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from warehouse.serve.portal.assets import fingerprint
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.view import View

#: The feed of releases, and the search index of the static site.
FEED, INDEX = "uitgaven.atom", "zoeken.json"


@dataclass(frozen=True)
class Asking:
    """What a page is asked for.

    :param path: the values of the pattern's names; ``state`` those of the parameters, each with all that was given.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """The last value of a parameter; None where it is absent or empty, as a form sends a choice that was not made."""
        values = [v for v in self.state.get(name, []) if v]
        return values[-1] if values else None

    def all(self, name: str) -> list[str]:
        return [v for v in self.state.get(name, []) if v]


@dataclass(frozen=True)
class Address:
    """A page that a release has, of some kind: what the static site writes and the sitemap lists."""

    path: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Page:
    """What a template gets.

    :param title: of the window and, unless ``heading`` says otherwise, above the page.
    :param crumbs: title and address of what it lies under, the home page not among them.
    :param content: the rest, by name.
    :param charts: its charts, by a name that its kind has (:attr:`Kind.charts`).
    """

    title: str
    content: dict[str, Any]
    description: str = ""
    crumbs: list[tuple[str, str]] = field(default_factory=list)
    heading: str | None = None
    charts: dict[str, Chart] = field(default_factory=dict)


def _only(_: View) -> list[Address]:
    return [Address()]


@dataclass(frozen=True)
class Kind:
    """A kind of page.

    :param name: its texts are under this name in ``words.yml``, and its template is ``<name>.html`` unless ``template`` is another.
    :param pattern: its path, with names in braces.
    :param make: what it says of a release. :raises Problem: there is no such page.
    :param state: the parameters that it knows.
    :param addresses: those that a release has; none for a page that only answers to a question.
    :param charts: the names of the charts that such a page can have, in braces where they follow from what it tells: each is also a
        file, and stands by itself in another site.
    :param instead: where to look in the static site for a page of this kind that it does not have.
    :param listed: whether a search engine is told of these pages.
    :param place: where the frame leads to it: ``menu``, ``foot``, or nowhere.
    """

    name: str
    pattern: str
    make: Callable[[View, Asking, Links], Page]
    state: tuple[str, ...] = ()
    addresses: Callable[[View], Iterable[Address]] = _only
    place: str = ""
    charts: tuple[str, ...] = ()
    template: str = ""
    instead: str | None = None
    listed: bool = True

    def path(self, address: Address) -> str:
        """The path of a page, its values quoted."""
        return self.pattern.format(**{name: quote(value, safe="") for name, value in address.path.items()})

    def picture(self, path: str, chart: str, form: str) -> str:
        """Where a chart of the page at this path lies as a file: ``svg`` or ``png``."""
        return f"{path.rstrip('/')}/grafiek/{chart}.{form}"

    def embed(self, path: str, chart: str) -> str:
        """Where a chart of the page at this path is to be had for another website's frame."""
        return f"/embed{path.rstrip('/')}/{chart}"

    @property
    def names(self) -> list[str]:
        return [name for _, name, _, _ in string.Formatter().parse(self.pattern) if name]


class Links(Protocol):
    """How pages write addresses. The service has its own way, and the static site another: it has only pages that lie there as files."""

    def to(self, path: str, **state: str | int | Iterable[str] | None) -> str:
        """The address of a page, in this state; a value that is None is left out. A path comes with its values quoted."""

    def file(self, path: str, **parameters: str | Iterable[str] | None) -> str | None:
        """The address of something of the API or of the release's files (``/v1/…``); None where it is not to be had."""

    def picture(self, path: str, **state: str | int | Iterable[str] | None) -> str | None:
        """The address of a chart as a file, or of one for another site's frame; None where it is not to be had."""

    def style(self, name: str) -> str:
        """The address of a style sheet or script."""

    def here(self, path: str, **state: str | int | Iterable[str] | None) -> str:
        """The whole address of a page, with scheme and host where these are known: to print, or to send to someone."""

    def data(self, theme: str) -> str | None:
        """The whole address of a theme's table as a Parquet file of the release; None where it is not to be had."""

    @property
    def index(self) -> str | None:
        """The address of the search index, where pages are files; None where questions are answered."""

    @property
    def feed(self) -> str | None:
        """The address of the feed of releases; None where there is none."""

    @property
    def answers(self) -> bool:
        """Whether questions are answered (forms, filters); files do not answer."""


def query(state: Mapping[str, str | int | Iterable[str] | None]) -> str:
    """A state as it stands behind a path: ``?gebied=GM0770&van=2015``; empty if there is none."""
    pairs = [
        (name, str(value))
        for name, given in state.items()
        if given is not None
        for value in ([given] if isinstance(given, str | int) else given)
    ]
    return "?" + urlencode(pairs) if pairs else ""


@dataclass(frozen=True)
class ServiceLinks:
    """Addresses of the service.

    :param root: scheme and host by which the asker came.
    :param pinned: the release that was asked for by name: every page that is reached from here is of the same.
    """

    root: str
    release: str
    pinned: str | None = None
    answers: bool = True
    feed: str | None = f"/{FEED}"
    index: str | None = None

    def to(self, path: str, **state: str | int | Iterable[str] | None) -> str:
        return path + query({"uitgave": self.pinned, **state})

    def file(self, path: str, **parameters: str | Iterable[str] | None) -> str | None:
        release = None if path.startswith("/v1/releases") else self.pinned
        return path + query({"release": release, **parameters})

    def data(self, theme: str) -> str | None:
        return f"{self.root}/v1/releases/{self.pinned or 'actueel'}/bestanden/tables/{theme}.parquet"

    def picture(self, path: str, **state: str | int | Iterable[str] | None) -> str | None:
        return self.to(path, **state)

    def style(self, name: str) -> str:
        return f"/stijl/{fingerprint(name)}/{name}"

    def here(self, path: str, **state: str | int | Iterable[str] | None) -> str:
        return self.root + path + query({"uitgave": self.pinned, **state})
