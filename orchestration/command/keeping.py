"""Whether all is well, and putting it right: ``rdc status``, ``clock``, ``releases``, ``rollback``."""

from __future__ import annotations

import sys
from typing import Any

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option, level_option


@click.command()
@json_option
@friendly
def status(as_json: bool) -> None:
    """Per source: last check, version, snapshot, checks, and what is stale or in quarantine and why."""
    from orchestration.status import overview
    from orchestration.workspace import Workspace

    work = Workspace.open()
    found = overview(work)
    if as_json:
        show.as_json(found)
        sys.exit(1 if found["damage"] else 0)
    current = found["release"]
    if current:
        checks = current["checks"]
        show.line(
            f"Release {current['release_id']} of {current['created_at']}: {checks['passed']} checks passed, "
            f"{checks['warning']} warnings. {found['file']}",
            strong=current["release_id"],
        )
    else:
        show.line("No release yet. Make one with: rdc run")
    if found["clock"]:
        show.warn("CLOCK", found["clock"])
    if found["refused"]:
        show.warn("REFUSED", f"The last candidate did not pass its audit, so it was not released: {found['refused']}")
    asks = [c for c in found["concerns"] if c["asks"]]
    if asks:
        show.warn("ASKS FOR ATTENTION", "\n".join(line for c in asks for line in _concern(c)))
    show.table(
        "",
        ["table", "state", "in release", "last check", "result", "modified", "snapshot age", "rows", "checks"],
        [
            (
                *(
                    t["table_id"],
                    t["state"],
                    t["origin"],
                    show.age(t["checked_at"]),
                    t["result"],
                    (t["modified"] or "")[:10],
                ),
                *(show.age(t["fetched_at"]), t["rows"], t["checks"]),
            )
            for t in found["tables"]
        ],
        right=("rows",),
    )
    for t in found["tables"]:
        if t["why"]:
            show.line(f"{t['table_id']} ({t['state']}): {t['why']}", strong=t["table_id"])
    for item in found["withheld"]:
        show.line(
            f"{item['indicator_id']} (withheld): {item['reason']} Mend {item['place']}", strong=item["indicator_id"]
        )
    for name in found["stray"]:
        show.line(f"drop/{name} belongs to no contract; `rdc sources list` shows which there are")
    for d in found["damage"]:
        show.warn("LOST", f"{d['path']}: {d['what']} ({d['at'][:16].replace('T', ' ')} UTC). {d['done']}")
    if found["damage"]:
        seen = work.settings.home / "damaged"
        show.fail(f"Something was damaged and is lost. Once you looked at it, move {seen} out of the data folder.")
        sys.exit(1)


def _concern(concern: dict[str, Any]) -> list[str]:
    """A concern in the words of its alert."""
    since = f" (since {concern['since'][:16].replace('T', ' ')})" if concern["since"] else ""
    return [f"{concern['en']['what']}{since}", f"  {concern['en']['do']}", f"  $ {concern['command']}"]


@click.command()
@click.option(
    "--right", is_flag=True, help="Say that the clock is right now; what it told wrong is corrected from now on."
)
@json_option
@friendly
def clock(right: bool, as_json: bool) -> None:
    """Whether the machine's clock can be trusted, and how to put right what it told while it was wrong."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from orchestration.workspace import Workspace

    work = Workspace.open()
    if right:
        with work.writing("rdc clock --right"):
            found, made = work.clock_is_right()
    else:
        found, made = work.clock, False
    wrong = found.wrong(datetime.now(UTC))
    if as_json:
        show.as_json({"wrong": wrong, "corrected": made, **asdict(found)})
    elif wrong:
        show.warn("CLOCK", wrong)
    elif made:
        show.line(
            "Written down. What was told later than now is told as of before now; the next `rdc run` releases it so."
        )
    else:
        show.line(f"The clock is in order; a run last saw {found.highest or 'nothing yet'}.")
    sys.exit(1 if wrong else 0)


@click.command()
@level_option
@json_option
@friendly
def releases(as_json: bool, level: str) -> None:
    """The releases that are kept, newest last."""
    from dataclasses import asdict

    from ingest.settings import Settings
    from warehouse.releases.release import Releases

    kept = Releases(Settings.from_env().releases(level))
    current = kept.current()
    listed = kept.all()
    closed = {r.release_id: [c.table for c in kept.opens(r)] for r in listed}
    if as_json:
        show.as_json([asdict(r) | {"current": r == current, "closed": closed[r.release_id]} for r in listed])
        return
    if not listed:
        show.line("No release yet. Make one with: rdc run")
        return
    show.table(
        "",
        ["release", "", "made", "tables", "not live", "closed since", "checks passed", "warnings", "MB"],
        [
            (
                *(r.release_id, "current" if r == current else "", r.created_at, len(r.inputs)),
                ", ".join(t for t, i in r.inputs.items() if i["origin"] != "live") or "-",
                ", ".join(closed[r.release_id]) or "-",
                *(r.checks["passed"], r.checks["warning"], f"{r.bytes / 1e6:.1f}"),
            )
            for r in listed
        ],
    )


@click.command()
@click.argument("release")
@level_option
@friendly
def rollback(release: str, level: str) -> None:
    """Make an earlier release current. It stays so until a source changes.

    Going back in the public series takes the releases of partners and municipalities along, to what has the same public figures.
    A release that would open again what was closed since it was made can't be made current.
    """
    from orchestration.pipeline import rollback as go_back
    from orchestration.workspace import Workspace

    work = Workspace.open(level=level)
    with work.writing(f"rdc rollback {release}"):
        made, others = go_back(work, release)
    show.line(f"Release {made.release_id} of {made.created_at} is current: {work.releases.current_file}")
    for other, found in others.items():
        if found:
            show.line(f"  and for {other}: {found.release_id} of {found.created_at}")
        else:
            show.warn(
                "NOT ROLLED BACK",
                f"No release of {other} that is kept has the same public figures and nothing that was closed since, so its current "
                f"one stays, with the figures "
                f"that were taken back from everyone. See `rdc releases --level {other}`; go back there with "
                f"`rdc rollback RELEASE --level {other}`, or make a new one with `rdc run` once the fault is mended.",
            )


COMMANDS = [status, clock, releases, rollback]
