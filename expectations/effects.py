"""What must hold of the answers on policy choices. They never keep a release of figures back, so all of it is a warning.

These tables are made once dbt is done, so their keys and words are asked here and not by a test of dbt.
"""

from __future__ import annotations

from dataclasses import replace

from expectations.check import Check, Subject, not_empty, rows, shown
from ingest.sql import literals

ANSWERS = ("effect gezien", "geen effect gezien", "niet te zeggen")
PARTS = ("fit", "between", "after")
#: How far observed minus counterfactual may be off the gap, as a share of the figure: rounding.
_ROUNDING = 1e-8

_ROW = "concat_ws(' ', intervention_id, indicator_id, method)"
_ANSWER = ("antwoord", "antwoorden")
_POINT = ("punt", "punten")


def subjects() -> list[Subject]:
    return [
        Subject("mart", "mart.policy_effect", "mart", "policy_effect", _effect()),
        Subject("mart", "mart.policy_effect_path", "mart", "policy_effect_path", _path()),
    ]


def _warning(name: str, description: str, query: str, noun: tuple[str, str], column: str | None = None) -> Check:
    return rows(name, description, query, severity="warning", column=column, noun=noun)


def _effect() -> list[Check]:
    return [
        replace(not_empty("De tabel is er.", least=0), severity="warning"),
        _warning(
            "one_per_method",
            "Van elke keuze is er per cijfer en methode één antwoord.",
            f"select {_ROW} as example from audited group by all having count(*) > 1 or {_ROW} is null",
            _ANSWER,
        ),
        _warning(
            "every_question_answered",
            "Op elke vraag is er één antwoord dat telt.",
            "select concat_ws(' ', asked.intervention_id, asked.indicator_id) as example "
            "from (select intervention_id, unnest(indicators).indicator as indicator_id from core.intervention) as asked "
            "left join audited on audited.intervention_id = asked.intervention_id "
            "and audited.indicator_id = asked.indicator_id and audited.is_main "
            "group by asked.intervention_id, asked.indicator_id having count(audited.answer) <> 1",
            ("vraag", "vragen"),
        ),
        _warning(
            "answer_known",
            "Een antwoord is een van de drie, met de reden.",
            f"select {_ROW} as example from audited where not coalesce(answer in {literals(ANSWERS)} "
            f"and overall_answer in {literals(ANSWERS)} and trim(reason) <> '' and trim(overall_reason) <> '', false)",
            _ANSWER,
            "answer",
        ),
        _warning(
            "never_a_bare_number",
            "Bij een schatting horen het interval, de plaats tussen andere gebieden of waarom die er niet is, en de afwijking ervoor; "
            "bij een effect dat gezien is hoort een schatting.",
            f"select {_ROW} as example from audited where case when estimate is null "
            "then answer <> 'niet te zeggen' or interval_low is not null else "
            "not isfinite(estimate) or interval_low is null or interval_high is null or fit_rmspe is null "
            "or estimate not between interval_low and interval_high end",
            _ANSWER,
            "estimate",
        ),
        _warning(
            "rank_within_areas",
            "Een plaats ligt tussen 1 en het aantal gebieden.",
            f"select {_ROW} as example from audited where placebo_rank < 1 or placebo_rank > placebo_of",
            _ANSWER,
            "placebo_rank",
        ),
        _warning(
            "worked_out",
            "Geen berekening brak af.",
            f"select concat({_ROW}, ': ', reason) as example from audited where made_from = ''",
            _ANSWER,
        ),
    ]


def _path() -> list[Check]:
    point = "concat_ws(' ', intervention_id, indicator_id, method, period_code)"
    return [
        replace(not_empty("De tabel is er.", least=0), severity="warning"),
        _warning(
            "one_per_period",
            "Van elk antwoord is er per periode één punt.",
            f"select {point} as example from audited group by all having count(*) > 1 or {point} is null",
            _POINT,
        ),
        _warning(
            "part_known",
            "Een punt ligt voor de ingreep, ertussen of erna.",
            f"select {point} as example from audited where part is null or part not in {literals(PARTS)}",
            _POINT,
            "part",
        ),
        _warning(
            "gap_is_difference",
            "Het verschil is het cijfer min wat te verwachten was.",
            f"select concat({point}, ': ', {shown('gap')}) as example from audited "
            f"where not coalesce(abs(observed - counterfactual - gap) <= {_ROUNDING} * greatest(1, abs(observed)), false)",
            _POINT,
            "gap",
        ),
        _warning(
            "observed_is_the_figure",
            "Wat gebeurde, is het cijfer van core.indicator_value.",
            f"select concat({point}, ': ', {shown('observed')}, ' in plaats van ', {shown('value')}) as example "
            "from audited left join (select indicator_id, region_code, period_code, value from core.indicator_value) "
            "using (indicator_id, region_code, period_code) where observed is distinct from value",
            _POINT,
            "observed",
        ),
        _warning(
            "path_of_an_estimate",
            "Een schatting heeft een verloop van ervoor en van erna, en zonder schatting is er geen.",
            "select concat_ws(' ', effect.intervention_id, effect.indicator_id, effect.method) as example "
            "from mart.policy_effect as effect left join audited using (intervention_id, indicator_id, method) "
            "group by effect.intervention_id, effect.indicator_id, effect.method having any_value(effect.estimate) is null "
            "and count(audited.period_code) > 0 or any_value(effect.estimate) is not null and not coalesce("
            "bool_or(audited.part = 'fit') and bool_or(audited.part = 'after'), false)",
            _ANSWER,
        ),
    ]
