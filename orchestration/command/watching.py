"""Whether all is fit to go on by itself, and who is told where not: ``rdc doctor``, ``alerts``."""

from __future__ import annotations

import sys

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option


@click.group()
def alerts() -> None:
    """Alerts: by e-mail, Teams, Slack, ntfy or a webhook, as alerts.yml in the data folder or RDC_ALERTS say."""


@alerts.command("test")
@json_option
@friendly
def alerts_test(as_json: bool) -> None:
    """Send a trial to every channel, also in quiet hours, and say which took it."""
    from ingest.settings import Settings
    from orchestration.alerts.channels import FILE, VARIABLE, declared, send
    from orchestration.alerts.message import trial

    home = Settings.from_env().home
    channels = declared(home)
    if not channels:
        show.fail(
            f"No channel is declared. Put one in {home / FILE}, or its address in {VARIABLE}; docs/watch.md shows how."
        )
        sys.exit(1)
    found = []
    for channel in channels:
        said = trial(channel.language)
        found.append((channel, send(channel, said.title, said.body)))
    if as_json:
        show.as_json(
            [
                {"channel": c.name, "level": c.level, "sent": not problem, "problem": problem or None}
                for c, problem in found
            ]
        )
    else:
        for channel, problem in found:
            if problem:
                show.fail(problem)
            else:
                show.line(f"channel {channel.name}: took the trial", strong=channel.name)
    sys.exit(1 if any(problem for _, problem in found) else 0)


@alerts.command("send")
@json_option
@friendly
def alerts_send(as_json: bool) -> None:
    """Look what is wrong and tell what was not told yet, without a run: for a timer that watches whether runs still come."""
    from dataclasses import asdict

    from orchestration.alerts.after import show_told
    from orchestration.alerts.tell import tell
    from orchestration.workspace import Workspace

    done = tell(Workspace.open())
    if as_json:
        show.as_json(asdict(done))
    else:
        show_told(done)
        if not (done.sent or done.failed or done.waiting):
            show.line("Nothing to tell.")
    sys.exit(1 if done.failed else 0)


@click.command()
@click.option("--fix", is_flag=True, help="Put right what can be put right without harm.")
@json_option
@friendly(look=False, scratch=False)
def doctor(fix: bool, as_json: bool) -> None:
    """Look over machine, data folder and surroundings; each finding with its repair."""
    from orchestration.doctor.examine import examined
    from orchestration.doctor.examine import fixed as mend
    from orchestration.workspace import Workspace

    work = Workspace.open()
    work.settings.home.mkdir(parents=True, exist_ok=True)
    found, done = list(examined(work)), []
    if fix and (done := mend(found)):
        found = list(examined(Workspace.open()))
    wrong = [f for f in found if not f.good]
    if as_json:
        show.as_json({"good": not wrong, "fixed": done, "findings": [f.record for f in found]})
    else:
        show.table("", ["check", "", "found"], [(f.check, "ok" if f.good else "wrong", f.said) for f in found])
        for line in done:
            show.line(f"fixed  {line}", strong="fixed")
        for finding in wrong:
            show.fail(f"{finding.check}: {finding.said}\n  {finding.repair}")
        if any(f.mend for f in wrong) and not fix:
            show.note("`rdc doctor --fix` puts right what can be put right without harm.")
    sys.exit(1 if wrong else 0)


COMMANDS = [doctor, alerts]
