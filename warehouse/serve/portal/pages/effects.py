"""Policy choices: which there are with their answers; and of one the question, the answer, what it rests on, and how to redo it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from warehouse.effects.asked import Asked
from warehouse.effects.effect import Effect
from warehouse.effects.words import caveats, figures
from warehouse.serve.portal.charts.of_effect import COUNTS, NAMES, charts
from warehouse.serve.portal.page import Address, Asking, Kind, Links, Page
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words
from warehouse.serve.problem import Fault, Problem


def index(view: View, _: Asking, links: Links) -> Page:
    return Page(
        title=words().effects.title,
        description=words().effects.lead,
        content={
            "choices": by_choice(view.effects),
            "downloads": _tables(links),
            "permalink": links.here("/effecten", uitgave=view.release_id),
        },
    )


def by_choice(asked: Iterable[Asked]) -> list[list[Asked]]:
    """The questions of each choice."""
    found: dict[str, list[Asked]] = {}
    for one in asked:
        found.setdefault(one.intervention.id, []).append(one)
    return list(found.values())


def make(view: View, asking: Asking, links: Links) -> Page:
    name = asking.path["keuze"]
    questions = [one for one in view.effects if one.intervention.id == name]
    if not questions:
        raise Problem(404, f"Er is geen beleidskeuze {name} in deze uitgave.")
    asked, effect = questions[0], questions[0].effect
    if indicator := asking.one("cijfer"):
        asked = next((one for one in questions if one.indicator.indicator == indicator), asked)
        if asked.indicator.indicator != indicator:
            raise Problem(
                404, f"Bij deze keuze hoort geen vraag over {indicator}.", [Fault("query", "cijfer", "is er niet")]
            )
        effect = asked.effect
    one = asked.intervention
    return Page(
        title=one.title,
        description=one.what,
        crumbs=[(words().effects.title, links.to("/effecten"))],
        charts=charts(view, asked, effect),
        content={
            "one": one,
            "questions": questions,
            "asked": asked,
            "effect": effect,
            "others": asked.effects[1:],
            "caveats": [*asked.caveats, *caveats(effect)],
            "figures": figures(effect),
            "area": view.areas.get(one.region),
            "indicator": view.indicators.get(asked.indicator.indicator),
            "donors": _donors(view, effect),
            "placebos": _placebos(view, effect),
            "state": {"cijfer": asking.one("cijfer")},
            "downloads": _tables(links),
            "panel": _panel(view, links, asked, effect),
            "script": _script(view, links, asked, effect),
            "permalink": links.here(f"/effect/{name}", cijfer=asking.one("cijfer"), uitgave=view.release_id),
        },
    )


def _donors(view: View, effect: Effect) -> list[tuple[str, str, float]]:
    """Code, name and share of the areas that count, the largest first."""
    counting = [(code, share) for code, share in effect.weights.items() if share >= COUNTS]
    return [(code, _named(view, code), share) for code, share in sorted(counting, key=lambda item: (-item[1], item[0]))]


def _placebos(view: View, effect: Effect) -> list[tuple[str, dict[str, Any]]]:
    """Name of each other area, and what was found as if the choice was made there; what differs most first."""
    found = (effect.placebo.get("in_space") or {}).get("donors", {})
    return [(_named(view, code), said) for code, said in sorted(found.items(), key=lambda item: -item[1]["ratio"])]


def _named(view: View, code: str) -> str:
    return view.areas[code].name if code in view.areas else code


def _tables(links: Links) -> list[tuple[str, str | None]]:
    """What the release has of all choices, as files."""
    return [
        (f"{title} ({form})", links.file(f"/v1/tabellen/{table}", formaat=fmt))
        for table, title in (("policy_effect", words().effects.answers), ("policy_effect_path", words().effects.path))
        for fmt, form in (("csv", "CSV"), ("parquet", "Parquet"))
    ]


def _panel(view: View, links: Links, asked: Asked, effect: Effect) -> str | None:
    """The address of the figures that the answer was worked out from, as CSV; None where questions are not answered."""
    areas = [asked.intervention.region, *effect.weights]
    periods = [point["period"] for point in effect.path]
    if not periods:
        return None
    return links.file(
        "/v1/waarnemingen", indicator=asked.indicator.indicator, gebied=areas, periode=periods, formaat="csv"
    )


def _script(view: View, links: Links, asked: Asked, effect: Effect) -> list[str]:
    """The commands by which anyone works the answer out again from the figures of the release."""
    if not effect.path:
        return [f"rdc effect {asked.intervention.id} --as-of {view.release_id}"]
    one, name = asked.intervention, asked.indicator.indicator
    areas = ", ".join(f"'{code}'" for code in [one.region, *effect.weights])
    first, last = effect.path[0]["period"], effect.path[-1]["period"]
    query = (
        f"select region_code, period_code, value from core.indicator_value where indicator_id = '{name}' "
        f"and region_code in ({areas}) and period_code between '{first}' and '{last}' and period_code[5:] = '{first[4:]}' order by all"
    )
    after = [
        f for f in view.figures([name], [one.region]) if effect.start <= f.period <= last and f.period[4:] == first[4:]
    ]
    margins = [(f.upper - f.lower) / 2 for f in after if f.lower is not None and f.upper is not None]
    more = [f"--relevant {asked.indicator.relevant!r}"] if asked.indicator.relevant else []
    more += [f"--margin {sum(margins) / len(margins)!r}"] if margins else []
    more += [f"--provisional {f.period}" for f in after if f.mark]
    return [
        f'rdc query --as-of {view.release_id} --format csv "{query}" > paneel.csv',
        " ".join(
            [
                "rdc effect estimate --data paneel.csv --unit region_code --time period_code --outcome value",
                *(f"--treated {one.region} --from {effect.start} --questions {effect.questions}", *more),
            ]
        ),
    ]


def _addresses(view: View) -> Iterable[Address]:
    """Each choice, and each of its questions where it has more."""
    for questions in by_choice(view.effects):
        path = {"keuze": questions[0].intervention.id}
        yield Address(path)
        for asked in questions[1:]:
            yield Address(path, {"cijfer": asked.indicator.indicator})


KINDS = [
    Kind("effects", "/effecten", index, place="menu"),
    Kind(
        "effect",
        "/effect/{keuze}",
        make,
        state=("cijfer",),
        addresses=_addresses,
        charts=NAMES,
    ),
]
