"""A page as a test reads it: parsed, not searched as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Elements that have no end.
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Shown:
    """A figure on a page: its key, the value that it carries, and the text that is read."""

    key: tuple[str, str, str]
    value: float
    text: str


@dataclass
class Read(HTMLParser):
    """:param missing: what stands for figures that are not there: where each leads to, and what is said of it."""

    html: str
    figures: list[Shown] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headings: list[tuple[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    title: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(self.html)
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert len(attributes) == len(attrs), (tag, attrs)
        if tag not in VOID:
            self._open.append((tag, attributes))
        if identifier := attributes.get("id"):
            self.ids.append(identifier)
        # What a reader may follow to elsewhere says so; nothing is loaded from there.
        elsewhere = self.away if tag == "a" and "external" in attributes.get("rel", "") else self.links
        elsewhere += [attributes[name] for name in ("href", "src", "action") if name in attributes]
        if tag == "html":
            self.language = attributes.get("lang", "")
        if tag == "data":
            indicator, area, period = attributes["data-figure"].split("|")
            self.figures.append(Shown((indicator, area, period), float(attributes["value"]), ""))
        if tag == "a" and "missing" in attributes.get("class", ""):
            self.missing.append((attributes["href"], attributes["title"]))
        if tag in ("h1", "h2", "h3"):
            self.headings.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag, f"{tag} closes {opened}"

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        if not tags or tags[-1] in ("style", "script"):
            return
        self.texts.append(data)
        if tags[-1] == "data":
            self.figures[-1].text += data
        if tags[-1] == "title":
            self.title += data
        if self.headings and tags[-1] == self.headings[-1][0]:
            self.headings[-1] = (tags[-1], self.headings[-1][1] + data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def sound(html: str) -> Read:
    """A page that has what every page must have."""
    page = Read(html)
    assert page.language == "nl" and page.title.strip()
    assert [tag for tag, _ in page.headings].count("h1") == 1
    assert len(page.ids) == len(set(page.ids)), sorted(i for i in page.ids if page.ids.count(i) > 1)
    assert not [link for link in page.links if link.startswith(("http:", "https:", "//"))]
    assert " style=" not in html and "<style" not in html and " onclick" not in html
    return page
