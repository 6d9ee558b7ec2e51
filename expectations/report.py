"""The quality report: one HTML file in Dutch that stands on its own, for whoever wants to know how a release was judged.

No script, no font, no picture from elsewhere: it opens in ten years, and from a mail. An outcome is a word, never only a
colour (WCAG 2.1, 1.4.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expectations.result import CheckResult

_SUITES = {
    "snapshot": ("Leveringen", "Elke levering van een bron, zoals zij binnenkwam."),
    "dbt": ("dbt-tests", "Sleutels, verwijzingen en rekenregels van de modellen."),
    "core": ("Gedeelde tabellen (core)", "Waarnemingen, indicatoren, regio's en geschiedenis."),
    "mart": ("Indicatorentabellen (mart)", "De tabellen die partners ophalen."),
}
_SEVERITY = {"critical": "kritiek", "warning": "waarschuwing", "info": "ter informatie"}
_ORIGIN = {"live": "vers van de bron", "last_good": "laatste goede levering", "sample": "meegeleverd voorbeeld"}

_PAGE = """<!doctype html>
<html lang="nl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} {{ facts.release_id }}</title>
<style>
:root { --ink: #1d2b32; --line: #c9d3d7; --soft: #f3f6f7; --bad: #9d1c1c; --mind: #7a4d00; --good: #1c5f3b; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; font-size: .93rem; }
caption { text-align: left; font-weight: 600; padding: .6rem 0 .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
thead th { background: var(--soft); } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.word { font-weight: 600; white-space: nowrap; }
.bad { color: var(--bad); } .mind { color: var(--mind); } .good { color: var(--good); }
.sum { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none; }
.sum li { background: var(--soft); border-left: 4px solid var(--line); padding: .6rem 1rem; }
.sum b { display: block; font-size: 1.5rem; }
summary { cursor: pointer; font-weight: 600; padding: .4rem 0; }
@media print { details > * { display: block; } body { margin: 0; max-width: none; } }
</style>
</head>
<body>
<header>
<h1>{{ title }}</h1>
<p>Rural Data Center Kempen, release <strong>{{ facts.release_id }}</strong>, {{ facts.date }}</p>
</header>
<main>
<ul class="sum">
<li><b>{{ results | length }}</b> controles</li>
<li><b class="good">{{ passed }}</b> geslaagd</li>
<li><b class="bad">{{ count.critical }}</b> kritiek en niet geslaagd</li>
<li><b class="mind">{{ count.warning }}</b> waarschuwingen</li>
</ul>
<p>{% if count.critical %}Een kritieke controle is niet geslaagd. De vorige release blijft staan.{% else %}Geen enkele kritieke
controle is mislukt.{% endif %} Een waarschuwing houdt een release niet tegen, maar verdient een blik.</p>

<h2 id="aandacht">Wat aandacht vraagt</h2>
{% if failed %}
<table>
<caption>Niet geslaagde controles, de zwaarste eerst</caption>
<thead><tr><th scope="col">Gewicht</th><th scope="col">Waar</th><th scope="col">Wat moet gelden</th>
<th scope="col">Wat gevonden is</th></tr></thead>
<tbody>
{% for r in failed %}<tr><td class="word {{ 'bad' if r.severity == 'critical' else 'mind' }}">{{ severity[r.severity] }}</td>
<th scope="row">{{ r.subject }}</th><td>{{ r.description }}</td><td>{{ r.observed }}</td></tr>
{% endfor %}</tbody>
</table>
{% else %}<p>Niets.</p>{% endif %}

<h2 id="bronnen">Bronnen van deze release</h2>
<table>
<caption>Per brontabel de herkomst</caption>
<thead><tr><th scope="col">Tabel</th><th scope="col">Titel</th><th scope="col">Herkomst</th><th scope="col">Opgehaald</th>
<th scope="col">Gewijzigd bij de bron</th><th scope="col">Opmerking</th></tr></thead>
<tbody>
{% for t in facts.tables %}<tr><th scope="row">{{ t.table_id }}</th><td>{{ t.title }}</td>
<td class="word {{ 'good' if t.origin == 'live' else 'mind' }}">{{ origin.get(t.origin, t.origin) }}</td>
<td>{{ t.fetched_at }}</td><td>{{ t.modified }}</td><td>{{ t.note or '' }}</td></tr>
{% endfor %}</tbody>
</table>

{% for suite, subjects in suites %}
<h2 id="{{ suite }}">{{ names.get(suite, (suite, ''))[0] }}</h2>
<p>{{ names.get(suite, (suite, ''))[1] }}</p>
{% for subject, items in subjects %}
<details{% if items | rejectattr('success') | list %} open{% endif %}>
<summary>{{ subject }}: {{ items | selectattr('success') | list | length }} van {{ items | length }} geslaagd</summary>
<table>
<caption>Controles van {{ subject }}</caption>
<thead><tr><th scope="col">Uitkomst</th><th scope="col">Controle</th><th scope="col">Wat moet gelden</th>
<th scope="col">Wat gevonden is</th></tr></thead>
<tbody>
{% for r in items %}<tr>
<td class="word {{ 'good' if r.success else ('bad' if r.severity == 'critical' else 'mind') }}">
{{ 'geslaagd' if r.success else severity[r.severity] }}</td>
<th scope="row">{{ r.check }}</th><td>{{ r.description }}</td><td>{{ r.observed }}</td></tr>
{% endfor %}</tbody>
</table>
</details>
{% endfor %}
{% endfor %}
</main>
<footer><p>Bron van de cijfers: CBS, tenzij anders vermeld; bewerking Rural Data Center Kempen. Deze uitkomsten staan ook in de tabel
core.check_result van de release.</p></footer>
</body>
</html>
"""


def render(results: Sequence[CheckResult], title: str, facts: Mapping[str, Any]) -> str:
    """The report as HTML.

    :param facts: ``release_id``, ``date`` and ``tables``: per source table ``table_id``, ``title``, ``origin``,
        ``fetched_at``, ``modified`` and ``note``.
    """
    from jinja2 import Environment

    order = list(_SEVERITY)
    failed = sorted((r for r in results if not r.success), key=lambda r: (order.index(r.severity), r.suite, r.subject))
    suites: dict[str, dict[str, list[CheckResult]]] = {}
    for result in results:
        suites.setdefault(result.suite, {}).setdefault(result.subject, []).append(result)
    known = [s for s in _SUITES if s in suites]
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(_PAGE)
        .render(
            title=title,
            facts=facts,
            results=results,
            failed=failed,
            passed=sum(r.success for r in results),
            count={s: sum(r.severity == s for r in failed) for s in order},
            suites=[(s, suites[s].items()) for s in (*known, *(s for s in suites if s not in known))],
            names=_SUITES,
            severity=_SEVERITY,
            origin=_ORIGIN,
        )
    )
