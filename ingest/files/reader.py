"""A file from outside is read in a process of its own, so that whatever it does to its reader is that file's outcome and
nobody else's: it asks for all memory, never ends, or makes a library crash.

One process is started for all files of a run, which costs a tenth of a second; it forks a child per file, which has limits on
memory, processor time and files, none of our environment, and gives rows back over a pipe. What comes back is plain values:
nothing that is received can call anything.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ingest.errors import MendableError
from ingest.files.sheet import Row, Sheet, UnreadableError


@dataclass(frozen=True)
class Limits:
    """What reading one file may take: bytes of memory, seconds of processor time, seconds on the clock."""

    memory: int = 3 << 30
    processor: int = 300
    clock: float = 900.0


class ReaderError(MendableError):
    """The process that reads could not be started, or was stopped from outside; no file is to blame."""


_ROWS = 5_000
_LENGTH = struct.Struct(">Q")
#: How the process that reads says what ended its child: this and the signal.
_SIGNAL, _MEMORY = 64, 63
#: What the child and we agree on besides plain values.
_KNOWN = {
    **{("datetime", name): None for name in ("date", "datetime", "time", "timedelta", "timezone")},
    **{("ingest.files.sheet", name): None for name in ("Percent", "Faulty")},
}
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "PYTHONHOME", "SYSTEMROOT")


class _Plain(pickle.Unpickler):
    """Takes in values and nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError("not a plain value")
        return super().find_class(module, name)


# -- our side ---------------------------------------------------------------------------------------------------------


class _Reader:
    """The process that reads, as we hold it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ingest.files.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library that crashes may quote what it read
            cwd=Path(__file__).parents[2],
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"PYTHONUTF8": "1"},
            start_new_session=True,
        )

    @property
    def usable(self) -> bool:
        return self.pid == os.getpid() and self.process.poll() is None

    def stop(self) -> None:
        if self.pid != os.getpid():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def ask(self, data: bytes, limits: Limits) -> list[Sheet]:
        """:raises EOFError: the process ended; its exit code says why."""
        until = time.monotonic() + limits.clock
        head = json.dumps(asdict(limits) | {"bytes": len(data)}).encode()
        try:
            self.process.stdin.write(_LENGTH.pack(len(head)) + head)  # type: ignore[union-attr]
            self.process.stdin.write(data)  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError:
            raise EOFError from None
        found: list[Sheet] = []
        for kind, content in self._answers(until):
            if kind == "sheet":
                found.append(Sheet(rows=[], **content))
            elif kind == "rows":
                found[-1].rows += [Row(line, cells) for line, cells in content]
            elif kind == "refused":
                raise UnreadableError(content)
            else:
                return found
        raise EOFError

    def _answers(self, until: float) -> Iterator[tuple[str, Any]]:
        while True:
            (size,) = _LENGTH.unpack(self._take(_LENGTH.size, until))
            yield _Plain(io.BytesIO(self._take(size, until))).load()

    def _take(self, size: int, until: float) -> bytes:
        pipe = self.process.stdout.fileno()  # type: ignore[union-attr]
        parts = []
        while size:
            left = until - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError
            part = os.read(pipe, min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


_reader: _Reader | None = None
_lock = threading.Lock()


def read(data: bytes, limits: Limits | None = None) -> list[Sheet]:
    """The sheets of a file, whatever it came as.

    :raises UnreadableError: it is none of the formats, is damaged or far too large, or took its reader down.
    :raises ReaderError: the reader could not be started, or was stopped from outside.
    """
    global _reader
    limits = limits or Limits()
    with _lock:
        for again in (True, False):
            if _reader is None or not _reader.usable:
                try:
                    _reader = _Reader()
                except OSError as error:
                    raise ReaderError(f"the process that reads files could not be started: {error}") from error
            try:
                return _reader.ask(data, limits)
            except UnreadableError:
                raise
            except TimeoutError:
                _stop()
                raise UnreadableError(_TOO_LONG) from None
            except EOFError:
                code = _reader.process.wait()
                _stop()
                if code == _SIGNAL + signal.SIGKILL and again:
                    continue  # the machine may have been short of memory for another's sake
                raise _outcome(code) from None
            except BaseException:
                # What is left in the pipe is not the next file's.
                _stop()
                raise
    raise AssertionError("unreachable")


_TOO_LONG = (
    "Het lezen van het bestand duurt te lang, dus het is niet gelezen. Lever het in delen, of als CSV. Meer dan een kwartier "
    "mag het niet duren."
)


def _outcome(code: int) -> Exception:
    """What to tell of a file whose reader ended."""
    if code in (_MEMORY, _SIGNAL + signal.SIGKILL, _SIGNAL + signal.SIGABRT):
        return UnreadableError(
            "Het lezen van het bestand vraagt meer geheugen dan is toegestaan, dus het is niet gelezen. Staat er iets ver buiten de "
            "tabel, of heel veel lege opmaak? Haal dat weg, of lever het in delen of als CSV."
        )
    if code in (_SIGNAL + signal.SIGXCPU, _SIGNAL + signal.SIGALRM):
        return UnreadableError(_TOO_LONG)
    if code < 0 or code in (_SIGNAL + n for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)):
        return ReaderError("the process that reads files was stopped from outside; run again")
    if code in (0, 1, 2):
        return ReaderError(
            f"the process that reads files ended by itself (exit {code}); `python -m ingest.files.reader < /dev/null` says why"
        )
    return UnreadableError(
        "Het bestand laat het programma dat het leest vastlopen, dus het is niet gelezen. Open het in Excel, sla het opnieuw op als "
        ".xlsx of CSV en lever het opnieuw."
    )


@atexit.register
def _stop() -> None:
    global _reader
    if _reader is not None:
        _reader.stop()
        _reader = None


# -- the process that reads -------------------------------------------------------------------------------------------


def serve(requests: BinaryIO, answers: BinaryIO) -> int:
    """Read one file after the other, each in a child, until nobody asks any more or a child ends badly."""
    from ingest.files import formats  # noqa: F401 (loaded once, for every child)

    while head := requests.read(_LENGTH.size):
        asked = json.loads(requests.read(_LENGTH.unpack(head)[0]))
        data = requests.read(asked["bytes"])
        child = os.fork()
        if not child:
            os._exit(_child(data, Limits(asked["memory"], asked["processor"], asked["clock"]), answers))
        del data
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            # What it wrote may break off in the middle, so that nothing can follow it.
            return status if status > 0 else _SIGNAL - status
    return 0


def _child(data: bytes, limits: Limits, answers: BinaryIO) -> int:
    try:
        _limit(limits)
        from ingest.files import formats

        try:
            sheets = formats.read(data)
        except UnreadableError as error:
            _write(answers, "refused", str(error))
            return 0
        for sheet in sheets:
            facts = {k: v for k, v in vars(sheet).items() if k != "rows"}
            _write(answers, "sheet", facts)
            for n in range(0, len(sheet.rows), _ROWS):
                _write(answers, "rows", [(row.line, row.cells) for row in sheet.rows[n : n + _ROWS]])
        _write(answers, "done", None)
    except MemoryError:
        return _MEMORY
    except BaseException:
        return 3
    return 0


def _write(answers: BinaryIO, kind: str, content: object) -> None:
    packed = pickle.dumps((kind, content), protocol=5)
    answers.write(_LENGTH.pack(len(packed)) + packed)
    answers.flush()


def _limit(limits: Limits) -> None:
    """No more memory, time or files than this; the first to go when the machine is short of memory."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.processor),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        # A system without one of them (macOS and memory) is left to the others.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most + 5 if kind == resource.RLIMIT_CPU else most))
    signal.alarm(int(limits.clock) + 5)  # whoever asked may be gone


if __name__ == "__main__":
    # Who started us may ignore these, in the background say, and what is ignored is handed down.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    sys.exit(serve(sys.stdin.buffer, sys.stdout.buffer))
