"""Which format a delivered file has, by its content and not by its name. In memory; nothing is written.

What belongs here: telling formats apart, taking one file out of its wrapping, and saying by its name what is not read.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from ingest.files import delimited, records, workbook
from ingest.files.sheet import MOST_BYTES, Sheet, UnreadableError

_AS_CSV = "Lever een CSV- of .xlsx-bestand."
_PARQUET = b"PAR1"
#: What is not read, by how it begins.
_OTHERS = (
    (rb"%PDF", f"Het bestand is een PDF. {_AS_CSV}"),
    (
        rb"Rar!|7z\xbc\xaf|\xfd7zXZ|BZh|\x28\xb5\x2f\xfd",
        f"Het bestand is ingepakt op een manier die niet wordt gelezen. {_AS_CSV}",
    ),
    (_PARQUET, f"Het bestand is een Parquet-bestand. {_AS_CSV}"),
    (rb"SQLite format 3", f"Het bestand is een database (GeoPackage of SQLite). {_AS_CSV}"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0\0\0\0|II\*\0|MM\0\*", f"Het bestand is een afbeelding. {_AS_CSV}"),
    (rb"\{\\rtf", f"Het bestand is een tekstdocument (RTF). {_AS_CSV}"),
    (rb"\x00\x01\x00\x00Standard", f"Het bestand is een Access-database. {_AS_CSV}"),
)
#: How a file in a zip may be packed, and the marks of an entry that can't be read (APPNOTE.TXT of PKWARE, 4.4.4 and 4.4.5).
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_ENCRYPTED, _PATCHED, _STRONGLY_ENCRYPTED = 1 << 0, 1 << 5, 1 << 6
#: What is left in a zip by the program that made it.
_LEFT = re.compile(r"(?i)(^|/)(__MACOSX/.*|\._.*|\.DS_Store|Thumbs\.db|desktop\.ini)$|/$")


def read(data: bytes) -> list[Sheet]:
    """The sheets of a file.

    :raises UnreadableError: it is none of the formats, damaged, protected, or far too large.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"Het bestand is groter dan {MOST_BYTES // 1_000_000} MB.")
    if not data.strip():
        raise UnreadableError("Het bestand is leeg.")
    try:
        return _read(_unwrapped(data))
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError("Het bestand is te diep genest om te lezen.") from None
    except MemoryError:
        raise
    except Exception as error:
        # Never the library's own words: they may quote the content.
        raise UnreadableError(f"Het bestand is beschadigd en niet te lezen ({type(error).__name__}).") from None


def _read(data: bytes) -> list[Sheet]:
    if data[:4] == b"PK\x03\x04" or data.startswith(workbook.OLE):
        return workbook.read(data)
    if data[257:262] == b"ustar":
        raise UnreadableError(f"Het bestand is een tar-archief. {_AS_CSV}")
    for begin, message in _OTHERS:
        if re.match(begin, data, re.DOTALL):
            raise UnreadableError(message)
    text = _text(data)
    head = text[:4096].lstrip("\ufeff \t\r\n").lower()
    if head.startswith("<"):
        _refuse_markup(head)
    if records.BEGINS.match(text):
        return [records.read(text)]
    return [delimited.read(text)]


def _refuse_markup(head: str) -> None:
    if re.match(r"<(!doctype html|html|head|body|table|meta|style|script|div)\b", head) or "<html" in head:
        raise UnreadableError(
            "Het bestand is een webpagina (HTML), hoe het ook heet. Is het een export die .xls heet: open het in Excel, sla het op "
            "als .xlsx en lever het opnieuw. Anders is het een aanmeld- of foutpagina in plaats van het bestand."
        )
    if "office:spreadsheet" in head or "excel.sheet" in head:
        raise UnreadableError(
            "Het bestand is een XML-rekenblad van een oude Excel. Open het in Excel, sla het op als .xlsx en lever het opnieuw."
        )
    if re.match(r"<(\?xml|[a-z][\w.-]*:?[\w.-]*[\s>])", head):
        raise UnreadableError(f"Het bestand is XML. {_AS_CSV}")


# -- wrapping ---------------------------------------------------------------------------------------------------------


def _unwrapped(data: bytes) -> bytes:
    """The one file within a zip or gzip, or the file itself. What is wrapped twice is not unwrapped further."""
    if data.startswith(b"\x1f\x8b"):
        unpacked = _gunzip(data)
    elif data[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if _is_document(packed):
                return data
            unpacked = _only(packed)
    else:
        return data
    if not unpacked.strip():
        raise UnreadableError("Het bestand in de verpakking is leeg.")
    if unpacked.startswith(b"\x1f\x8b") or (unpacked[:4] == b"PK\x03\x04" and not _holds_document(unpacked)):
        raise UnreadableError(f"In de verpakking zit weer een ingepakt bestand. {_AS_CSV}")
    return unpacked


def _is_document(packed: zipfile.ZipFile) -> bool:
    """Whether a zip is a spreadsheet of Excel or LibreOffice, and not the wrapping of one."""
    names = {item.filename.replace("\\", "/").lower() for item in packed.infolist()}
    return bool(names & {"[content_types].xml", "content.xml", "mimetype", "xl/workbook.xml"})


def _holds_document(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return _is_document(packed)


def parquet(data: bytes) -> bytes | None:
    """A Parquet file, or the one in a zip or gzip; None where it is something else, or can't be unpacked."""
    if data.startswith(_PARQUET):
        return data
    try:
        if data.startswith(b"\x1f\x8b"):
            start = zlib.decompressobj(wbits=31).decompress(data[:4096], len(_PARQUET))
        else:
            with zipfile.ZipFile(io.BytesIO(data)) as packed, packed.open(_only_item(packed)) as stream:
                start = stream.read(len(_PARQUET))
        return _unwrapped(data) if start == _PARQUET else None
    except MemoryError:
        raise
    except Exception:
        return None  # what is wrong with it, :func:`read` says


def _only_item(packed: zipfile.ZipFile) -> zipfile.ZipInfo:
    items = [item for item in packed.infolist() if not _LEFT.search(item.filename.replace("\\", "/"))]
    if len(items) != 1:
        count = f"{len(items)} bestanden" if items else "geen bestand"
        raise UnreadableError(f"Het zip-bestand bevat {count}; het moet er precies één zijn. Lever de bestanden los.")
    if items[0].flag_bits & (_ENCRYPTED | _STRONGLY_ENCRYPTED):
        raise UnreadableError("Het zip-bestand is beveiligd met een wachtwoord. Lever het zonder wachtwoord.")
    if items[0].file_size > MOST_BYTES:
        raise UnreadableError(f"Het bestand in de zip is groter dan {MOST_BYTES // 1_000_000} MB.")
    if items[0].compress_type not in _METHODS or items[0].flag_bits & _PATCHED:
        raise UnreadableError(f"Het zip-bestand is ingepakt op een manier die niet wordt gelezen. {_AS_CSV}")
    return items[0]


def _only(packed: zipfile.ZipFile) -> bytes:
    with packed.open(_only_item(packed)) as stream:
        return _bounded(stream.read(MOST_BYTES + 1))


def _gunzip(data: bytes) -> bytes:
    parts, size = [], 0
    while data.startswith(b"\x1f\x8b"):  # members one after the other are one file
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(data, MOST_BYTES + 1 - size)
        parts.append(part)
        size += len(part)
        _bounded(part, size)
        if not member.eof:
            raise UnreadableError("Het gzip-bestand is beschadigd of afgebroken.")
        data = member.unused_data
    return b"".join(parts)


def _bounded(data: bytes, size: int | None = None) -> bytes:
    if (len(data) if size is None else size) > MOST_BYTES:
        raise UnreadableError(f"Het bestand is uitgepakt groter dan {MOST_BYTES // 1_000_000} MB.")
    return data


# -- text -------------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    """UTF-8 (or UTF-16 with its mark), else Windows-1252, which is what Dutch exports are otherwise."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding)
    if b"\x00" in data[:4096]:
        raise UnreadableError("Het bestand is geen tekst, rekenblad of JSON.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Five bytes mean nothing in Windows-1252; they become a sign that no value may have.
        return data.decode("cp1252", errors="replace")
