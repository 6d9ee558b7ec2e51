"""What the service takes when many ask for whole tables at once: ``python -m tests.benchmarks.exports``.

A warehouse with figures of all neighbourhoods is generated; 36 clients ask at once for a theme of it as a workbook, as
JSON-stat, as long CSV and as Parquet, and go on until each has it. Told is the most memory that the process had, and how
long it took until all had theirs. Ten of a small question are asked meanwhile: what is heavy must not shut out what is not.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.benchmarks.serve import THEMES, generate, say
from tests.warehouse.conftest import Service

FORMS = ({"formaat": "xlsx"}, {"formaat": "jsonstat"}, {"formaat": "csv", "vorm": "lang"}, {"formaat": "parquet"})


def peak(service: Service) -> int:
    """The most memory that the process had, in MB."""
    status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def one(service: Service, number: int) -> tuple[bool, int]:
    """Whether client ``number`` got its table whole, and how often it was asked to come back."""
    sent_away = 0
    while True:
        params = FORMS[number % len(FORMS)]
        try:
            answer = requests.get(f"{service.url}/v1/tabellen/{THEMES[0]}", params=params, timeout=600)
        except requests.RequestException:
            return False, sent_away
        if answer.status_code != 503:
            return answer.status_code == 200, sent_away
        sent_away += 1
        time.sleep(int(answer.headers["Retry-After"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=36)
    parser.add_argument("--indicators", type=int, default=16)
    parser.add_argument("--regions", type=int, default=4_000)
    parser.add_argument("--years", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), asked.indicators, asked.regions, asked.years)
        with Service(Path(folder)) as service:
            service.get("/v1/waarnemingen", limiet=1)
            say(f"at rest {peak(service)} MB")
            small: list[tuple[bool, float]] = []
            done = threading.Event()

            def asking() -> None:
                while not done.wait(1):
                    started = time.perf_counter()
                    answer = service.get("/v1/waarnemingen", indicator="ind_00", gebied="GM0770")
                    small.append((answer.ok, time.perf_counter() - started))

            watcher = threading.Thread(target=asking)
            watcher.start()
            started = time.perf_counter()
            with ThreadPoolExecutor(asked.clients) as pool:
                found = list(pool.map(lambda n: one(service, n), range(asked.clients)))
            took = time.perf_counter() - started
            done.set()
            watcher.join()
            figures = asked.indicators // len(THEMES) * asked.regions * asked.years
            say(
                f"{asked.clients} whole tables of {figures:,} figures: most memory {peak(service)} MB, "
                f"{sum(whole for whole, _ in found)} whole in {took:.0f} s, sent away {sum(n for _, n in found)} times"
            )
            say(
                f"small questions meanwhile: {sum(ok for ok, _ in small)} of {len(small)} answered, "
                f"the slowest in {max(t for _, t in small):.2f} s"
            )


if __name__ == "__main__":
    main()
