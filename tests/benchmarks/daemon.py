"""What a run costs under the daemon, against the same from a shell: ``python -m tests.benchmarks.daemon``.

One figure of one table changes at its source. From a shell, ``rdc run`` is measured from start to exit. Under ``rdc ui`` the sensors
see the change, and two runs of Dagster follow, each in a process of its own: one takes the table in, one builds. Told are the
seconds that these two took, from when each was asked for until it ended, and the seconds from the change until the release, sensors
included. ``--recorded FOLDER`` serves the recorded tables in it.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    import dagster as dg

    from ingest.settings import Settings
    from orchestration.instance import dagster_home
    from orchestration.workspace import Workspace
    from tests.benchmarks.changed import measure, standing_in
    from tests.sample_tables import only_the_sample

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--recorded", default="", metavar="FOLDER", help="serve the recorded tables in it")
    asked = options.parse_args()
    rdc = Path(sys.executable).with_name("rdc")
    with standing_in(asked.recorded) as (served, change), tempfile.TemporaryDirectory() as home:
        environment = served | {"RDC_HOME": home, "RDC_UI_PORT": "3999", "RDC_STATLINE_LOOK_SECONDS": "1"}
        only_the_sample(Path(home))
        measure(rdc, "run", environment=environment)
        work = Workspace.open(Settings.from_env(os.environ | environment))

        shell = []
        for number in range(asked.rounds):
            change(100 + number)
            shell.append(measure(rdc, "run", environment=environment).seconds)
        books = dg.DagsterInstance.from_config(str(dagster_home(work.settings.home)))
        ui = subprocess.Popen(
            [rdc, "ui"], env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(45)  # until it is up and its sensors have looked once
            daemon, waited = [], []
            for number in range(asked.rounds):
                newest, at = len(work.releases.all()), change(200 + number)
                while len(work.releases.all()) == newest:
                    time.sleep(0.2)
                    if time.time() - at > 600:
                        raise SystemExit("no release followed within ten minutes")
                waited.append(time.time() - at)
                time.sleep(5)  # the run that released ends after the release
                runs = [r for r in books.get_run_records() if r.start_time and r.create_timestamp.timestamp() > at]
                daemon.append(sum((r.end_time or time.time()) - r.create_timestamp.timestamp() for r in runs))
                told = ", ".join(
                    f"{r.dagster_run.job_name} {(r.end_time or 0) - (r.start_time or 0):.1f}" for r in runs
                )
                print(f"{number + 1}: {told} s at work; shell {shell[number]:.1f} s", flush=True)
        finally:
            ui.send_signal(signal.SIGTERM)
            ui.wait(120)
    ratio = statistics.median(daemon) / statistics.median(shell)
    print(
        f"median of {asked.rounds} rounds: shell {statistics.median(shell):.1f} s; the daemon's runs {statistics.median(daemon):.1f} s "
        f"({ratio:.2f} times), from the change to the release {statistics.median(waited):.1f} s"
    )


if __name__ == "__main__":
    main()
