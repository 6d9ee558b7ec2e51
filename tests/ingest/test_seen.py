"""What was seen of the tables: held against what the registry binds to, and completed from what was taken in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.declaration import RegistryError
from ingest.registry import ON_REQUEST, Registry
from ingest.seen import FOLDER, column_seen, complete, groups_seen, seen
from ingest.snapshot import SAMPLE, Snapshot
from warehouse.making.binding import Column, Columns
from warehouse.registry import indicators

REGISTRY = indicators.load()
TABLES = Registry.load().tables


def _columns() -> Columns:
    """The tables as they were seen, as a build would find them."""
    known = {t: s for t, s in seen().items() if s.columns}
    return Columns(
        set(known),
        {t: [Column(n, c.stem, c.path, c.unit or None) for n, c in enumerate(s.columns)] for t, s in known.items()},
        {t: {d: m for d, m in s.members.items() if m} for t, s in known.items()},
    )


def _terms() -> list[tuple[str, str, str, indicators.Term, str]]:
    return [
        (
            indicator.id,
            role,
            term.table or source.table,
            term,
            term.unit or (version.unit if role == "value" else "aantal"),
        )
        for _, indicator in REGISTRY.indicators()
        for version in indicator.versions
        for source in REGISTRY.sources(version)
        for role, terms in source.roles.items()
        if role in ("value", "numerator", "denominator")
        for term in terms
    ]


def test_every_binding_fits_what_was_seen_of_its_table() -> None:
    columns, wrong = _columns(), []
    for indicator, role, table, term, unit in _terms():
        if table not in columns.snapshots:
            wrong.append(f"{indicator} {role}: nothing is known of {table}")
            continue
        names = [term.measure] if term.measure else term.stem
        wrong += [
            f"{indicator} {role}: {w.text}" for w in columns.find(table, term, groups_seen(table, names), [unit])[1]
        ]
    assert wrong == []


def test_what_nobody_saw_is_named_as_such() -> None:
    """The list gets shorter with what is seen, and never longer without a look at it."""
    unseen = {
        (table, c.stem)
        for _, _, table, term, _ in _terms()
        for c in seen()[table].named([term.measure] if term.measure else term.stem)
        if c.how == "expected"
    }
    assert unseen == {
        ("50150NED", "SportWekelijks"),
    }
    assert column_seen("84799NED", ["AantalInwoners"]) and not column_seen("50150NED", ["SportWekelijks"])
    assert groups_seen("84799NED", ["AantalInwoners"]) and not groups_seen("82931NED", ["k_0Tot15Jaar"])
    assert column_seen("not_ours", ["X"]) and groups_seen("not_ours", ["X"])


def test_a_column_that_was_a_share_in_2014_is_not_the_count_that_it_is_in_2016() -> None:
    columns, term = _columns(), indicators.Term(stem=["WestersTotaal"])
    [wrong] = columns.find("82931NED", term, True, ["aantal"])[1]
    assert wrong.text.startswith("unit: WestersTotaal") and "is in '%', where 'aantal' is expected" in wrong.text
    assert columns.find("82931NED", term, True, ["%"])[1] == [] == columns.find("83487NED", term, True, ["aantal"])[1]


def test_every_table_that_an_indicator_needs_is_taken_by_default_and_no_other() -> None:
    needed = {table for _, _, table, _, _ in _terms()}
    # Boundaries are no figures: maps are drawn on them.
    assert needed == {t.id for t in TABLES.values() if not t.on_request and t.protocol != "boundaries"}
    assert set(seen()) <= set(TABLES)


def test_a_data_folder_says_what_it_takes_only_on_request(tmp_path: Path) -> None:
    (tmp_path / ON_REQUEST).write_text("# too large for us\n84799NED  # 2020\n\n", encoding="utf-8")
    assert Registry.load(own=tmp_path).tables["84799NED"].on_request
    (tmp_path / ON_REQUEST).write_text("84799\n", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"on_request\.txt: 84799 is not declared"):
        Registry.load(own=tmp_path)


def test_the_first_ingest_completes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, home = tmp_path / "seen", tmp_path / "home"
    shutil.copytree(FOLDER, folder)
    (folder / "columns.csv").write_text(
        "table_id,key,how,title,path,unit,said_by\n84799NED,AantalInwoners_9,expected,,,,\n70262ned,Bos_1,public,,,,\n",
        encoding="utf-8",
    )
    sample = Snapshot.read(SAMPLE / "84799NED")
    monkeypatch.setattr("ingest.snapshot.Store.good", lambda self, table: sample if table == "84799NED" else None)
    monkeypatch.setenv("RDC_HOME", str(home))
    assert complete(folder) == ["84799NED"]
    rows = (folder / "columns.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1] == "70262ned,Bos_1,public,,,,"
    assert "84799NED,AantalInwoners_5,metadata,Aantal inwoners,Bevolking,aantal,84799NED" in rows and len(rows) == 118
    assert any(
        r.startswith("84799NED,whole,its metadata of 20") for r in (folder / "tables.csv").read_text().splitlines()
    )
