"""An outsider who has every release, against a source that lost its memory, or that bears another name than before.

Of 55 reports 3 are about A, 12 about B and 40 about C. The first release hides A, and C with it so that A can't be subtracted.
Then three of B are corrected away: too few are left to show, and C can be shown. Whoever does not remember the first release
gives away A = 55 - 12 - 40.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner

from ingest.municipal import source
from ingest.municipal.counting import count_up
from ingest.municipal.disclosure.linking import canonical, marks, translated
from ingest.municipal.disclosure.recall import recall
from ingest.municipal.layer import Layer
from ingest.municipal.region import Geography
from ingest.outcome import FAILED, FETCHED
from ingest.settings import Settings
from ingest.snapshot import Snapshot
from orchestration.cli import main
from orchestration.workspace import Workspace
from tests.ingest.municipal.conftest import put

B1, B2, B3 = "BU07700000", "BU07700001", "BU07700002"
FIRST = [("A", B1, 3), ("B", B2, 12), ("C", B3, 40)]
SECOND = [("A", B1, 3), ("B", B2, 9), ("C", B3, 40)]
CONTRACT: dict[str, Any] = {
    "id": "bron", "title": "t", "owner": "o", "contact": "c", "purpose": "p", "legal_basis": "l",
    "processing_register": "r", "sharing_level": "public", "retention_days": 9, "cadence": "year",
    "municipalities": ["GM0770"],
    "columns": [
        {"name": "datum", "type": "date"},
        {"name": "buurt", "type": "region"},
        {"name": "soort", "type": "category", "allowed": ["A", "B", "C"]},
    ],
    "observation": {"period": "datum", "dimensions": ["soort"],
                    "measures": [{"code": "alle", "title": "a", "unit": "aantal", "count": "rows"}]},
}  # fmt: skip

Published = dict[tuple[str, ...], float | None]


def declare(home: Path, **changes: Any) -> Workspace:
    """The data folder with this contract as it is now; any that was there by another name is gone."""
    folder = home / "sources" / "municipal"
    shutil.rmtree(folder, ignore_errors=True)
    return also(home, **changes)


def also(home: Path, **changes: Any) -> Workspace:
    contract = CONTRACT | changes
    file = home / "sources" / "municipal" / f"{contract['id']}.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(contract))
    return Workspace.open(Settings(home))


def columns(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [c | changes.get(c["name"], {}) for c in CONTRACT["columns"]]


def observation(**changes: Any) -> dict[str, Any]:
    return CONTRACT["observation"] | changes


def measures(**changes: Any) -> list[dict[str, Any]]:
    return [CONTRACT["observation"]["measures"][0] | changes]


def deliver(
    work: Workspace, rows: list[tuple[str, str, int]], name: str, contract: str = "bron", head: str = "soort"
) -> source.Outcome:
    """Days that no two sources have the same of by chance."""
    lines = [
        f"{1 + (n * n + 7 * at) % 28:02d}-{1 + (n + at) % 9:02d}-2024;{buurt};{kind}\n"
        for at, (kind, buurt, count) in enumerate(rows)
        for n in range(count)
    ]
    put(work, contract, name, f"datum;buurt;{head}\n" + "".join(lines))
    return source.land(work, work.registry.tables[contract])


def published(work: Workspace, contract: str = "bron") -> Published:
    """Region and member → figure, as the newest snapshot shows them; empty when there is none."""
    snapshot = work.store.newest(contract)
    if snapshot is None:
        return {}
    names = "".join(f', "{d}"' for d in snapshot.other_dimensions)
    with duckdb.connect() as con:
        found = con.execute(f'select "Gebied"{names}, "Value" from \'{snapshot.file("data.parquet")}\'').fetchall()
    return {tuple(row[:-1]): row[-1] for row in found}


def subtracted(*releases: Published, region: str = "GM0770", members: str = "ABC") -> bool:
    """Whether A, which is small, is the one part of its total that no release ever showed, or is shown."""
    a, *others = [
        any(r.get((region, member)) is not None for r in releases) for member in (members[0], *members[1:], "Totaal")
    ]
    return a or all(others)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = declare(tmp_path)
    assert deliver(work, FIRST, "1.csv").result == FETCHED
    return work


def test_the_first_release_hides_two(work: Workspace) -> None:
    first = published(work)
    assert first["GM0770", "A"] is None and list(first.values()).count(None) == 2
    assert not subtracted(first)


def test_the_attack_is_a_real_one(work: Workspace, tmp_path: Path) -> None:
    """Two sources that know nothing of each other give A away together."""
    other = declare(tmp_path / "elsewhere")
    deliver(other, SECOND, "2.csv")
    assert subtracted(published(work), published(other))


# -- by another name --------------------------------------------------------------------------------------------------

KLASSEN = columns(soort={"name": "klasse"})
RENAMED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "nothing": ({}, {}),
    "a dimension": ({"columns": KLASSEN, "observation": observation(dimensions=["klasse"])}, {"head": "klasse"}),
    "a measure": ({"observation": observation(measures=measures(code="meldingen"))}, {}),
    "a dimension and a measure": (
        {"columns": KLASSEN, "observation": observation(dimensions=["klasse"], measures=measures(code="meldingen"))},
        {"head": "klasse"},
    ),
    "the contract": ({"id": "andere_bron"}, {"contract": "andere_bron"}),
    "the contract and a dimension": (
        {"id": "andere_bron", "columns": KLASSEN, "observation": observation(dimensions=["klasse"])},
        {"contract": "andere_bron", "head": "klasse"},
    ),
    "the sharing level": ({"sharing_level": "partners"}, {}),
    "the title": ({"title": "Iets anders"}, {}),
}


@pytest.mark.parametrize("what", RENAMED)
def test_what_is_renamed_keeps_its_memory(work: Workspace, tmp_path: Path, what: str) -> None:
    changes, delivery = RENAMED[what]
    first = published(work)
    now = declare(tmp_path, **changes)
    deliver(now, SECOND, "2.csv", **delivery)
    second = published(now, delivery.get("contract", "bron"))
    assert not subtracted(first, second)
    # It is linked, and not only refused.
    assert len(second) == 4 and now.store.newest(delivery.get("contract", "bron")).warnings == []


def test_a_second_contract_on_the_same_rows_is_linked(work: Workspace, tmp_path: Path) -> None:
    now = also(tmp_path, id="kopie")
    deliver(now, SECOND, "2.csv", "kopie")
    assert not subtracted(published(work), published(now, "kopie"))


def test_another_source_of_the_same_municipality_is_not(work: Workspace, tmp_path: Path) -> None:
    other = [c | ({"allowed": ["X", "Y"]} if c["name"] == "soort" else {}) for c in CONTRACT["columns"]]
    now = also(tmp_path, id="iets_anders", columns=other)
    outcome = deliver(now, [("X", B2, 61), ("Y", B1, 22)], "2.csv", "iets_anders")
    assert outcome.result == FETCHED and published(now, "iets_anders")["GM0770", "X"] == 61
    assert not now.store.newest("iets_anders").warnings


def test_a_municipality_of_another_code_is_still_the_same(work: Workspace, tmp_path: Path) -> None:
    now = declare(tmp_path, municipalities=["GM1728"])
    rows = [(kind, buurt.replace("0770", "1728"), n) for kind, buurt, n in SECOND]
    deliver(now, rows, "2.csv")
    found = published(now)
    second = {("GM0770", *key[1:]): value for key, value in found.items() if key[0] == "GM1728"}
    assert not subtracted(published(work), second)


def test_members_that_change_places_are_seen_by_what_they_count(tmp_path: Path) -> None:
    """Two dimensions with the same members change names: each figure stands under the name of another."""
    both = [*columns(), {"name": "tweede", "type": "category", "allowed": ["A", "B", "C"]}]
    named = {"columns": both, "observation": observation(dimensions=["soort", "tweede"])}
    work = declare(tmp_path, **named)
    deliver(work, [(f"{kind};C", b, n) for kind, b, n in FIRST], "1.csv", head="soort;tweede")
    layer = Layer(work.settings.municipal, work.registry.contracts["bron"].id)
    [before] = layer.published("GM0770", "2024JJ00")
    deliver(work, [(f"C;{kind}", b, n) for kind, b, n in FIRST], "2.csv", head="soort;tweede")
    contract = work.registry.contracts["bron"]
    now = count_up(contract, "GM0770", "2024JJ00", layer.rows(layer.deliveries()[-1].delivery_id), Geography.of(work))
    true = {canonical(contract, key): tally.value for key, tally in now.tallies.items()}
    keys = dict(
        zip(
            (tuple(key) for key, *_ in before["figures"]),
            translated(before, contract, true, marks(contract, now)),
            strict=True,
        )
    )
    assert keys["alle", "GM0770", "soort=A"] == ("alle", "GM0770", "tweede=A")
    assert keys["alle", "GM0770", "soort=A", "tweede=B"] == ("alle", "GM0770", "soort=B", "tweede=A")


def test_wijken_below_a_municipality_tell_nothing_that_it_hides(work: Workspace, tmp_path: Path) -> None:
    first = published(work)
    now = declare(tmp_path, observation=observation(levels=["gemeente", "wijk", "buurt"]))
    deliver(now, SECOND, "2.csv")
    second = published(now)
    assert len({region for region, _ in second}) > 1
    assert not subtracted(first, second)
    for region in ("WK077000", B1):
        assert second[region, "A"] is None and not subtracted(first, second, region=region)


def test_buurten_of_other_codes_are_still_the_same(tmp_path: Path) -> None:
    finer = {
        "observation": observation(levels=["gemeente", "buurt"], dimensions=[]),
        "disclosure": {"rounding": 1, "why": "figures that can be subtracted to the unit"},
    }
    work = declare(tmp_path, **finer)
    deliver(work, FIRST, "1.csv")
    parts = [published(work)]
    now = declare(tmp_path, **finer)
    codes = {B1: "BU07700003", B2: "BU07700004", B3: "BU07700005"}
    assert deliver(now, [(kind, codes[buurt], n) for kind, buurt, n in SECOND], "2.csv").result == FETCHED
    parts.append({(next((o for o, c in codes.items() if c == k), k),): v for (k, *_), v in published(now).items()})
    shown = [any(p.get((region,)) is not None for p in parts) for region in ("GM0770", B2, B3)]
    assert not all(shown) and all(p.get((B1,)) is None for p in parts)
    assert now.store.newest("bron").warnings == []


def test_classes_of_another_kind_are_not_published_beside_those_of_before(work: Workspace, tmp_path: Path) -> None:
    """Nothing shows which became which: the correction is refused, with the reason."""
    other = columns(soort={"name": "groep", "allowed": ["P", "Q"]})
    now = declare(tmp_path, columns=other, observation=observation(dimensions=["groep"]))
    rows = [("P", B1, 9), ("Q", B2, 49)]
    deliver(now, rows, "2.csv", head="groep")
    assert published(now) == {("GM0770", "Totaal"): 55}
    assert "nothing shows which became which" in " ".join(now.store.newest("bron").warnings)


# -- without memory ---------------------------------------------------------------------------------------------------


def remembered(home: Path) -> Path:
    return home / "municipal" / "bron" / "published"


def forget(home: Path) -> None:
    shutil.rmtree(remembered(home))


def forget_one(home: Path) -> None:
    (remembered(home) / "GM0770-2024JJ00.json").unlink()


def tear(home: Path) -> None:
    file = remembered(home) / "GM0770-2024JJ00.json"
    file.write_bytes(file.read_bytes()[:-40])


def empty(home: Path) -> None:
    (remembered(home) / "GM0770-2024JJ00.json").write_text("[]")


@pytest.mark.parametrize("lose", [forget, forget_one, tear, empty])
def test_without_memory_there_is_no_release_and_it_can_be_recalled(
    work: Workspace, tmp_path: Path, lose: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, snapshot = published(work), work.store.newest("bron")
    lose(tmp_path)
    outcome = deliver(work, SECOND, "2.csv")
    assert outcome.result == FAILED and "rdc sources recall bron" in outcome.reason
    assert work.store.newest("bron") == snapshot
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    recalled = CliRunner().invoke(main, ["sources", "recall", "bron", "--json"])
    assert json.loads(recalled.stdout) == [{"municipality": "GM0770", "period": "2024JJ00", "whole": True}]
    assert source.land(work, work.registry.tables["bron"]).result == FETCHED
    assert not subtracted(first, published(work))
    assert json.loads(CliRunner().invoke(main, ["sources", "recall", "bron", "--json"]).stdout) == []


def test_a_memory_of_too_long_ago_is_no_memory(work: Workspace, tmp_path: Path) -> None:
    kept = (remembered(tmp_path) / "GM0770-2024JJ00.json").read_bytes()
    deliver(work, [("A", B1, 11), ("B", B2, 14), ("C", B3, 44)], "2.csv")
    (remembered(tmp_path) / "GM0770-2024JJ00.json").write_bytes(kept)
    assert deliver(work, SECOND, "3.csv").result == FAILED


def test_a_source_that_lost_its_memory_does_not_come_back_by_another_name(work: Workspace, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "municipal" / "bron")
    now = declare(tmp_path, id="andere_bron")
    outcome = deliver(now, SECOND, "2.csv", "andere_bron")
    assert outcome.result == FAILED and "rdc sources recall bron" in outcome.reason


def test_when_its_rows_are_gone_too_what_was_published_stands(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(work)
    forget(tmp_path)
    shutil.rmtree(tmp_path / "municipal" / "bron" / "rows")
    monkeypatch.setenv("RDC_HOME", str(tmp_path))
    recalled = CliRunner().invoke(main, ["sources", "recall", "bron"])
    assert recalled.exit_code == 0 and "stand as they are" in " ".join(recalled.stdout.split())
    deliver(work, SECOND, "2.csv")
    assert published(work) == first
    assert "only the outside is known" in " ".join(work.store.newest("bron").warnings)


def release(snapshot: Snapshot, file: Path) -> Path:
    """A released file with the figures of a snapshot."""
    with duckdb.connect(str(file)) as con:
        data, rules = snapshot.file("data.parquet"), snapshot.file("rules.parquet")
        con.execute(
            f"create schema core; create table core.disclosure_rule as from '{rules}'; create table core.observation as "
            f"select 'bron' as table_id, '{snapshot.snapshot_id}' as snapshot_id, \"Measure\" as measure_code, "
            '"Gebied" as region_code, "Perioden" as period_code, "Value" as value, '
            f"map {{'soort': \"soort\"}} as dimensions from '{data}'"
        )
    return file


def test_what_was_published_last_is_recalled_last(work: Workspace, tmp_path: Path) -> None:
    """An earlier release of which no snapshot is left does not take the place of what stands."""
    first = work.store.newest("bron")
    earlier = release(first, tmp_path / "earlier.duckdb")
    deliver(work, [("A", B1, 11), ("B", B2, 14), ("C", B3, 44)], "2.csv")
    stands = published(work)
    assert stands["GM0770", "A"] is not None
    work.store.remove(first)
    forget(tmp_path)
    shutil.rmtree(tmp_path / "municipal" / "bron" / "rows")
    content = (tmp_path / "municipal" / "bron" / "content" / "GM0770-2024JJ00.json").read_bytes()
    assert recall(work, "bron", [earlier]) == [("GM0770", "2024JJ00", False)]
    times = [record["at"] for record in Layer(work.settings.municipal, "bron").published("GM0770", "2024JJ00")]
    assert times == [first.fetched_at, work.store.newest("bron").fetched_at]
    deliver(work, SECOND, "3.csv")
    assert published(work) == stands
    assert recall(work, "bron", [earlier]) == []
    # The marks of rows that are gone still tell that another source has the same ones.
    assert (tmp_path / "municipal" / "bron" / "content" / "GM0770-2024JJ00.json").read_bytes() == content
