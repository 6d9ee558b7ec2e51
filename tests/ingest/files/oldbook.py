"""A spreadsheet of an old Excel, and the container that it lies in, as far as a reader looks."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any


def container(name: str, stream: bytes) -> bytes:
    """A container with one stream, its table of sectors in front."""
    stream = stream.ljust(4096, b"\0")
    count = -(-len(stream) // 512)
    links = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, count + 2), 0xFFFFFFFE]
    assert len(links) <= 128
    table = struct.pack(f"<{len(links)}I", *links).ljust(512, b"\xff")

    def entry(title: str, kind: int, child: int, first: int, size: int) -> bytes:
        text = title.encode("utf-16-le") + b"\0\0"
        head = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return head.ljust(116, b"\0") + struct.pack("<3I", first, size, 0)

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<4I", 1, 1, 0, 4096) + struct.pack("<4I", 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    assert len(head) == 512
    return head + table + directory.ljust(512, b"\0") + stream


def record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<2H", kind, len(body)) + body


def workbook(
    rows: list[list[Any]],
    hidden_rows: Iterable[int] = (),
    hidden_columns: Iterable[int] = (),
    percent: Iterable[tuple[int, int]] = (),
    locked: bool = False,
) -> bytes:
    """A sheet of texts and numbers; an error is written by its code, as an int in a tuple, or in a formula if it is the second."""
    begin, end = record(0x809, struct.pack("<4H2I", 0x600, 0x10, 0, 0, 0, 0x600)), record(0x0A)
    cells = b"".join(record(0x208, struct.pack("<8H", n, 0, len(rows[n]), 255, 0, 0, 0x20, 0)) for n in hidden_rows)
    cells += b"".join(record(0x7D, struct.pack("<6H", n, n, 2000, 0, 1, 0)) for n in hidden_columns)
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            head = struct.pack("<3H", r, c, int((r, c) in set(percent)))
            match value:
                case str():
                    cells += record(0x204, head + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
                case int() | float():
                    cells += record(0x203, head + struct.pack("<d", value))
                case (code,):
                    cells += record(0x205, head + bytes([code, 1]))
                case (_, code):
                    cells += record(
                        0x06, head + bytes([2, 0, code, 0, 0, 0, 255, 255]) + bytes(6) + struct.pack("<H", 0)
                    )
    name = "Gegevens".encode("utf-16-le")
    front = record(0x809, struct.pack("<4H2I", 0x600, 5, 0, 0, 0, 0x600))
    front += record(0x2F, struct.pack("<3H", 0, 1, 2)) if locked else b""
    front += b"".join(record(0xE0, struct.pack("<10H", 0, number_format, *[0] * 8)) for number_format in (0, 10))
    sheet = struct.pack("<IBB", len(front) + 10 + 2 + len(name) + 4 + 2, 0, 0) + struct.pack("<BB", 8, 1) + name
    front += record(0x85, sheet) + end
    at = len(front)
    front = front.replace(sheet, struct.pack("<I", at) + sheet[4:])
    return container("Workbook", front + begin + cells + end)
