"""What is told, to whom, how often, and in which hours; over real SMTP and a real webhook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.outcome import FAILED, FETCHED, QUARANTINED, UNREACHABLE, Outcome
from ingest.settings import Settings
from orchestration.alerts.channels import AlertsError, declared, send
from orchestration.alerts.memory import NAME, Memory
from orchestration.alerts.tell import tell
from orchestration.workspace import Workspace
from tests.orchestration.alerts.receivers import Mail, Webhook
from tests.orchestration.conftest import Rdc
from warehouse.serve.keys import Keys

#: A Tuesday, ten o'clock in Amsterdam.
NOON = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with Webhook() as hook:
        monkeypatch.setenv("RDC_ALERTS", hook.url)
        yield hook


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace.open(Settings(tmp_path))


def came(work: Workspace, at: datetime, result: str, *tables: str, reason: str = "", host: str | None = None) -> None:
    cause = "no answer" if host else None
    for table in tables:
        said = reason or (f"{table}: {host}: no answer" if host else "")
        work.outcomes.append(Outcome(table, at.isoformat(), result, said, host=host, cause=cause))


def test_a_quarantine_says_what_whom_it_touches_and_what_to_do(work: Workspace, hook: Webhook) -> None:
    came(work, NOON, QUARANTINED, "83625NED", reason="83625NED: column Prijs_1 is gone")
    tell(work, NOON)
    [said] = hook.texts()
    dutch, english = said.split("-- English --")
    assert "1 ding vraagt aandacht / 1 thing asks for attention" in dutch
    assert "Tabel 83625NED (Bestaande koopwoningen" in dutch and "staat in quarantaine" in dutch
    assert "Sinds: 24 november 2026, 10:00" in dutch
    assert "Dit raakt: 1 indicator (Gemiddelde verkoopprijs bestaande koopwoningen)" in dutch
    assert "column Prijs_1 is gone" in english
    assert "Command: rdc sources accept 83625NED" in english
    # It is as it was, so nobody is told again; then it is over, and that is told once.
    tell(work, NOON + 2 * DAY)
    assert hook.texts() == []
    came(work, NOON + 3 * DAY, FETCHED, "83625NED")
    tell(work, NOON + 3 * DAY)
    [over] = hook.texts()
    assert "opgelost" in over and "83625NED" in over and "Opdracht" not in over
    tell(work, NOON + 3 * DAY + HOUR)
    assert hook.texts() == []


def test_many_concerns_are_one_message(work: Workspace, hook: Webhook) -> None:
    came(work, NOON, QUARANTINED, "83625NED", "84799NED", reason="another unit")
    (work.settings.drop / "nergens").mkdir(parents=True)
    tell(work, NOON)
    [said] = hook.texts()
    assert "3 dingen vragen aandacht" in said
    assert said.count("Opdracht:") == said.count("Command:") == 3


def test_an_outage_asks_for_nobody_until_it_lasts(work: Workspace, hook: Webhook) -> None:
    tables = ("84799NED", "81528NED", "85005NED")
    for day in range(3):
        came(work, NOON + day * DAY, UNREACHABLE, *tables, host="opendata.cbs.nl")
        tell(work, NOON + day * DAY)
    assert hook.texts() == []
    came(work, NOON + 3 * DAY, UNREACHABLE, *tables, host="opendata.cbs.nl")
    tell(work, NOON + 3 * DAY)
    [said] = hook.texts()
    assert "opendata.cbs.nl is niet te bereiken (3 tabellen)" in said
    assert "Sinds: 24 november 2026, 10:00" in said
    assert said.count("Opdracht:") == 1


def test_a_table_that_fails_once_asks_for_nobody(work: Workspace, hook: Webhook) -> None:
    came(work, NOON, FAILED, "84799NED", reason="84799NED: a short page")
    tell(work, NOON + HOUR)
    assert hook.texts() == []
    came(work, NOON + DAY, FAILED, "84799NED", reason="84799NED: a short page")
    tell(work, NOON + DAY)
    [said] = hook.texts()
    assert "Tabel 84799NED" in said and "rdc run --table 84799NED" in said


def test_quiet_hours_are_those_of_amsterdam(work: Workspace, hook: Webhook) -> None:
    night = datetime(2026, 7, 1, 4, 30, tzinfo=UTC)  # half past six, in summer
    came(work, night, QUARANTINED, "83625NED", reason="another unit")
    assert tell(work, night).waiting == 1
    assert hook.texts() == []
    tell(work, night + HOUR)
    assert len(hook.texts()) == 1


def test_what_comes_up_and_goes_in_quiet_hours_is_told_to_nobody(work: Workspace, hook: Webhook) -> None:
    night = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    came(work, night, QUARANTINED, "83625NED", reason="another unit")
    tell(work, night)
    came(work, night + HOUR, FETCHED, "83625NED")
    tell(work, night + 12 * HOUR)
    assert hook.texts() == []


def test_one_that_looks_at_night_only_tells_the_next_night(work: Workspace, hook: Webhook) -> None:
    """A cron job at three o'clock must not keep an alert back for ever."""
    night = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    came(work, night, QUARANTINED, "83625NED", reason="another unit")
    tell(work, night)
    assert hook.texts() == []
    came(work, night + DAY, QUARANTINED, "83625NED", reason="another unit")
    tell(work, night + DAY)
    assert len(hook.texts()) == 1


def test_a_channel_sees_what_its_level_may(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a partners' source, and why its delivery was refused, never reach a public channel."""
    with Webhook() as public, Webhook() as partners:
        work.settings.home.joinpath("alerts.yml").write_text(
            f"channels:\n  - {{name: iedereen, url: '{public.url}', language: nl}}\n"
            f"  - {{name: partners, url: '{partners.url}', language: nl, level: partners}}\n"
        )
        came(work, NOON, QUARANTINED, "klantcontacten", reason="klantcontacten: 12 rows of Jan Jansen")
        tell(work, NOON)
        [to_all], [to_partners] = public.texts(), partners.texts()
    assert "Er is iets met een bron die niet openbaar is" in to_all and "lantcontacten" not in to_all
    assert "De levering klantcontacten" in to_partners and "rdc sources deliveries klantcontacten" in to_partners
    assert "Jansen" not in to_all + to_partners


def test_partners_are_counted_by_what_their_keys_open(work: Workspace, hook: Webhook) -> None:
    keys = Keys(work.settings.home)
    keys.add("bureau", "Omgevingsdienst", "partners")
    keys.add("eersel", "Gemeente Eersel", "municipality", ["GM0770"])
    came(work, NOON, QUARANTINED, "83625NED", reason="another unit")
    tell(work, NOON)
    [said] = hook.texts()
    assert "2 partners met een sleutel" in said and "Omgevingsdienst" not in said


def test_a_mail_arrives_in_one_language(work: Workspace) -> None:
    with Mail() as mail:
        work.settings.home.joinpath("alerts.yml").write_text(
            f"channels:\n  - {{name: post, url: '{mail.url}', language: en}}\n"
        )
        came(work, NOON, QUARANTINED, "83625NED", reason="another unit")
        tell(work, NOON)
        assert len(mail.taken) == 2, "one for each of the two addresses"
        said = mail.texts()[0]
    assert "Rural Data Center Kempen: 1 thing asks for attention" in said
    assert "What to do: Read with `rdc status`" in said.replace("\n", " ") and "Opdracht" not in said


def test_a_channel_that_refuses_is_tried_again_and_told_to_the_others(work: Workspace) -> None:
    with Webhook() as deaf, Webhook() as other:
        work.settings.home.joinpath("alerts.yml").write_text(
            f"channels:\n  - {{name: doof, url: '{deaf.url}'}}\n  - {{name: ander, url: '{other.url}', language: nl}}\n"
        )
        deaf.refuses = True
        came(work, NOON, QUARANTINED, "83625NED", reason="another unit")
        done = tell(work, NOON)
        assert len(done.failed) == len(done.sent) == 1
        assert "channel doof" in done.failed[0] and "geheim" not in done.failed[0]
        other.texts()
        tell(work, NOON + HOUR)
        [said] = other.texts()
        assert "Meldingen komen niet aan op kanaal doof" in said and "rdc alerts test" in said
        deaf.refuses = False
        tell(work, NOON + 2 * HOUR)
        assert "83625NED" in deaf.texts()[0]
        tell(work, NOON + 3 * HOUR)
        assert "opgelost" in other.texts()[0]


@pytest.mark.parametrize("content", ["", "{}", "no json", '{"told": 3, "checksum": "x"}'])
def test_a_damaged_memory_costs_one_message_twice_and_no_run(work: Workspace, hook: Webhook, content: str) -> None:
    came(work, NOON, QUARANTINED, "83625NED", reason="another unit")
    tell(work, NOON)
    (work.settings.home / NAME).write_text(content)
    tell(work, NOON + HOUR)
    tell(work, NOON + 2 * HOUR)
    assert len(hook.texts()) == 2
    assert Memory.read(work.settings.home).told
    assert list(work.settings.home.glob(f"damaged/*/{NAME}"))


def test_what_was_told_is_for_its_owner_alone(work: Workspace, hook: Webhook) -> None:
    came(work, NOON, QUARANTINED, "83625NED", reason="another unit")
    tell(work, NOON)
    file = work.settings.home / NAME
    assert file.stat().st_mode & 0o777 == 0o600
    assert "geheim" not in file.read_text() and hook.url not in file.read_text()


def test_a_key_that_expires_comes_with_the_command_for_the_next(work: Workspace) -> None:
    with Webhook() as hook:
        work.settings.home.joinpath("alerts.yml").write_text(
            f"channels:\n  - {{name: beheer, url: '{hook.url}', level: all, language: nl}}\n"
        )
        Keys(work.settings.home).add("bureau", "Omgevingsdienst Zuid", "partners", days=20)
        tell(work)
        said = hook.texts()
        if not said:  # it is night
            tell(work, datetime.now(UTC) + timedelta(hours=20))
            said = hook.texts()
        assert "--partner 'Omgevingsdienst Zuid' --level partners" in said[0]


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_trial_goes_to_every_channel(tmp_path: Path) -> None:
    with Webhook() as hook, Mail() as mail:
        rdc = Rdc(tmp_path, {"RDC_ALERTS": f"{hook.url},{mail.url}"})
        found = rdc.json("alerts", "test")
        assert [(c["channel"], c["sent"]) for c in found] == [("json.1", True), ("mailto.2", True)]
        assert "Dit is een proef" in hook.texts()[0] and "Dit is een proef" in mail.texts()[0]
        hook.refuses = True
        said = rdc("alerts", "test", status=1)
        assert "json did not take the message" in said.stderr and "geheim" not in said.stderr + said.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("channels: [{name: a, url: 'nergens://geheim'}]", "none that apprise knows"),
        ("channels: [{name: a, urll: 'json://geheim'}]", "urll"),
        ("channels: [{name: a}]", "one of url, url_file and url_env"),
        ("channels: [{name: a, url_env: RDC_IS_NOT_THERE}]", "no RDC_IS_NOT_THERE"),
        ("channels: [{name: a, url: 'json://geheim', quiet: '25:00-07:00'}]", "no hours"),
        ("channels: [{name: a, url: json://geheim: x", "can't be read as YAML"),
    ],
)
def test_a_channel_that_can_not_be_used_is_told_without_its_address(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "alerts.yml").write_text(content)
    try:
        [channel] = declared(tmp_path)
        told = send(channel, "title", "body")
    except AlertsError as error:
        told = str(error)
    assert said in told and "geheim" not in told


def test_that_nobody_is_declared_is_said(tmp_path: Path) -> None:
    assert "alerts.yml" in Rdc(tmp_path, {})("alerts", "test", status=1).stderr


def test_a_run_from_a_shell_tells_and_status_says_the_same(released: Rdc, tmp_path: Path) -> None:
    with Webhook() as hook:
        rdc = released.copy(tmp_path / "home", released.env | {"RDC_ALERTS": hook.url, "RDC_QUIET_HOURS": "none"})
        (rdc.home / "drop" / "nergens").mkdir(parents=True)
        run = rdc("run")
        assert "Alert sent to json.1" in " ".join(run.stderr.split())
        [said] = hook.texts()
        asking = [c for c in rdc.json("status")["concerns"] if c["asks"]]
        assert "stray" in {c["kind"] for c in asking}
        for concern in asking:
            assert concern["nl"]["what"] in said and concern["en"]["do"] in said and concern["command"] in said
        assert said.count("Command:") == len(asking)
        hook.refuses = True
        rdc("run")
        # A folder that can't be used costs no run.
        (rdc.home / "alerts.yml").write_text("channels: nonsense")
        assert "could not be told" in rdc("run").stderr


def test_the_daemon_tells_once_no_run_is_going_on(
    work: Workspace, hook: Webhook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context, job

    from orchestration.assets.telling import alerts

    monkeypatch.setenv("RDC_HOME", str(work.settings.home))
    monkeypatch.setenv("RDC_QUIET_HOURS", "none")
    measured = tmp_path / "rdc.prom"
    monkeypatch.setenv("RDC_METRICS_FILE", str(measured))

    @job
    def nothing() -> None: ...

    came(work, datetime.now(UTC), QUARANTINED, "83625NED", reason="another unit")
    instance, sensor = DagsterInstance.ephemeral(), alerts()

    def look() -> str:
        [skipped] = sensor(build_sensor_context(instance=instance))
        return str(skipped.skip_message)

    run = instance.create_run_for_job(nothing, status=DagsterRunStatus.STARTED)
    assert "going on" in look() and hook.texts() == []
    assert "rdc_disk_free_bytes" in measured.read_text(), "the figures for Prometheus do not wait"
    instance.delete_run(run.run_id)
    assert "thing asks for attention" in look()
    assert len(hook.texts()) == 1
    assert "Nothing new" in look()


def test_the_week_in_one_message(work: Workspace, hook: Webhook) -> None:
    """A channel has its first digest the Monday after it was declared, at eight, once."""
    tell(work, NOON)
    monday = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
    came(work, monday - 2 * DAY, FETCHED, "83625NED")
    came(work, monday - 2 * DAY, FETCHED, "klantcontacten")
    came(work, monday - DAY, UNREACHABLE, "84799NED", host="opendata.cbs.nl")
    tell(work, monday)
    assert hook.texts() == []
    tell(work, monday + HOUR)
    tell(work, monday + 2 * HOUR)
    [said] = hook.texts()
    assert "weekbericht 2026-W49 / the week 2026-W49" in said
    assert "- 83625NED: Bestaande koopwoningen" in said and "lantcontacten" not in said
    assert "opendata.cbs.nl is niet te bereiken" in said, "the digest says also what asks for nobody yet"
    assert said.count("In quarantaine:\n- niets") == 1
