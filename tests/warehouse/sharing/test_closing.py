"""A source that was open and is closed now: it is gone from the series, and from what the series still says of before."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from click.testing import CliRunner, Result

from ingest.declaration import Table
from ingest.settings import Settings
from orchestration import damage
from orchestration.cli import main
from orchestration.pipeline import rollback
from orchestration.workspace import Workspace
from tests.warehouse.conftest import Service
from tests.warehouse.made import CHECKS, INDICATORS, candidate, publish
from warehouse.making import publishing
from warehouse.making.candidate import _load_published
from warehouse.releases.release import Release, ReleaseError, Releases
from warehouse.serve.keys import Keys
from warehouse.serve.library import Libraries
from warehouse.sharing.access import PUBLIC, Scope

OPEN = {"T_EIGEN": "public"}
PUBLIC_NOW = [i for i in INDICATORS if i[6] == "public"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two releases with a municipal source in them that everyone could see, and one since it was closed."""
    kept = [i for i in INDICATORS if i[0] == "soc_meldingen" or i in PUBLIC_NOW]
    for shift in (0.0, 0.25):
        publish(tmp_path, indicators=kept, levels=OPEN, municipal=["T_EIGEN"], shift=shift)
    publish(tmp_path, indicators=PUBLIC_NOW, shift=0.25)
    return tmp_path


def test_the_service_does_not_give_it_out_of_an_older_release(folder: Path) -> None:
    first, *_ = Releases(folder).all()
    libraries = Libraries(folder, "256MB", 60)
    try:
        library = libraries.public
        old = library.get(first.release_id)
        assert old.tightened(library.current())
        visible = old.access(library.current()).visible(PUBLIC)
        found = old.con.execute(
            f"select distinct indicator_id from core.indicator_value as v where {visible}"
        ).fetchall()
        assert ("bev_inwoners",) in found and ("soc_meldingen",) not in found
    finally:
        libraries.close()


def test_the_changelog_does_not_tell_its_figures_again(folder: Path) -> None:
    newest = Releases(folder).all()[-1]
    beside = Releases(folder).path(newest.release_id).parent
    before = Releases(folder).path(Releases(folder).all()[1].release_id).parent
    assert "soc_meldingen" in (before / "diff.json").read_text()
    told = (beside / "diff.json").read_text() + (beside / "CHANGELOG.md").read_text()
    assert '"values": []' in told and "soc_meldingen" not in told and "T_EIGEN" not in told
    assert (beside / "CHANGELOG.md").read_text().count("\n## ") == 1


def test_its_figures_are_in_no_later_history(folder: Path) -> None:
    made = candidate(folder, indicators=INDICATORS, levels=OPEN, municipal=["T_EIGEN"])
    with duckdb.connect() as con:
        con.execute("create schema raw")
        _load_published(con, made.file, ["T_EIGEN"])
        found = con.execute("select distinct indicator_id from raw.published order by 1").fetchall()
    assert found == [(i[0],) for i in sorted(INDICATORS) if i[0] != "soc_meldingen"]


# -- closed stays closed, in every release that there is ---------------------------------------------------------------


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A home with a release in which everyone could see two sources, of which one is for partners only since."""
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    return declared(tmp_path, "public")


def declared(home: Path, level: str) -> Workspace:
    """The home as it is when the owner of T_EIGEN shares it so."""
    work = Workspace.open(Settings(home))
    table = next(t for t in work.registry.tables.values() if t.protocol == "municipal")
    municipality = "GM0770" if level == "municipality" else None
    table = table.model_copy(update={"id": "T_EIGEN", "sharing_level": level, "municipality": municipality})
    work.registry.tables["T_EIGEN"] = table
    return work


def released(work: Workspace, level: str = "public", **options: Any) -> Release:
    """A release of a series, with what its readers may see."""
    work.note_levels()
    shared = work.registry.tables["T_EIGEN"].sharing_level
    kept = [i for i in INDICATORS if i in PUBLIC_NOW or (i[0] == "soc_meldingen" and work.at(level).sees(own(work)))]
    folder = work.settings.releases(level)
    return publish(folder, indicators=kept, levels={"T_EIGEN": shared} if len(kept) > len(PUBLIC_NOW) else {},
                   municipal=["T_EIGEN"], **options)  # fmt: skip


def own(work: Workspace) -> Table:
    return work.registry.tables["T_EIGEN"]


def rdc(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


def test_going_back_to_a_release_from_before_is_refused(work: Workspace) -> None:
    first = released(work)
    work = declared(work.settings.home, "partners")
    after, theirs = released(work), released(work, "partners")
    with pytest.raises(ReleaseError, match=r"open again what was closed since: T_EIGEN \(partners since 20"):
        rollback(work, first.release_id)
    assert work.releases.current() == after
    # It is so from the moment that the owner says so, whether a run came since or not.
    work = declared(work.settings.home, "municipality")
    with pytest.raises(ReleaseError, match=r"T_EIGEN \(municipality"):
        rollback(work.at("partners"), theirs.release_id)
    assert rollback(work, after.release_id)[0] == after


def test_what_is_closed_in_its_declaration_is_closed_by_the_next_command_that_writes(work: Workspace) -> None:
    """And not only by a whole run: one that takes hours, or is refused by its audit, closed nothing until then."""
    first = released(work)
    work = declared(work.settings.home, "partners")
    assert not work.releases.opens(first)
    with work.writing("a test"):
        pass
    assert [c.table for c in work.releases.opens(first)] == ["T_EIGEN"]


def test_what_is_opened_on_purpose_is_open_in_what_is_made_since(work: Workspace) -> None:
    first = released(work)
    home = work.settings.home
    work = declared(home, "partners")
    second = released(work)
    work = declared(home, "public")
    third = released(work)
    events = json.loads((home / "warehouse" / "levels.json").read_text())["events"]
    assert [(e["table"], e["level"], bool(e["at"])) for e in events if e["table"] == "T_EIGEN"] == [
        ("T_EIGEN", level, True) for level in ("public", "partners", "public")
    ]
    assert [bool(work.releases.opens(r)) for r in (first, second, third)] == [True, False, False]
    assert rollback(work, second.release_id)[0] == second and rollback(work, third.release_id)[0] == third


@pytest.mark.parametrize("spoil", ["gone", "torn", "a folder"])
def test_without_its_memory_what_was_ever_closed_is_closed(work: Workspace, spoil: str) -> None:
    first = released(work)
    work = declared(work.settings.home, "partners")
    second, theirs = released(work), released(work, "partners")
    file = work.settings.warehouse / "levels.json"
    assert file.stat().st_mode & 0o077 == 0
    text = file.read_text()
    file.unlink()
    if spoil == "torn":
        file.write_text(text[:-20])
    elif spoil == "a folder":
        file.mkdir()
    fresh = Workspace.open(Settings(work.settings.home))
    assert [bool(fresh.releases.opens(r)) for r in (first, second)] == [True, False]
    assert not fresh.at("partners").releases.opens(theirs)
    with pytest.raises(ReleaseError, match="T_EIGEN"):
        rollback(work, first.release_id)
    released(work)
    assert json.loads(file.read_text())["events"]
    assert len(list(work.settings.home.glob("damaged/*/warehouse/levels.json"))) == (spoil != "gone")


@pytest.mark.parametrize("spoil", ["gone", "garbage"])
def test_mending_a_damaged_home_does_not_open_it(work: Workspace, spoil: str) -> None:
    """The newest release can't be used: the one before could, but has what was closed."""
    released(work)
    work = declared(work.settings.home, "partners")
    second = released(work)
    for file in (work.releases.current_file, work.releases.path(second.release_id)):
        file.chmod(0o644)
        file.unlink()
        if spoil == "garbage":
            file.write_bytes(b"x" * 4096)
    told = " ".join(f.done for f in damage.mended(work.settings))
    assert "passed over" in told and "T_EIGEN (partners since" in told
    assert not work.releases.current_file.exists()


def test_a_source_that_is_declared_no_more_is_closed(work: Workspace) -> None:
    first = released(work)
    released(work, shift=0.25)
    with pytest.raises(ReleaseError, match="T_EIGEN"):
        rollback(Workspace.open(Settings(work.settings.home)), first.release_id)


def test_commands_give_nothing_of_it_out_of_a_release_from_before(work: Workspace) -> None:
    first = released(work)
    work = declared(work.settings.home, "partners")
    second = released(work)
    name = first.release_id
    listed = {r["release_id"]: r["closed"] for r in json.loads(rdc("releases", "--json").stdout)}
    assert listed == {name: ["T_EIGEN"], second.release_id: []}
    query = rdc("query", "select count(*) as n from core.indicator_value", "--as-of", name)
    assert query.exit_code == 1 and "closed after it was made: T_EIGEN" in said(query)
    assert rdc("explain", "soc_meldingen", "GM0770", "2024", "--as-of", name).exit_code == 1
    for arguments in (["bevolking"], ["bevolking", "--long"], ["indicator"], ["policy_goal"]):
        pulled = rdc("pull", *arguments, "--as-of", name)
        assert pulled.exit_code == 0 and "bev_inwoners" in pulled.stdout and "soc_meldingen" not in pulled.stdout
    assert rdc("pull", "core.observation", "--as-of", name).exit_code == 1
    told = rdc("diff", name, second.release_id, "--json")
    assert told.exit_code == 0 and "soc_meldingen" not in told.stdout and "T_EIGEN" not in told.stdout
    assert json.loads(told.stdout)["values"] == []


def test_the_current_release_is_closed_at_once_for_the_service(work: Workspace) -> None:
    release = released(work)
    libraries = Libraries(work.settings.warehouse, "256MB", 60)
    try:
        library = libraries.public
        opened = library.current()
        assert opened.access(opened).whole(PUBLIC) and not opened.tightened(opened)
        declared(work.settings.home, "partners").note_levels()
        assert opened.tightened(opened) and opened.closed(opened, PUBLIC) == {"T_EIGEN"}
        with library.asking(opened, PUBLIC) as published:
            assert "soc_meldingen" not in [i["indicator_id"] for i in published.indicators]
            found = published.rows(f"select distinct indicator_id as i from ({published.long()})")
            assert {f["i"] for f in found} == {i[0] for i in PUBLIC_NOW}
        # Whoever may see it by their key still does.
        with library.asking(opened, Scope("partners")) as partner:
            assert "soc_meldingen" in [i["indicator_id"] for i in partner.indicators]
            assert partner.rows(f"select * from ({partner.long()}) where indicator_id = 'soc_meldingen'")
    finally:
        libraries.close()
    assert work.releases.current() == release


def with_absent(work: Workspace, *absent: str) -> Release:
    """A release, with the project's indicators that have no source in it, as dbt makes them."""
    work.note_levels()
    shared = work.registry.tables["T_EIGEN"].sharing_level
    kept = [i for i in INDICATORS if i in PUBLIC_NOW or (i[0] == "soc_meldingen" and shared == "public")]
    levels = {"T_EIGEN": shared} if shared == "public" else {}
    made = candidate(work.settings.warehouse, indicators=kept, levels=levels, municipal=["T_EIGEN"])
    with made.connect() as con:
        for name in absent:
            con.execute(
                "insert into core.indicator by name select * replace (? as indicator_id) from core.indicator "
                "where indicator_id = 'bev_inwoners'",
                [name],
            )
            con.execute(
                "insert into core.indicator_value by name select ? as indicator_id, 1 as definition_version, region_code, "
                "'2024JJ00' as period_code, 'not_available' as missing_reason, 'absent' as method from core.region",
                [name],
            )
    return publishing.publish(work.releases, made, [], CHECKS, "<html></html>")


def test_what_changed_since_neither_tells_of_it_nor_of_what_did_not_change(work: Workspace) -> None:
    """An indicator without a source is no news because another source was closed."""
    first = with_absent(work, "zonder_bron")
    home = work.settings.home
    work = declared(home, "partners")
    second = with_absent(work, "zonder_bron", "soc_meldingen")
    folder = work.releases.path(second.release_id).parent
    told = (folder / "diff.json").read_text() + (folder / "CHANGELOG.md").read_text()
    assert not [name for name in ("zonder_bron", "soc_meldingen", "T_EIGEN") if name in told]
    key = Keys(home).add("all", "Rural Data Center", "municipality", ["*"])[1]
    with Service(home) as service:
        found = service.get("/v1/waarnemingen", sindsRelease=first.release_id)
        assert (found.status_code, found.json()["waarnemingen"]) == (200, [])
        for path in ("", "/bestanden", "/wijzigingen", "/bestanden/CHANGELOG.md", "/bestanden/datapackage.json"):
            answer = service.get(f"/v1/releases/{first.release_id}{path}")
            assert "soc_meldingen" not in answer.text and "T_EIGEN" not in answer.text, path
        for path in ("indicatoren", "tabellen/indicator", "tabellen/bevolking", "waarnemingen", "dataproducten"):
            answer = service.get(f"/v1/{path}", release=first.release_id)
            assert "soc_meldingen" not in answer.text and "T_EIGEN" not in answer.text, path
        assert service.get("/v1/indicatoren/soc_meldingen", release=first.release_id).status_code == 404
        # Whoever may see all sees it in the release that had it.
        seen = service.get("/v1/waarnemingen", key, indicator="soc_meldingen", release=first.release_id)
        assert len(seen.json()["waarnemingen"]) > 10


def test_a_source_without_an_indicator_closes_the_whole_files_that_have_it(work: Workspace) -> None:
    """No figure is made of it, but its observations are in the released file."""
    work.note_levels()
    made = candidate(work.settings.warehouse, indicators=PUBLIC_NOW, levels=OPEN, municipal=["T_EIGEN"])
    with made.connect() as con:
        con.execute("insert into core.observation values ('T_EIGEN', 'GM0770', 987654321)")
    first = publishing.publish(work.releases, made, [], CHECKS, "<html></html>").release_id
    key = Keys(work.settings.home).add("all", "Rural Data Center", "municipality", ["*"])[1]
    partner = Keys(work.settings.home).add("partner", "Omgevingsdienst", "partners")[1]
    with Service(work.settings.home) as service:
        files = service.get(f"/v1/releases/{first}/bestanden").json()["bestanden"]
        assert "rdc.duckdb" in [f["bestand"] for f in files]
        assert service.get(f"/v1/releases/{first}").json()["isVolledigOpenbaar"]
        declared_since = declared(work.settings.home, "municipality")
        declared_since.note_levels()
        for made_since in (False, True):
            if made_since:
                released(declared_since)
            for who in (None, partner):
                assert service.get(f"/v1/releases/{first}/bestanden", who).json()["bestanden"] == []
                assert not service.get(f"/v1/releases/{first}", who).json()["isVolledigOpenbaar"]
                for file in files:
                    assert service.get(f"/v1/releases/{first}/bestanden/{file['bestand']}", who).status_code == 403
                for path in ("dataproducten", "tabellen/bevolking", "tabellen/indicator", "waarnemingen"):
                    for fmt in ({}, {"formaat": "xlsx"}, {"formaat": "csv"}):
                        answer = service.get(f"/v1/{path}", who, release=first, **fmt)
                        assert "T_EIGEN" not in contents(answer), (path, fmt)
                for path in (
                    "/ODataFeed/odata/KEMPEN-BEVOLKING/TableInfos",
                    "/odata/v1/CBS/KEMPEN-BEVOLKING/Properties",
                ):
                    assert "T_EIGEN" not in service.get(path, who, release=first).text
            assert service.get(f"/v1/releases/{first}/bestanden/rdc.duckdb", key).status_code == 200
    for table in ("core.observation", "core.table"):
        assert rdc("pull", table, "--as-of", first).exit_code == 1
    assert rdc("query", "select * from core.observation", "--as-of", first).exit_code == 1


def contents(answer: requests.Response) -> str:
    if answer.content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return " ".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return answer.text
