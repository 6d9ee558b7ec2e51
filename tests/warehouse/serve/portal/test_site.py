"""The portal as files: whole, the same each time, every link leads somewhere, and nothing in it that is not for everyone."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.browser import started
from tests.warehouse.conftest import RDC, Center
from tests.warehouse.made import INDICATORS, PERIODS, REGIONS, figure_of
from tests.warehouse.serve.portal.reading import Read, sound
from warehouse.serve.portal.site.build import MANIFEST, SiteError, build
from warehouse.serve.portal.site.check import check
from warehouse.serve.portal.site.whole import WholeView
from warehouse.serve.portal.site.writer import Writer

BASE = "https://cijfers.example.nl/kempen/"


@pytest.fixture(scope="module")
def site(center: Center, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "portal"
    build(center.service.home, folder, BASE)
    return folder


def _files(folder: Path) -> dict[str, str]:
    found = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in found}


def test_nothing_is_broken(site: Path) -> None:
    assert list(check(site)) == []
    assert (site / "index.html").is_file() and (site / "indicator/bev_inwoners/gebied/GM0770/index.html").is_file()


def test_the_same_release_gives_the_same_bytes_and_an_unchanged_page_is_not_drawn_again(
    center: Center, site: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    first = build(center.service.home, other, BASE)
    assert _files(other) == _files(site) and first.drawn == first.pages
    again = build(center.service.home, other, BASE)
    assert again.drawn == 0 and _files(other) == _files(site)
    page = other / "indicator/bev_inwoners/index.html"
    page.write_text("spoiled", encoding="utf-8")
    assert build(center.service.home, other, BASE).drawn == 1 and _files(other) == _files(site)
    assert build(center.service.home, other).drawn == first.pages, "at another address whole addresses are others"
    assert not (other / "sitemap.xml").exists() and list(check(other)) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other"], "nothing is left beside it"


def test_areas_that_have_no_page_are_told_of(center: Center, tmp_path: Path) -> None:
    """A release of the whole country has figures of more areas than the site has pages for."""
    writer = Writer(center.service.home, tmp_path, BASE, None)
    try:
        about = next(e for e in writer.entries if e.kind.name == "about")
        writer.draw(about)
        assert "andere gebieden" not in (tmp_path / "over/index.html").read_text(encoding="utf-8")
        writer.view = WholeView(writer.published, writer.center, writer.opened.created_at)
        writer.view.__dict__["shown"] = frozenset({"GM0770", "KEMPEN"})
        writer.draw(about)
        page = sound((tmp_path / "over/index.html").read_text(encoding="utf-8"))
        assert "De uitgave heeft ook cijfers van 6 andere gebieden." in page.text
    finally:
        writer.close()


def test_every_figure_is_the_released_one(site: Path) -> None:
    shown = {}
    for file in site.rglob("index.html"):
        for figure in Read(file.read_text(encoding="utf-8")).figures:
            assert figure.value == figure_of(*figure.key), (file, figure)
            shown[figure.key] = figure
    for name, *_ in (i for i in INDICATORS if i[6] == "public"):
        for region, kind, *_ in REGIONS:
            if kind == "gemeente":
                assert {(name, region, p) for p in PERIODS} <= shown.keys()


def test_nothing_of_it_is_closed(site: Path) -> None:
    """No figure of a closed source in any file: not in a page, an attribute, a picture, the index or a release's file."""
    closed = [
        (name, at)
        for name, _, _, _, _, _, level in INDICATORS
        if level != "public"
        for at in ("GM0770", "GM1728", "WK077000")
    ]
    numbers = [f"{figure_of(name, at, period):.0f}"[:7] for name, at in closed for period in PERIODS]
    dotted = [f"{n[0]}.{n[1:4]}.{n[4:7]}" for n in numbers]
    for file in site.rglob("*"):
        if file.is_file() and file.suffix != ".parquet":
            text = file.read_text(encoding="utf-8")
            assert not [n for n in numbers + dotted if n in text], file


def test_sitemap_and_feed_lead_to_pages(center: Center, site: Path) -> None:
    spaces = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "a": "http://www.w3.org/2005/Atom"}
    places = [e.text or "" for e in ElementTree.parse(site / "sitemap.xml").iterfind(".//s:loc", spaces)]
    assert f"{BASE}indicator/bev_inwoners/" in places and BASE in places and len(places) == len(set(places))
    feed = ElementTree.parse(site / "uitgaven.atom")
    titles = [e.text for e in feed.iterfind(".//a:entry/a:title", spaces)]
    assert titles == [f"Uitgave {release}" for release in reversed(center.releases)]
    assert f"Sitemap: {BASE}sitemap.xml" in (site / "robots.txt").read_text(encoding="utf-8")
    # The service has both too.
    served = ElementTree.fromstring(center.service.get("/sitemap.xml").content)
    assert {e.text for e in served.iterfind(".//s:loc", spaces)} >= {f"{center.service.url}/indicator/bev_inwoners"}
    assert ElementTree.fromstring(center.service.get("/uitgaven.atom").content).tag.endswith("feed")
    assert center.service.get("/sitemap-7.xml").status_code == 404
    assert "Disallow: /embed/" in center.service.get("/robots.txt").text


def test_the_release_is_in_it_as_data(site: Path) -> None:
    import duckdb

    file = site / "bestanden/tables/bevolking.parquet"
    rows = duckdb.sql(f"select distinct region_code from '{file}'").fetchall()
    page = (site / "indicator/bev_inwoners/index.html").read_text(encoding="utf-8")
    assert f"select * from &#39;{BASE}bestanden/tables/bevolking.parquet&#39;" in page or f"'{BASE}bestanden" in page
    assert ("GM0770",) in rows and not (site / "bestanden/rdc.duckdb").exists()
    page = Read((site / "thema/bevolking/index.html").read_text(encoding="utf-8")).text
    for line in ("select * from '{}.parquet'", 'pandas.read_parquet("{}.parquet")', "{}.csv"):
        assert line.format(f"{BASE}bestanden/tables/bevolking") in page
    assert (site / "bestanden/tables/bevolking.csv").is_file()


def test_what_is_broken_is_told(site: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled"
    shutil.copytree(site, spoiled)
    (spoiled / "indicator/bev_dichtheid/index.html").unlink()
    (spoiled / "left.txt").write_text("x", encoding="utf-8")
    page = spoiled / "index.html"
    page.write_text(
        page.read_text(encoding="utf-8").replace(
            "</h1>", '</h1><h1>Nog een</h1><img src="https://elders.nl/x.png" alt="">'
        ),
        encoding="utf-8",
    )
    told = "\n".join(check(spoiled))
    for said in (
        "indicator/bev_dichtheid/index.html: the file is gone",
        "left.txt: a file that `rdc portal build` did not write",
        "index.html: the file was changed since it was written",
        "index.html: 2 headings of the first level",
        "index.html: fetches https://elders.nl/x.png from elsewhere",
        "leads nowhere",
    ):
        assert said in told, told


def test_a_folder_with_something_else_in_it_is_left_alone(center: Center, tmp_path: Path) -> None:
    (tmp_path / "foto.jpg").write_bytes(b"x")
    with pytest.raises(SiteError, match="no portal"):
        build(center.service.home, tmp_path)
    with pytest.raises(SiteError, match="no portal"):
        list(check(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["foto.jpg"]


def test_the_command(center: Center, site: Path, tmp_path: Path) -> None:
    def rdc(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"RDC_HOME": str(center.service.home), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [str(RDC), "portal", *arguments], env=env, capture_output=True, text=True, timeout=300, check=False
        )

    made = rdc("build", "--output", str(tmp_path / "s"), "--base-url", BASE, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["release"] == center.releases[-1]
    assert _files(tmp_path / "s") == _files(site), "the same in another process"
    (tmp_path / "s" / MANIFEST).unlink()
    checked = rdc("check", str(tmp_path / "s"))
    assert checked.returncode == 1 and "it is no portal" in checked.stderr
    assert rdc("build", "--output", str(tmp_path / "t"), "--base-url", "cijfers.nl").returncode == 2


@pytest.mark.browser
def test_it_works_from_any_web_server_in_any_folder(site: Path) -> None:
    """In Chromium, below a path of its own: no error, nothing from elsewhere, and search answers from its index."""
    handler = partial(QuietHandler, directory=str(site.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with started() as browser, browser.window(f"http://127.0.0.1:{server.server_port}") as window:
            page = window.open(f"/{site.name}/")
            page.locator('nav a[href$="zoeken/"]').first.click()
            for question, title in (
                ("aantal bewoners", "Aantal inwoners op 1 januari"),
                ("inwonrs", "Aantal inwoners"),
                ("eersel", "Eersel"),
            ):
                page.get_by_role("searchbox").fill(question)
                assert page.locator("#gevonden a").first.inner_text().startswith(title)
            page.get_by_role("searchbox").fill("zeppelin")
            assert page.locator("#niets").is_visible() and not page.locator("#gevonden li").count()
            page.get_by_role("searchbox").fill("inwoners")
            page.locator("#gevonden a").first.click()
            assert page.locator("h1").inner_text() == "Aantal inwoners op 1 januari"
            assert page.locator("figure.chart svg").first.is_visible()
            with page.expect_download() as download:
                page.get_by_role("button", name="PNG").first.click()
            assert download.value.suggested_filename == "reeks.png"
            picture = Path(download.value.path()).read_bytes()
            assert picture[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(picture[16:20]) > 800, "pixels wide"
            assert window.violations() == [] and window.wrong == []
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""
