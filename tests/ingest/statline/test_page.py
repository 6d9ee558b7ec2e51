"""A page of rows on disk: whatever its layout and however it arrives, its rows are all there and its body can be made again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.http import TransientError
from ingest.received import Page, body
from ingest.statline import page as pages
from ingest.statline.page import Envelope

#: As CBS lays v3 out; as the benchmark does; one line, as v4; and shapes that nobody is known to use.
LAYOUTS = {
    "v3": ("[\r\n    {\r\n      ", "\r\n    },{\r\n      ", "\r\n    }\r\n  ]"),
    "a row a line": ("[\r\n{", "},\r\n{", "}]"),
    "one line": ("[{", "},{", "}]"),
    "comma first": ("[ {", "}\n,{", "}\n]"),
    "blank lines": ("[\n\n{\t", "\n}\n\n,\n\n{\t", "}\n\n]"),
}

text = st.text(st.sampled_from('ab{}[],:"\\\r\n é€'), max_size=40)
record = st.fixed_dictionaries({"ID": st.integers(0, 10**9), "Naam": text, "Waarde": st.none() | st.floats(0, 1e6)})


def laid_out(rows: list[dict], layout: tuple[str, str, str], long: int = 1) -> bytes:
    opening, between, closing = layout
    head = '{"odata.metadata":"' + "x" * long + '","value":'
    inner = [json.dumps(row, ensure_ascii=False)[1:-1] for row in rows]
    tail = ',"odata.nextLink":"https://example.org/?$skip=1"}'
    return (head + opening + between.join(inner) + closing + tail).encode()


def kept(received: bytes, chunk: int, folder: Path, *, lines: bool = True) -> tuple[Page, bytes]:
    """A body taken in by pieces: the page's record, and what of its rows is on disk."""
    file = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as rows:
        envelope = Envelope("https://example.org/", rows, lines)
        for at in range(0, len(received), chunk):
            envelope.feed(received[at : at + chunk])
        _, head, tail, sha256 = envelope.finish()
    (folder / "page.json.zst").write_bytes(file.getvalue())
    between = envelope.between.decode()
    page = Page(1, "https://example.org/", "page.json.zst", head, tail, envelope.bytes, sha256, between=between)
    return page, zstandard.ZstdDecompressor().stream_reader(file.getvalue()).read()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@settings(max_examples=150)
@given(
    rows=st.lists(record, min_size=1, max_size=8),
    times=st.integers(1, 400),
    layout=st.sampled_from(sorted(LAYOUTS)),
    chunk=st.sampled_from([101, 4096, 65_536, 1 << 18]),
    long=st.sampled_from([1, 50_000, 64_000, 65_480]),
)
def test_no_row_and_no_byte_is_lost(
    folder: Path, rows: list[dict], times: int, layout: str, chunk: int, long: int
) -> None:
    rows = rows * times
    received = laid_out(rows, LAYOUTS[layout], long)
    page, stored = kept(received, chunk, folder)

    assert body(page, folder) == received
    if page.between:
        assert [json.loads(line) for line in stored.split(b"\n")] == rows
    else:
        assert json.loads(stored) == rows
    if long == 1:  # Behind a long head the second row may come too late to be looked at.
        assert bool(page.between) == (layout != "one line" and len(rows) > 1)


@pytest.mark.parametrize("where", [0, 1, 500, 998, 999])
@pytest.mark.parametrize("layout", ["v3", "a row a line"])
def test_a_row_with_a_line_end_of_its_own_is_not_cut_in_two(folder: Path, layout: str, where: int) -> None:
    opening, between, closing = LAYOUTS[layout]
    inner = [f'"ID":{n},"Naam":"{"x" * 100}"' for n in range(1000)]
    inner[where] = inner[where].replace(",", ",\r\n", 1)
    received = ('{"value":' + opening + between.join(inner) + closing + "}").encode()

    with pytest.raises(pages._UnevenError):
        kept(received, 1 << 16, folder)
    page, stored = kept(received, 1 << 16, folder, lines=False)
    assert body(page, folder) == received
    assert [row["ID"] for row in json.loads(stored)] == list(range(1000))


@pytest.mark.parametrize("empty", ["[]", "[\r\n\r\n  ]", "[ ]"])
def test_a_page_without_rows_is_a_page(folder: Path, empty: str) -> None:
    received = ('{"odata.metadata":"x","value":' + empty + "}").encode()
    page, stored = kept(received, 10, folder)
    assert (json.loads(stored), body(page, folder)) == ([], received)


@settings(max_examples=100)
@given(layout=st.sampled_from(sorted(LAYOUTS)), count=st.integers(1, 900), kept_of_it=st.floats(0, 0.999))
def test_a_body_cut_short_is_an_error(folder: Path, layout: str, count: int, kept_of_it: float) -> None:
    rows = [{"ID": n, "Naam": "x" * 150} for n in range(count)]
    received = laid_out(rows, LAYOUTS[layout])
    with pytest.raises(TransientError, match=r"JSON cut short|OData JSON"):
        kept(received[: int(len(received) * kept_of_it)], 4096, folder)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
@pytest.mark.parametrize("value", ["true", " \t false", "[1]", "{}", "null", "-1", '"a"'])
def test_a_value_that_no_row_has_is_seen_wherever_the_pieces_meet(value: str, chunk: int) -> None:
    rows = [f'{{"ID":{n},"Naam":"{"x" * 100}"}}' for n in range(900)]
    rows[-1] = f'{{"ID":899,"Naam":{value}}}'
    received = ('{"value":[' + ",".join(rows) + "]}").encode()
    with zstandard.ZstdCompressor().stream_writer(io.BytesIO()) as out:
        envelope = Envelope("https://example.org/", out)
        for at in range(0, len(received), chunk):
            envelope.feed(received[at : at + chunk])
        envelope.finish()
    assert envelope.strange == (value not in ("null", "-1", '"a"'))
