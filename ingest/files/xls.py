"""A look through the file of an old Excel (.xls, 1993-2003): records in a stream, within a container that is a small file system.

Other documents of that time lie in the same container, and so does a new spreadsheet that has a password.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from ingest.files.look import MOST_SHEETS, PROTECTED, Look
from ingest.files.sheet import Faulty, UnreadableError

_ERRORS = {
    **{0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!"},
    **{0x2A: "#N/A"},
}
#: Sectors from here on are none.
_NONE = 0xFFFFFFFA
_BOF, _EOF, _FILEPASS, _SHEET, _FORMAT, _XF = 0x809, 0x0A, 0x2F, 0x85, 0x41E, 0xE0
_ROW, _COLUMNS, _ERROR, _FORMULA, _NUMBER, _RK, _RKS = 0x208, 0x7D, 0x205, 0x06, 0x203, 0x27E, 0xBD
_TEXTS = (0xFD, 0x204, 0xD6)


def looks(data: bytes) -> list[Look]:
    """:raises UnreadableError: it is no spreadsheet, or has a password."""
    try:
        return _looks(data)
    except (struct.error, IndexError):
        raise UnreadableError("Het rekenblad is beschadigd of afgebroken en niet te lezen.") from None


def _looks(data: bytes) -> list[Look]:
    if any(name.encode("utf-16-le") in data for name in ("EncryptedPackage", "EncryptionInfo")):
        raise UnreadableError(PROTECTED)
    stream = _stream(data, ("workbook", "book"))
    if stream is None:
        raise UnreadableError(
            "Het bestand is geen rekenblad, maar een ander document van een Office-programma (Word, Outlook, Access …) of een "
            "beschadigd rekenblad. Lever een .xlsx- of CSV-bestand."
        )
    places: list[tuple[str, int]] = []
    formats, styles = {9, 10}, []
    wide = False  # whether texts have a byte for how they are written
    for kind, body in _records(stream, 0):
        if kind == _BOF:
            wide = body[:2] == b"\x00\x06"
        elif kind == _FILEPASS:
            raise UnreadableError(PROTECTED)
        elif kind == _SHEET:
            places.append((_text(body[6:], 1, wide), struct.unpack_from("<I", body)[0]))
        elif kind == _FORMAT:
            shown = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", _text(body[2:], 2 if wide else 1, wide))
            (formats.add if "%" in shown else formats.discard)(struct.unpack_from("<H", body)[0])
        elif kind == _XF:
            styles.append(struct.unpack_from("<H", body, 2)[0])
    if len(places) > MOST_SHEETS:
        raise UnreadableError(f"Het rekenblad heeft meer dan {MOST_SHEETS} werkbladen.")
    percents = frozenset(n for n, number_format in enumerate(styles) if number_format in formats)
    return [_look(stream, name, at, percents) for name, at in places]


def _look(stream: bytes, name: str, at: int, percents: frozenset[int]) -> Look:
    look = Look(name)
    for kind, body in _records(stream, at):
        if kind == _ROW:
            row, flags = struct.unpack_from("<H", body)[0], struct.unpack_from("<H", body, 12)[0]
            if flags & 0x20:
                look.hidden_rows.add(row)
        elif kind == _COLUMNS:
            first, last, _, _, flags = struct.unpack_from("<5H", body)
            if flags & 1:
                look.hidden_columns.update(range(first, min(last, 255) + 1))
        elif kind in (_ERROR, _FORMULA, _NUMBER, _RK, *_TEXTS):
            row, column, style = struct.unpack_from("<3H", body)
            look.holds(row, column)
            code = None
            if kind == _ERROR and body[7]:
                code = body[6]
            elif kind == _FORMULA and body[12:14] == b"\xff\xff":
                code = body[8] if body[6] == 2 else None
            elif kind in (_NUMBER, _RK, _FORMULA) and style in percents:
                look.percent.add((row, column))
            if code is not None:
                look.faulty[row, column] = Faulty("error", _ERRORS.get(code, "#?"))
        elif kind == _RKS:
            row, first = struct.unpack_from("<2H", body)
            for n in range((len(body) - 6) // 6):
                look.holds(row, first + n)
                if struct.unpack_from("<H", body, 4 + 6 * n)[0] in percents:
                    look.percent.add((row, first + n))
    return look


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part, without those of a chart within it."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<2H", stream, at)
        depth += kind == _BOF
        if depth == 1:
            yield kind, stream[at + 4 : at + 4 + size]
        depth -= kind == _EOF
        if not depth:
            return
        at += 4 + size


def _text(body: bytes, length: int, wide: bool) -> str:
    """A text with its number of signs before it."""
    count, rest = int.from_bytes(body[:length], "little"), body[length:]
    if not wide:
        return rest[:count].decode("cp1252", "replace")
    if rest[:1] and rest[0] & 1:
        return rest[1 : 1 + 2 * count].decode("utf-16-le", "replace")
    return rest[1 : 1 + count].decode("latin-1")


def _stream(data: bytes, names: tuple[str, ...]) -> bytes | None:
    """A stream of the container by its name. A chain that runs in a circle ends where it has had every sector."""
    size = 1 << min(struct.unpack_from("<H", data, 30)[0], 12)
    first_directory = struct.unpack_from("<I", data, 48)[0]
    least, first_small = struct.unpack_from("<2I", data, 56)
    tables = list(struct.unpack_from("<109I", data, 76))
    more = struct.unpack_from("<I", data, 68)[0]
    for _ in range(len(data) // size):
        if more >= _NONE:
            break
        further = struct.unpack_from(f"<{size // 4}I", data, (more + 1) * size)
        tables, more = tables + list(further[:-1]), further[-1]
    following: list[int] = []
    for sector in tables:
        if sector < _NONE and (sector + 2) * size <= len(data) + size:
            following += struct.unpack(f"<{size // 4}I", data[(sector + 1) * size : (sector + 2) * size])

    def chain(sector: int, links: list[int], at: bytes, start: int, width: int) -> bytes:
        parts = []
        for _ in range(len(links)):
            if sector >= len(links):
                break
            parts.append(at[start + sector * width : start + (sector + 1) * width])
            sector = links[sector]
        return b"".join(parts)

    directory = chain(first_directory, following, data, size, size)
    root = b""
    for n in range(0, len(directory) - 127, 128):
        entry = directory[n : n + 128]
        length = max(0, struct.unpack_from("<H", entry, 64)[0] - 2)
        name = entry[: min(length, 62)].decode("utf-16-le", "replace").lower()
        first, whole = struct.unpack_from("<2I", entry, 116)
        if entry[66] == 5:
            root = chain(first, following, data, size, size)
        elif entry[66] == 2 and name in names:
            if whole >= least:
                return chain(first, following, data, size, size)[:whole]
            small = chain(first_small, following, data, size, size)
            links = list(struct.unpack(f"<{len(small) // 4}I", small[: len(small) // 4 * 4]))
            return chain(first, links, root, 0, 64)[:whole]
    return None
