"""Drawing: from a specification to SVG and PNG, with a bounded store of what was drawn before.

The library that draws (vl-convert: Vega in a V8 of its own, with no browser and no network) is imported at the first chart.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
import threading
import zlib
from collections import OrderedDict
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.charts.chart import Chart
from warehouse.serve.portal.charts.lettering import fitted, unmeasured

#: Bytes of drawings that are kept, compressed: some five thousand charts.
KEPT_BYTES = 24_000_000
#: PNG is for print and slides.
PNG_SCALE = 2

#: In a file: room around the drawing, and how wide it is at least.
_EDGE, _LEAST_WIDTH = 18, 420

#: Numbers as Dutch writes them.
_LOCALE = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["€ ", ""], "minus": "−"}
#: What says nothing to who looks at the picture. It is one thing to a screen reader, so nothing in it has a role of its own.
_NEEDLESS = re.compile(
    r' (?:class|role|aria-roledescription|aria-hidden|font-family|pointer-events|stroke-miterlimit)="[^"]*"| opacity="1"'
    r'|<path class="(?:fore|back)ground"[^>]*/>'
    r'|<path(?![^>]* d=")[^>]*/>'
)
_PLACES = re.compile(r' (?:d|transform)="[^"]*"')
_LONG = re.compile(r"\d+\.\d{2,}")
_OPENING = re.compile(r"<svg [^>]*viewBox=\"([^\"]*)\"[^>]*>")


def inline(chart: Chart, name: str, keep: bool = True) -> dict[str, str]:
    """The SVG of every view of a chart, as it stands in a page: scales with its place, follows light and dark.

    :param name: is unique in the page. A screen reader is told the title, and by ``<name>-tekst`` what the chart says.
    :param keep: whether the drawing may be kept for others; not if it shows what is not for everyone.
    """
    found = {}
    for view in chart.views:
        drawn = svg(chart.spec(view), keep)
        shape = _OPENING.match(drawn)
        assert shape, drawn[:200]
        opening = (
            f'<svg class="grafiek-{view}" viewBox="{shape[1]}" role="img" '
            f'aria-label={quoteattr(chart.title)} aria-describedby="{name}-tekst">'
        )
        # What a point says is kept for the script of the page.
        inside = _slim(drawn[shape.end() :]).replace(' aria-label="', ' data-tekst="')
        found[view] = theme.adaptive(opening + inside)
    return found


def _slim(drawn: str) -> str:
    """The same picture in fewer bytes: places to a tenth of a unit, without what is not seen."""
    drawn = _NEEDLESS.sub("", drawn)
    return _PLACES.sub(lambda found: _LONG.sub(lambda number: f"{float(number[0]):.1f}", found[0]), drawn)


def svg_file(chart: Chart, keep: bool = True) -> str:
    """The picture as an SVG file, which says by itself what it shows and from where."""
    drawn = svg(chart.spec(), keep)
    shape = _OPENING.match(drawn)
    assert shape, drawn[:200]
    width, height = (float(size) for size in shape[1].split()[2:])
    width = max(width, _LEAST_WIDTH)
    measure, letters = chart.measure, int(width / 5.6)
    title = textwrap.wrap(chart.title, int(letters * 0.65))
    footer = [*textwrap.wrap(f"Bron: {measure.source}", letters), f"Uitgave {measure.release}"]
    top = _EDGE + 22 * len(title)
    whole = top + height + 12 + 15 * len(footer) + _EDGE
    ground, ink, soft = (theme.colour(name) for name in ("vlak", "tekst", "merk"))
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 2 * _EDGE:g}" height="{whole:g}" '
            f'viewBox="0 0 {width + 2 * _EDGE:g} {whole:g}" font-family="{theme.FONT}">',
            f"<title>{escape(chart.title)}</title><desc>{escape(chart.text)}</desc>",
            f'<rect width="100%" height="100%" fill="{ground}"/>',
            *_lines(title, _EDGE + 14, 22, f'font-size="17" font-weight="bold" fill="{ink}"'),
            f'<g transform="translate({_EDGE},{top})">',
            _slim(drawn[shape.end() :]).replace("</svg>", "</g>"),
            *_lines(footer, top + height + 24, 15, f'font-size="11" fill="{soft}"'),
            "</svg>\n",
        ]
    )


def _lines(lines: list[str], first: float, apart: int, look: str) -> list[str]:
    return [
        f'<text x="{_EDGE}" y="{first + apart * at:g}" {look}>{escape(said)}</text>' for at, said in enumerate(lines)
    ]


def png_file(chart: Chart, keep: bool = True) -> bytes:
    """The picture as a PNG file, twice the size in pixels that the SVG has."""
    import vl_convert

    return vl_convert.svg_to_png(svg_file(chart, keep), scale=PNG_SCALE)


def svg(spec: dict[str, Any], keep: bool = True) -> str:
    """A specification drawn; the same specification gives the same text."""
    name = key(spec)
    if (kept := _store.get(name)) is not None:
        return kept
    drawn = _drawn(spec)
    if keep:
        _store.put(name, drawn)
    return drawn


def key(spec: dict[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).digest()


def _drawn(spec: dict[str, Any]) -> str:
    """Vega-Lite's own work depends on the form of a chart alone, so it is done once per form, for whatever data and settings."""
    import vl_convert

    settings = {setting["name"]: setting["value"] for setting in spec["params"]}
    form = {name: part for name, part in spec.items() if name not in ("datasets", "params")}
    vega = json.loads(_compiled(json.dumps(form, sort_keys=True), tuple(settings), tuple(spec["datasets"])))
    for signal in vega.get("signals", []):
        if signal["name"] in settings:
            signal["value"] = settings[signal["name"]]
    for source in vega["data"]:
        if source["name"] in spec["datasets"]:
            source["values"] = spec["datasets"][source["name"]]
    return fitted(vl_convert.vega_to_svg(vega, allowed_base_urls=[], format_locale=_LOCALE))


@lru_cache(maxsize=256)
def _compiled(form: str, settings: tuple[str, ...], datasets: tuple[str, ...]) -> str:
    import vl_convert

    empty = {"params": [{"name": n, "value": 0} for n in settings], "datasets": {n: [] for n in datasets}}
    return json.dumps(unmeasured(vl_convert.vegalite_to_vega(json.loads(form) | empty)))


class _Store:
    """Texts by key, compressed, up to a number of bytes; what was asked for longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> str | None:
        with self._lock:
            if (found := self._kept.get(key)) is None:
                return None
            self._kept.move_to_end(key)
        return zlib.decompress(found).decode()

    def put(self, key: bytes, text: str) -> None:
        packed = zlib.compress(text.encode(), 3)
        with self._lock:
            self._size += len(packed) - len(self._kept.pop(key, b""))
            self._kept[key] = packed
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1])

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size


_store = _Store(KEPT_BYTES)
