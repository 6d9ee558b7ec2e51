"""The portal on a real release: every figure on a page is the one of the warehouse, and leads to where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ingest.datacenter import here
from tests.ingest.boundaries.pdok import Pdok
from tests.orchestration.conftest import Rdc
from tests.orchestration.released_figures import Truth, figures_of
from tests.warehouse.conftest import Service
from tests.warehouse.serve.portal.reading import Read, sound
from warehouse.reading.explain import ENGLISH
from warehouse.reading.reader import reading
from warehouse.releases.release import Releases
from warehouse.serve.portal.page import Asking, ServiceLinks
from warehouse.serve.portal.pages import KINDS
from warehouse.serve.portal.view import View
from warehouse.serve.portal.words import words


@pytest.fixture(scope="module")
def service(released: Rdc) -> Iterator[Service]:
    with Service(released.home) as service:
        yield service


@pytest.fixture(scope="module")
def truth(released: Rdc) -> Truth:
    return figures_of(released)


def addresses(home: Path, kinds: Iterable[str] = ()) -> dict[str, list[str]]:
    """The address of every page that the release has, by kind."""
    with reading(Releases(home / "warehouse")) as reader:
        view = View(reader.published, here(), None)  # type: ignore[arg-type]  # no page is made
        return {
            kind.name: [kind.path(a) + (f"?{urlencode(a.state)}" if a.state else "") for a in kind.addresses(view)]
            for kind in KINDS
            if not kinds or kind.name in kinds
        }


def compare(page: Read, truth: Truth, where: str) -> int:
    for shown in page.figures:
        assert (shown.value, shown.text) == truth[shown.key], (where, shown)
    for href, why in page.missing:
        indicator, area, period = href.removeprefix("/cijfer/").split("/")
        assert truth[indicator, area, period][0] is None and why, (where, href)
    return len(page.figures)


def test_figures_on_pages_are_those_of_the_warehouse(released: Rdc, service: Service, truth: Truth) -> None:
    """A page in every so many of each kind, but never fewer than a few; all of them: the site of files (``test_site``)."""
    compared = 0
    for name, paths in addresses(released.home).items():
        for path in paths[:: max(1, len(paths) // 4)]:
            answer = service.get(path)
            assert answer.status_code == 200, (path, answer.text)
            compared += compare(sound(answer.text), truth, path)
        assert paths, name
    assert compared > 150


def test_how_a_figure_came_about_to_its_cells(service: Service) -> None:
    page = sound(service.get("/cijfer/bev_65plus_pct/KEMPEN/2020JJ00").text)
    assert "Wij tellen op over de 5 gemeenten van de groep: Eersel, Oirschot," in page.text
    assert "Wij delen teller door noemer: 100 × 19.638 / 90.164." in page.text and "Afgerond is dat 21,8." in page.text
    look_up = [link for link in page.away if "TypedDataSet" in link]
    assert len(look_up) == 10 and all("84799NED" in link for link in look_up)
    missing = sound(service.get("/cijfer/mil_gas/KEMPEN/2024JJ00").text)
    assert "zonder die weging is er geen gemiddelde voor een groep" in missing.text
    assert service.get("/cijfer/mil_gas/KEMPEN/1900JJ00").status_code == 404
    assert service.get("/cijfer/mil_gas/GM9999/2024JJ00").status_code == 404


def test_every_step_has_its_words() -> None:
    assert ENGLISH.keys() <= words().figure.steps.keys()


# -- maps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [30, pytest.param(6, marks=pytest.mark.long)])
def test_maps_show_the_figures_of_the_warehouse_on_the_areas_of_their_year(
    released: Rdc, truth: Truth, pdok: Pdok, every: int
) -> None:
    """The maps of one in so many indicators and areas, read back from what is drawn."""
    years = set(pdok.areas)
    with reading(Releases(released.home / "warehouse")) as reader:
        view = View(reader.published, here(), None)  # type: ignore[arg-type]  # no page is made
        assert "gebiedsgrenzen" not in {s["table_id"] for s in view.sources}, "they are no source of figures"
        links = ServiceLinks("", view.release_id)
        kinds = {kind.name: kind for kind in KINDS}
        maps = []
        for name in [
            n
            for n in sorted({key[0] for key, (value, _) in truth.items() if value is not None})
            if not view.indicators[n]["is_total"]
        ][::every]:
            page = kinds["indicator"].make(view, Asking({"indicator": name}), links)
            maps += [(name, c) for key, c in page.charts.items() if key.startswith("kaart")]
        for kind in ("municipality", "village", "neighbourhood"):
            for address in list(kinds[kind].addresses(view))[::every]:
                page = kinds[kind].make(view, Asking(address.path), links)
                assert "kaart" in page.charts, address
                maps.append((page.content["on_map"][0].indicator, page.charts["kaart"]))
    compared = 0
    for name, chart in maps:
        rows = chart.spec()["datasets"]["rijen"]
        for row in rows:
            if row["periode"] is not None:
                assert truth[name, row["gebied"], row["periode"]][0] == row["waarde"], (name, row)
                compared += 1
        lines = [r["tekst"] for r in chart.spec()["datasets"]["regels"]]
        [period] = {row["periode"] for row in rows} - {None}
        if int(period[:4]) in years:
            assert lines[0] == f"Gebieden van {period[:4]}"
        else:
            assert lines[0].startswith(f"Cijfers over {period[:4]}, op de gebieden van ")
        assert not view.indicators[name]["is_total"], "a larger area has more of a number of things"
    assert len(maps) > 200 / every and compared > 3000 / every


def test_a_map_stands_on_its_pages_and_is_a_file(service: Service) -> None:
    for path in ("/gemeente/bladel", "/gemeente/de-kempen", "/wijk/WK172802", "/buurt/BU17280200"):
        page = service.get(path).text
        assert 'class="chart map"' in page and "Op de kaart" in page and "Gebieden van 2020" in page, path
        assert "Gebieden van 2020" in service.get(f"{path}/grafiek/kaart.svg").text
    page = service.get("/indicator/bev_dichtheid").text
    assert page.count('class="chart map"') == 3
    of_bladel = service.get("/indicator/bev_dichtheid?gebied=GM1728").text
    assert "Hapert Noord" in of_bladel and len(of_bladel) < len(page)
    assert "Niet op de kaart" not in page
