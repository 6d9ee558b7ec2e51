"""Who is asked and who is told: the hosts of the sources, the keys of partners, the channels of alerts, the schedule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from orchestration.alerts.channels import AlertsError, declared
from orchestration.alerts.concerns import concerns
from orchestration.alerts.message import sentence
from orchestration.alerts.quiet import usual
from orchestration.doctor.finding import Finding
from orchestration.workspace import Workspace

#: A host that has not answered in so many seconds is not reached.
PATIENCE = 8
#: So far a clock may be off before keys and orders of time suffer.
OFF_SECONDS = 300


def hosts(work: Workspace) -> Iterator[Finding]:
    """Each host that a source is asked at, once. Any answer counts: whether it is a good one, a run tells."""
    import requests

    settings = work.settings
    urls = {settings.v3_url, settings.v4_url, settings.third_party_url, settings.pdok_url}
    urls |= {t.at.url for t in work.selected(()) if t.at and t.at.url.startswith("http")}
    by_host = {urlsplit(url).netloc: f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/" for url in sorted(urls)}

    def ask(url: str) -> tuple[str, str | None]:
        try:
            with requests.get(url, timeout=PATIENCE, stream=True, allow_redirects=False) as answer:
                return "", answer.headers.get("Date")
        except requests.exceptions.SSLError:
            return "its certificate is not believed", None
        except requests.exceptions.ProxyError:
            return "the proxy does not let it through", None
        except requests.exceptions.Timeout:
            return f"no answer within {PATIENCE} s", None
        except requests.RequestException:
            return "no answer", None

    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(by_host, pool.map(ask, by_host.values()), strict=True))
    for host, (problem, said) in answers.items():
        if problem:
            proxy = " HTTPS_PROXY is set: see whether that is right." if os.environ.get("HTTPS_PROXY") else ""
            repair = (
                f"Try `curl -I {by_host[host]}` from this machine; if others reach it, it is the network here.{proxy}"
            )
            yield Finding("hosts", False, f"{host} can't be reached: {problem}", repair)
        else:
            yield Finding("hosts", True, f"{host} answers")
        if said and (off := _off(said)) > OFF_SECONDS:
            told = f"{host} tells a time that is {off:.0f} s from the clock of this machine"
            yield Finding("clock", False, told, "Let the machine keep its clock by NTP: `timedatectl set-ntp true`.")


def _off(said: str) -> float:
    try:
        return abs((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def keys(work: Workspace) -> Iterator[Finding]:
    ending = [c for c in concerns(work) if c.kind == "key_expires"]
    for concern in ending:
        yield Finding("keys", False, sentence(concern, "en"), f"`{concern.command}`, and give it to the partner.")
    if not ending:
        yield Finding("keys", True, "no key of a partner expires within a month")


def channels(work: Workspace) -> Iterator[Finding]:
    try:
        found = declared(work.settings.home)
        usual()
    except (AlertsError, ValueError) as error:
        yield Finding("alerts", False, str(error), "Mend it, then `rdc alerts test`.")
        return
    if not found:
        said = "nobody is told what asks for a person"
        yield Finding(
            "alerts",
            False,
            said,
            "Declare a channel in alerts.yml or RDC_ALERTS (docs/watch.md), then `rdc alerts test`.",
        )
    else:
        yield Finding("alerts", True, f"{len(found)} channels; `rdc alerts test` tries them")


def schedule(work: Workspace) -> Iterator[Finding]:
    stopped = [c for c in concerns(work) if c.kind == "silent"]
    for concern in stopped:
        yield Finding(
            "schedule",
            False,
            sentence(concern, "en"),
            f"Start `rdc ui` or its unit again; `{concern.command}` catches up.",
        )
    if not stopped:
        yield Finding("schedule", True, "sources were asked within the last days, or not yet at all")
