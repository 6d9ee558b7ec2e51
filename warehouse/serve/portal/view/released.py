"""What pages ask about the release itself: its sources, checks, indicators and goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ingest.datacenter import DataCenter
from warehouse.effects.asked import Asked
from warehouse.reading.effects import answers
from warehouse.reading.published import Published
from warehouse.serve.api.questions import known
from warehouse.serve.problem import Problem
from warehouse.sharing.access import LEVELS
from warehouse.sharing.access import known as known_level

#: What a release that was made earlier does not say of an indicator.
_LATER: dict[str, Any] = dict.fromkeys(
    (
        "caveats",
        "why_not",
        "no_figure",
        "reference",
        "taakveld",
        "bbv",
        "is_total",
        "not_comparable",
        "series_break",
        "lowest_region",
    )
)


@dataclass
class OfRelease:
    """A release as pages see it, for whoever asks.

    :param created_at: when the release was made.
    :param open: whether the asker has no key, so that everyone may see the page.
    :param folder: of the release's files; None where the asker may not be told what they say.
    :param look_up: gives the address at which a cell can be looked up at its source, or None.
    """

    published: Published
    center: DataCenter
    created_at: datetime
    open: bool = True
    folder: Path | None = None
    look_up: Callable[[dict[str, Any]], str | None] = lambda _: None

    @property
    def release_id(self) -> str:
        return self.published.release_id

    @cached_property
    def is_sample(self) -> bool:
        return any(s["origin"] == "sample" for s in self.sources)

    @cached_property
    def sources(self) -> list[dict[str, Any]]:
        return self.published.sources()

    @cached_property
    def table_sources(self) -> list[dict[str, Any]]:
        """The source tables that the asker may know of, with how fresh each is."""
        reach = LEVELS.index(self.published.scope.level)
        told = {s["table_id"] for s in self.sources if LEVELS.index(known_level(s["sharing_level"])) <= reach}
        rows = self.published.rows('select * from core."table" order by title, table_id')
        return [r for r in rows if r["table_id"] in told]

    @cached_property
    def checks(self) -> dict[str, Any]:
        """How the release was judged: per suite how many checks passed and failed, and those that failed.

        What a check saw names figures: it is told to who may see all of them.
        """
        if ("core", "check_result") not in self.published.tables or not self.published.whole or self.published.closed:
            return {"suites": [], "failed": []}
        suites = self.published.con.execute(
            "select suite, count(*) filter (success), count(*) filter (not success) from core.check_result group by all order by suite"
        ).fetchall()
        failed = self.published.rows(
            "select * from core.check_result where not success order by suite, subject, check_name"
        )
        return {"suites": suites, "failed": failed}

    @cached_property
    def attributions(self) -> list[str]:
        """Whom the figures are from, as it is to be said, each once."""
        return sorted({s["attribution"].removeprefix("Bron: ").rstrip(".") for s in self.sources if s["attribution"]})

    # -- indicators and goals -----------------------------------------------------------------------------------------

    @cached_property
    def indicators(self) -> dict[str, dict[str, Any]]:
        """The newest version of every indicator, in the order of the registry."""
        return {i["indicator_id"]: i for i in self._versions}

    @cached_property
    def _versions(self) -> list[dict[str, Any]]:
        return [_LATER | i for i in self.published.indicators]

    @property
    def themes(self) -> dict[str, str]:
        return self.published.themes

    def of_theme(self, theme: str) -> list[dict[str, Any]]:
        return [i for i in self.indicators.values() if i["theme"] == theme]

    def versions(self, indicator: str) -> dict[int, dict[str, Any]]:
        """Every version of an indicator's definition, the newest last."""
        return {i["version"]: i for i in self._versions if i["indicator_id"] == indicator}

    def indicator(self, name: str) -> dict[str, Any]:
        """:raises Problem: the release has no such indicator (404)."""
        if found := self.indicators.get(name):
            return found
        known([name], list(self.indicators), "Indicator")
        raise Problem(404, f"Indicator {name} is er niet in deze release.")

    @cached_property
    def goals(self) -> list[dict[str, Any]]:
        """The policy goals that the asker may see, by municipality."""
        if ("mart", "policy_goal") not in self.published.tables:
            return []
        return self.published.rows(f"select * from ({self.published.goals()}) order by region_name, goal, goal_id")

    @cached_property
    def effects(self) -> list[Asked]:
        """The questions about policy choices, with their answers, that the asker may see."""
        return answers(self.published)
