"""What a policy choice did: ``rdc effect``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingest.words import did_you_mean
from orchestration import show
from orchestration.command.friendly import friendly, json_option, level_option

if TYPE_CHECKING:
    from warehouse.effects.asked import Asked
    from warehouse.effects.effect import Effect
    from warehouse.reading.reader import Reader


class _Named(click.Group):
    """A group whose first word may be the name of an intervention; without any word it tells of all."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Named)
def effect() -> None:
    """What a policy choice did: effect seen, no effect seen, or not to be told, with the reason.

    `rdc effect` tells of all declared choices, `rdc effect ID` of one; `rdc effect estimate` works on a file of your own.
    """


@effect.command("show", hidden=True)
@click.argument("name", metavar="ID", required=False)
@click.option("--as-of", metavar="RELEASE", help="As an earlier release had it.")
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg|FILE.png",
    help="Draw what happened beside what was to be expected; of a choice with more indicators a file for each.",
)
@json_option
@level_option
@friendly
def show_declared(name: str | None, as_of: str | None, chart: Path | None, as_json: bool, level: str) -> None:
    """The declared choices, as a release tells of them."""
    if chart and (name is None or chart.suffix not in (".svg", ".png")):
        raise click.UsageError("--chart goes with the ID of a choice, and takes a file that ends in .svg or .png")
    from ingest.settings import Settings
    from warehouse.reading.effects import answers
    from warehouse.reading.reader import NotThereError, reading
    from warehouse.releases.release import Releases

    with reading(Releases(Settings.from_env().releases(level)), as_of) as reader:
        found, release = answers(reader.published), reader.release.release_id
        drawn = _drawn(reader, [one for one in found if one.intervention.id == name], chart) if chart else []
    there = list(dict.fromkeys(one.intervention.id for one in found))
    if name and name not in there:
        raise NotThereError(
            f"There is no intervention {name!r} in release {release}.{did_you_mean(name, there)} There are: "
            f"{', '.join(there) or 'none'}. docs/effecten.md says how to declare one; the next `rdc run` works it out."
        )
    found = [one for one in found if name in (None, one.intervention.id)]
    for line in drawn:
        show.note(line)
    if as_json:
        show.as_json([row | {"release": release} for one in found for row in one.as_dict()])
        return
    if name is None:
        rows = [(one.intervention.id, one.intervention.title, one.indicator_name, one.answer.answer) for one in found]
        show.table(f"Uitgave {release}", ["keuze", "titel", "cijfer", "antwoord"], rows)
        show.note("`rdc effect ID` tells of one with its reason and caveats.")
        return
    for one in found:
        title = one.intervention.title
        show.line(f"{title} — {one.indicator_name}, {one.unit} (uitgave {release})", strong=title)
        said = one.answer.answer[0].upper() + one.answer.answer[1:]
        show.line(f"{said}: {one.answer.reason}.", strong=said)
        show.line("")
        for line in one.caveats:
            show.line(f"- {line}")
        for effect in one.effects:
            show.line("")
            show.line(f"Volgens {effect.method}.")
            tell(effect)
        show.line("")


def _drawn(reader: Reader, asked: Sequence[Asked], file: Path) -> list[str]:
    """Draw the course of each question; what was drawn where, or why not."""
    from datetime import datetime

    from ingest.datacenter import here
    from warehouse.serve.portal.charts import drawing
    from warehouse.serve.portal.charts.of_effect import charts
    from warehouse.serve.portal.view import View

    view = View(reader.published, here(), datetime.fromisoformat(reader.release.created_at))
    said = []
    for one in asked:
        name = one.indicator.indicator
        target = file if len(asked) == 1 else file.with_name(f"{file.stem}-{name}{file.suffix}")
        made = charts(view, one, one.effect, ["verloop"]).get("verloop")
        if made is None:
            said.append(f"{name}: there is no estimate, so there is nothing to draw.")
            continue
        target.write_bytes(drawing.svg_file(made).encode() if file.suffix == ".svg" else drawing.png_file(made))
        said.append(f"{name}: drawn in {target}")
    return said


@effect.command("estimate")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="CSV file with a row per unit and period.")
@click.option("--unit", required=True, metavar="COL", help="Column with the area.")
@click.option("--time", required=True, metavar="COL", help="Column with the period: years, or CBS's codes.")
@click.option("--outcome", required=True, metavar="COL", help="Column with the figure.")
@click.option("--treated", required=True, metavar="NAME", help="The unit where it was done.")
@click.option("--from", "start", required=True, metavar="T", help="The first period that counts as after.")
@click.option(
    "--donors",
    multiple=True,
    metavar="NAMES",
    help="Units to compare with, with commas or repeated.  [default: all others]",
)
@click.option(
    "--without",
    multiple=True,
    metavar="NAMES",
    help="Units that are no donors, such as the country that they are part of.",
)
@click.option(
    "--also-treated", multiple=True, metavar="NAMES", help="Units in which it was done too; refused as donors."
)
@click.option(
    "--predictors",
    multiple=True,
    metavar="COLS",
    help="Columns that donors must be like too; COL:1981-1990 and COL:1961+1963 name the periods of its mean.",
)
@click.option(
    "--method",
    type=click.Choice(["synthetic", "did", "interrupted"]),
    default="synthetic",
    show_default=True,
    help="Synthetic control, difference-in-differences, or interrupted series (for when there is nothing to compare with).",
)
@click.option("--fit", metavar="FROM:TO", help="Periods of the fit.  [default: all before]")
@click.option(
    "--break", "breaks", multiple=True, metavar="T", help="Period from which series or area is no longer the same."
)
@click.option(
    "--provisional", multiple=True, metavar="T", help="Periods whose figure of the treated unit may still change."
)
@click.option(
    "--relevant",
    type=click.FloatRange(min=0),
    help="Size of effect that matters, in units of the figure.  [default: 10% of its mean before]",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Margin of the source (half a width), on the mean effect.",
)
@click.option(
    "--questions",
    type=click.IntRange(min=1),
    default=1,
    help="How many questions you ask at once; they share the rate of wrong answers.",
)
@json_option
@friendly(look=False)
def estimate(
    data: Path,
    unit: str,
    time: str,
    outcome: str,
    treated: str,
    start: str,
    donors: tuple[str, ...],
    without: tuple[str, ...],
    also_treated: tuple[str, ...],
    predictors: tuple[str, ...],
    method: str,
    fit: str | None,
    breaks: tuple[str, ...],
    provisional: tuple[str, ...],
    relevant: float | None,
    margin: float,
    questions: int,
    as_json: bool,
) -> None:
    """Answer the question for a panel of your own, by the same rule as the declared choices.

    synthetic: the other units, weighed so that together they follow the treated one before. did: their plain mean, each unit
    against its own level before. interrupted: the treated unit alone, against its own growth before. A donor that lacks a value
    is left out, and named.
    """
    from warehouse.effects import file as panels
    from warehouse.effects.digits import told
    from warehouse.effects.effect import Question
    from warehouse.effects.estimate import METHODS, estimate
    from warehouse.effects.panel import shape

    table = panels.read(data)
    names = table.names(unit)
    gone = set(panels.chosen(without, names))
    rows = [row for row in zip(names, table.periods(time), table.values(outcome), strict=True) if row[0] not in gone]
    first, colon, last = (fit or ":").partition(":")
    if not colon:
        raise click.UsageError("--fit takes FROM:TO, such as 1960:1969")
    panel = shape(
        rows,
        treated,
        start,
        panels.chosen(donors, names) or None,
        (first or None, last or None),
        panels.chosen(provisional, ()),
    )
    question = Question(
        breaks=dict.fromkeys(panels.chosen(breaks, ()), "een breuk"),
        also_treated=panels.chosen(also_treated, names),
        relevant=relevant,
        margin=margin,
        questions=questions,
    )
    way = METHODS[method]
    if predictors:
        if method != "synthetic":
            raise click.UsageError("--predictors go with --method synthetic only")
        from warehouse.effects.predictors import WithPredictors, gathered

        columns = panels.chosen(predictors, list(table.columns))
        way = WithPredictors(gathered(table, unit, time, columns, panel))
    found = told(estimate(panel, question, way))
    if as_json:
        show.as_json(found.as_dict())
    else:
        tell(found)


def tell(found: Effect, more: Sequence[str] = ()) -> None:
    """The answer, then what must be known of it, then the figures; a number never stands alone.

    :param more: what else must be known, before all other.
    """
    from warehouse.effects.words import caveats, figures

    show.line(
        f"{found.answer[0].upper()}{found.answer[1:]}: {found.reason}.",
        strong=found.answer[0].upper() + found.answer[1:],
    )
    show.line("")
    for line in (*more, *caveats(found)):
        show.line(f"- {line}")
    if found.estimate is None:
        return
    show.line("")
    show.table("", ["wat", "waarde"], figures(found), right=["waarde"])
    weights = sorted(((w, name) for name, w in found.weights.items() if w >= 0.001), reverse=True)
    if not weights:
        return
    show.table(
        "Vergeleken met",
        ["gebied", "aandeel"],
        [(name, f"{w:.1%}".replace(".", ",")) for w, name in weights],
        right=["aandeel"],
    )


COMMANDS = [effect]
