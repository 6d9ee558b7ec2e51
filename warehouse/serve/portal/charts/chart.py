"""A chart: its specification, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from warehouse.serve.portal import dutch
from warehouse.serve.portal.charts import theme
from warehouse.serve.portal.figures import Figure

#: The version of Vega-Lite that the specifications are written for.
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Measure:
    """What the figures of a chart are of.

    :param decimals: with how many a figure is told.
    :param source: the source as it is to be named, and ``release`` from which the figures are.
    """

    name: str
    unit: str
    decimals: int
    source: str
    release: str

    def number(self, figure: Figure) -> str:
        """A figure with its unit."""
        return self.amount(figure.value)

    def amount(self, value: float | None) -> str:
        """A value with the unit of the figures."""
        unit = {"%": "%", "aantal": ""}.get(self.unit, f" {self.unit}")
        return f"{dutch.number(value, self.decimals)}{unit}"

    def told(self, figure: Figure) -> str:
        """A figure in words: ``1.234 m³ (voorlopig)``, or why there is none."""
        if figure.value is None:
            return f"geen cijfer ({figure.why})"
        said = self.number(figure)
        if figure.lower is not None and figure.upper is not None:
            lower, upper = (dutch.number(bound, self.decimals) for bound in (figure.lower, figure.upper))
            said += f", marge {lower} tot {upper}"
        return said + (f" ({status(figure)})" if status(figure) else "")


@dataclass(frozen=True)
class Chart:
    """A chart that is ready to be drawn.

    :param kind: ``line``, ``ranking``, ``ages`` or ``map``.
    :param title: what it shows, with the unit; it stands above the chart, on a page and in a file.
    :param text: what the picture says, in sentences.
    :param views: Vega-Lite without its data, for a ``wide`` and a ``narrow`` place, or ``wide`` alone where it fits both.
    :param settings: numbers that the views name: where scales begin and end, and where they are marked.
    :param values: the rows that are drawn, by the name that the layers give them; of a view as ``<view>:<name>`` where it
        has its own.
    """

    kind: str
    title: str
    text: str
    measure: Measure
    views: dict[str, dict[str, Any]]
    settings: dict[str, float | list[float]]
    values: dict[str, Rows]

    def spec(self, view: str = "wide") -> dict[str, Any]:
        """The whole specification, with its data."""
        rows = {name: found for name, found in self.values.items() if ":" not in name}
        own = {name.split(":")[1]: found for name, found in self.values.items() if name.startswith(f"{view}:")}
        settings = {n: v for n, v in self.settings.items() if ":" not in n}
        settings |= {n.split(":")[1]: v for n, v in self.settings.items() if n.startswith(f"{view}:")}
        return {
            "$schema": SCHEMA,
            "config": theme.config(),
            "params": [{"name": name, "value": value} for name, value in settings.items()],
            **self.views[view],
            "datasets": rows | own,
        }


def setting(name: str) -> dict[str, str]:
    """Stands in a view for one of the chart's settings."""
    return {"expr": name}


def status(figure: Figure) -> str:
    """``voorlopig``, ``nader voorlopig``, or nothing for a figure that is final."""
    return {"*": "voorlopig", "**": "nader voorlopig"}.get(figure.mark, "")


def shortened(name: str, letters: int) -> str:
    """A name of at most so many letters."""
    return name if len(name) <= letters else f"{name[: letters - 1].rstrip()}…"
