"""What axe-core finds on a page of every kind, written where the page on accessibility reads it: ``rdc serve`` in one window (on the
sample), and ``python -m tests.accessibility`` in another.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import yaml

from tests.browser import DARK, DESKTOP, LIGHT, PHONE, started
from tests.screenshots import EVERY
from warehouse.serve.portal.pages.texts import MEASURED

STANDARD = "WCAG 2.2, niveau A en AA, en wat axe-core goede praktijk noemt"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--url", default="http://127.0.0.1:8080", help="where `rdc serve` listens")
    said = asked.parse_args()
    findings: list[str] = []
    with started() as browser:
        tool = f"axe-core in Chromium {browser.inner.version.partition('.')[0]}"
        for scheme in (LIGHT, DARK):
            for width in (PHONE, DESKTOP):
                with browser.window(said.url, scheme, width) as window:
                    for path in EVERY.values():
                        window.open(path)
                        findings += [f"{path}: {found}" for found in window.violations()]
    measured = {
        "checked_on": datetime.now(UTC).date(),
        "tool": tool,
        "standard": STANDARD,
        "pages": len(EVERY),
        "findings": sorted(set(findings)),
    }
    text = "# Written by `python -m tests.accessibility`.\n" + yaml.safe_dump(
        measured, sort_keys=False, allow_unicode=True
    )
    MEASURED.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
