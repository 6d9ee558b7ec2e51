"""Who watches is told as a run ends: by alerts, and in the file for Prometheus. It must not cost the run anything when that fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ingest.settings import secret
from orchestration import show

if TYPE_CHECKING:
    from orchestration.alerts.sending import Told
    from orchestration.workspace import Workspace


def tell_after(work: Workspace) -> None:
    """Tell what is wrong, however the run ended. What goes wrong with that is said, and is no failure of the run."""
    home = work.settings.home
    try:
        # Most runs are of someone who looks at the terminal: these load nothing.
        if os.environ.get("RDC_METRICS_FILE", "").strip():
            from orchestration import metrics

            metrics.write(work)
        if (home / "alerts.yml").exists() or secret("RDC_ALERTS").strip():
            from orchestration.alerts.tell import tell

            show_told(tell(work))
    except Exception as error:  # of whatever kind: the run did its work
        show.warn("ALERTS", f"Whoever watches could not be told: {error} ({type(error).__name__})")


def show_told(done: Told) -> None:
    """What became of the alerts, for whoever looks on."""
    for sent in done.sent:
        show.note(f"Alert sent to {sent}")
    if done.failed:
        show.warn(
            "ALERTS", "\n".join(done.failed) + "\nIt is tried again at the next run; `rdc alerts test` tries it now."
        )
    if done.waiting:
        show.note(f"{done.waiting} alert(s) wait for the end of quiet hours")
