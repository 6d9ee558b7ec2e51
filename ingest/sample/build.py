"""Write the bundled sample from the live snapshots of a data folder: ``python -m ingest.sample.build [TABLE]...``.

The extract has the municipalities of the region (region.yml) with their wijken and buurten, the other municipalities of its
COROP area, that area itself, its province and the Netherlands; every measure and every period of the snapshot. Explanations are left
out: the extract is of figures. Run it after ``rdc run`` against StatLine, or against a stand-in that serves what was recorded of it.
Without names it makes anew every table that the sample has.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from ingest.datacenter import here
from ingest.engine import duck
from ingest.registry import Registry
from ingest.settings import Settings
from ingest.snapshot import SAMPLE, Landing, Snapshot, Store

_CENTER = here()
#: Of the region's COROP area all municipalities, as region.yml lists them.
WHOLE = (
    *("NL00", "NL01", _CENTER.province, _CENTER.corop, *_CENTER.codes),
    *(m.code for m in _CENTER.groups[_CENTER.corop].members if m.code not in _CENTER.members),
)
PARTS = tuple(kind + code[2:] for code in _CENTER.codes for kind in ("WK", "BU"))


def main(names: list[str]) -> int:
    settings = Settings.from_env()
    store = Store(settings.snapshots)
    written = 0
    declared = Registry.load()
    for table in declared.select(tuple(names) or tuple(t for t in declared.tables if (SAMPLE / t).is_dir())):
        snapshot = store.good(table.id)
        if snapshot is None:
            print(f"{table.id}: no accepted snapshot in {store.root}; run `rdc run` first", file=sys.stderr)
            return 1
        made = cut(snapshot, SAMPLE / table.id, settings)
        size = sum(f["bytes"] for f in made.files.values())
        written += size
        print(f"{table.id}: {made.row_count:,} of {snapshot.row_count:,} rows, {size / 1000:.0f} kB")
    print(f"{written / 1e6:.2f} MB in {SAMPLE}")
    return 0


def cut(snapshot: Snapshot, target: Path, settings: Settings) -> Snapshot:
    """The part of a snapshot that belongs in the sample, as a snapshot of its own with origin ``sample``.

    Addresses are written as those of the public services, whichever mirror the snapshot was fetched from.
    """

    def public(text: str) -> str:
        for asked, known in (
            (settings.v4_url, Settings.v4_url),
            (settings.v3_url, Settings.v3_url),
            (settings.third_party_url, Settings.third_party_url),
            (settings.pdok_url, Settings.pdok_url),
        ):
            text = text.replace(asked, known)
        return text

    if snapshot.region_dimension is None:
        raise ValueError(f"{snapshot.table_id} has no regions to choose from")
    region = f'"{snapshot.region_dimension}"'
    keep = f"{region} in ({', '.join(f'{chr(39)}{c}{chr(39)}' for c in WHOLE)}) or " + " or ".join(
        f"starts_with({region}, '{p}')" for p in PARTS
    )
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, duck() as con:
        folder = Path(scratch) / "landing"
        folder.mkdir()
        options = "(format parquet, compression zstd, compression_level 19)"
        con.execute(
            f"copy (select * replace ('sample' as origin) from read_parquet('{snapshot.file('data.parquet')}') where {keep}) "
            f"to '{folder / 'data.parquet'}' {options}"
        )
        rows = con.execute(f"select count(*) from read_parquet('{folder / 'data.parquet'}')").fetchall()[0][0]
        con.execute(
            f"copy (select * from read_parquet('{snapshot.file('dimensions.parquet')}')) "
            f"to '{folder / 'dimensions.parquet'}' {options}"
        )
        con.execute(
            f"copy (select * replace (null::varchar as description) from read_parquet('{snapshot.file('measures.parquet')}')) "
            f"to '{folder / 'measures.parquet'}' {options}"
        )
        # Of a municipality CBS's description says since when it exists; the other explanations are left out.
        con.execute(
            f"copy (select * replace (case when code in ({', '.join(f'{chr(39)}{c}{chr(39)}' for c in _CENTER.codes)}) "
            f"then regexp_extract(description, 'Begindatum .*') end as description) "
            f"from read_parquet('{snapshot.file('codes.parquet')}') "
            f"where dimension <> '{snapshot.region_dimension}' or {keep.replace(region, 'code')}) "
            f"to '{folder / 'codes.parquet'}' {options}"
        )
        facts = snapshot.manifest()
        for made_anew in ("snapshot_id", "sha256", "bytes", "files", "sequence"):
            del facts[made_anew]
        facts |= {
            "origin": "sample",
            "pages": [],
            "scope": _CENTER.slug,
            "row_count": rows,
            "expected_count": rows,
            "url": public(snapshot.url),
            "count_source": f"cut from a snapshot of {snapshot.expected_count} rows, as counted by "
            f"{public(snapshot.count_source)}",
            "warnings": ["extract for a few regions, bundled with the project; not the whole table"],
        }
        (Path(scratch) / "out").mkdir()
        made = Landing(folder).commit(Path(scratch) / "out", **facts)
        shutil.rmtree(target, ignore_errors=True)
        made.path.rename(target)
    return Snapshot.read(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
