"""The effect of declared policy choices on the figures of a release: nothing but the release is needed to redo it.

All indicators of all declared choices are questions that are asked at once, and share the accepted rate of wrong answers. The
examples, which are made up, are counted apart: they are no questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from ingest.sql import records
from warehouse.effects.effect import Effect, Question
from warehouse.effects.estimate import METHODS, estimates, fitting
from warehouse.effects.panel import shape
from warehouse.effects.rule import CANNOT_TELL, Answer
from warehouse.effects.together import together
from warehouse.registry.interventions import Expected, Intervention

#: Fewer proposed areas than this and only stedelijkheid must be the same, not the size class too.
_ENOUGH = 20
_NOT_FIRM = "%oorlopig%"


@dataclass(frozen=True)
class Asked:
    """One question by one method: a choice and one of its indicators, and its answer.

    :param comparison: how the areas beside it were chosen, in Dutch.
    :param notes: what else must be known, in Dutch.
    :param together: the one answer of this question over all its methods, the same for each of them.
    """

    intervention: Intervention
    indicator: Expected
    indicator_name: str
    unit: str
    comparison: str
    notes: tuple[str, ...]
    effect: Effect
    together: Answer

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know first: whether it is made up, what was said before, how the comparison was chosen."""
        one = self.intervention
        first = ["Dit is een verzonnen voorbeeld: deze keuze is nooit gemaakt."] if one.example else []
        if one.published:
            first.append(f"Eerder gepubliceerd: {one.published}")
        return (*first, f"Verwacht was: {self.indicator.direction}.", self.comparison, *self.notes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "intervention": self.intervention.id,
            "title": self.intervention.title,
            "region": self.intervention.region,
            "indicator": self.indicator.indicator,
            "unit": self.unit,
            "expected": self.indicator.direction,
            "example": self.intervention.example,
            "published": self.intervention.published,
            "declared_on": self.intervention.declared_on,
            "caveats": list(self.caveats),
            "together": {"answer": self.together.answer, "reason": self.together.reason},
            **self.effect.as_dict(),
        }


def answers(con: duckdb.DuckDBPyConnection, declared: Sequence[Intervention], name: str | None = None) -> list[Asked]:
    """The answer to every question about these choices: one by each method that it gets, the one that decides first.

    :param con: a release, open to be read.
    :param name: only about this one; the number of questions stays that of all.
    """
    real = sum(len(one.indicators) for one in declared if not one.example)
    made_up = sum(len(one.indicators) for one in declared if one.example)
    return [
        asked
        for one in declared
        if name in (None, one.id)
        for expected in one.indicators
        for asked in _answers(con, one, expected, made_up if one.example else real)
    ]


def _answers(con: duckdb.DuckDBPyConnection, one: Intervention, expected: Expected, questions: int) -> list[Asked]:
    [known] = records(
        con.execute(
            "select arg_max(name_nl, version) as name_nl, arg_max(unit, version) as unit, "
            "arg_max(struct_pack(why := not_comparable), version).why as not_comparable "
            "from core.indicator where indicator_id = ?",
            [expected.indicator],
        )
    )
    donors, comparison = _donors(con, one)
    rows = _series(con, expected.indicator, one.from_period[4:], [one.region, *donors])
    notes = [*one.disturbances, *(f"{out.region} vergelijkt niet mee: {out.why}." for out in one.excluded)]
    if known["not_comparable"]:
        notes.append(known["not_comparable"])
    if one.declared_on.year > int(one.from_period[:4]):
        notes.append(
            f"De vraag is vastgelegd op {one.declared_on:%d-%m-%Y}, toen cijfers van na de ingreep al bekend konden zijn."
        )
    effects = _estimates(rows, one, expected, questions)
    about = (known["name_nl"] or expected.indicator, known["unit"] or "", comparison, tuple(notes))
    return [Asked(one, expected, *about, effect, together(effects)) for effect in effects]


def _estimates(rows: list[dict[str, Any]], one: Intervention, expected: Expected, questions: int) -> list[Effect]:
    own = [row for row in rows if row["region_code"] == one.region]
    periods = sorted(row["period_code"] for row in own if row["value"] is not None)
    why = ""
    if not periods:
        why = "er is geen enkel cijfer van het gebied"
    elif periods[0] >= one.from_period:
        why = f"de reeks begint in {periods[0][:4]}, en niet vóór de ingreep ({one.from_period[:4]})"
    elif periods[-1] < one.from_period:
        why = f"er is nog geen cijfer vanaf de ingreep ({one.from_period[:4]}); het laatste is van {periods[-1][:4]}"
    if why:
        donors = len({row["region_code"] for row in rows} - {one.region})
        return [_refusal(why, one, questions, key) for key in fitting(donors)]
    first, last = periods[0], periods[-1]
    rows = [row for row in rows if first <= row["period_code"] <= last]
    broken = {row["region_code"] for row in rows if row["series_break"] and row["period_code"] > first} - {one.region}
    panel = shape(
        [(r["region_code"], r["period_code"], r["value"]) for r in rows if r["region_code"] not in broken],
        one.region,
        min(period for period in {row["period_code"] for row in rows} if period >= one.from_period),
        provisional=[row["period_code"] for row in own if row["is_provisional"]],
    )
    left_out = [f"Niet vergeleken, omdat hun reeks of grens veranderde: {', '.join(sorted(broken))}"] if broken else []
    after = [row for row in own if row["period_code"] >= one.from_period and row["margin"] is not None]
    question = Question(
        breaks={
            row["period_code"]: row["series_break"] for row in own if row["series_break"] and row["period_code"] > first
        },
        also_treated=one.also_treated,
        relevant=expected.relevant,
        margin=sum(row["margin"] for row in after) / len(after) if after else 0.0,
        questions=questions,
    )
    return estimates(replace(panel, left_out=(*panel.left_out, *left_out)), question)


def _refusal(why: str, one: Intervention, questions: int, key: str) -> Effect:
    method = METHODS[key]
    return Effect(CANNOT_TELL, why, method.name, method.assumes, one.region, one.from_period, questions, ())


def _series(con: duckdb.DuckDBPyConnection, indicator: str, kind: str, regions: Iterable[str]) -> list[dict[str, Any]]:
    """The figures of these regions by year; ``margin`` is half the width that the source gives."""
    return list(
        records(
            con.execute(
                "select region_code, period_code, value, series_break, (upper_bound - lower_bound) / 2 as margin, "
                "coalesce(period_status like $firm, false) as is_provisional from core.indicator_value "
                "where indicator_id = $indicator and list_contains($regions, region_code) and period_code[5:] = $kind "
                "order by region_code, period_code",
                {"indicator": indicator, "kind": kind, "regions": list(regions), "firm": _NOT_FIRM},
            )
        )
    )


def _donors(con: duckdb.DuckDBPyConnection, one: Intervention) -> tuple[list[str], str]:
    """The areas to compare with, and how they were chosen."""
    own = {one.region, *_members(con, [one.region])}
    gone = own | {out.region for out in one.excluded} | set(one.also_treated)
    if one.compare_with:
        named = {code for code in one.compare_with if not _members(con, [code])}
        chosen = named | _members(con, one.compare_with)
        return sorted(chosen - gone), f"Vergeleken met wat is aangewezen: {', '.join(one.compare_with)}."
    alike = {}
    for kind in ("stedelijkheid", "grootteklasse"):
        groups = con.execute(
            "select distinct group_code from core.region_group where group_type = ? and list_contains(?, region_code) "
            "and valid_to is null",
            [kind, sorted(own)],
        ).fetchall()
        alike[kind] = _members(con, [code for (code,) in groups]) - gone
    both = alike["stedelijkheid"] & alike["grootteklasse"]
    if len(both) >= _ENOUGH:
        return sorted(both), "Voorgesteld: gemeenten van dezelfde stedelijkheid en grootteklasse."
    if alike["stedelijkheid"]:
        return sorted(alike["stedelijkheid"]), "Voorgesteld: gemeenten van dezelfde stedelijkheid."
    everything = con.execute("select region_code from core.region where region_type = 'gemeente'").fetchall()
    return sorted(
        {code for (code,) in everything} - gone
    ), "Voorgesteld: alle gemeenten; van dit gebied is geen klasse bekend."


def _members(con: duckdb.DuckDBPyConnection, groups: Iterable[str]) -> set[str]:
    found = con.execute(
        "select distinct region_code from core.region_group where list_contains(?, group_code) and valid_to is null",
        [list(groups)],
    )
    return {code for (code,) in found.fetchall()}
