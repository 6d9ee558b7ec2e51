"""Serve recorded tables from the command line: ``python -m tests.standin --recorded FOLDER``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import Any

from tests.standin import Fault, StandIn, recorded_tables

_FAULTS = ", ".join(fault.name for fault in Fault)
_OPTIONS = {"page": int, "times": int, "rows": int, "seconds": float, "column": str, "host": str}


def fault(text: str) -> dict[str, Any]:
    """``TABLE[:RESOURCE]:FAULT[:option=value]...``, as the arguments of ``StandIn.fault``."""
    words = text.split(":")
    names = [word for word in words if "=" not in word]
    if not 2 <= len(names) <= 3 or names[-1] not in Fault.__members__:
        raise argparse.ArgumentTypeError(f"{text!r} is not TABLE[:RESOURCE]:FAULT; FAULT is one of {_FAULTS}")
    said: dict[str, Any] = {}
    for name, _, value in (word.partition("=") for word in words if "=" in word):
        if name not in _OPTIONS:
            raise argparse.ArgumentTypeError(f"{text!r}: no option {name}; there are {', '.join(_OPTIONS)}")
        said[name] = _OPTIONS[name](value)
    return {
        "table_id": None if names[0] == "*" else names[0],
        "fault": Fault[names[-1]],
        "resource": names[1] if len(names) == 3 else None,
        "times": None,
    } | said


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.standin",
        description="Serve recorded CBS tables on loopback, until Ctrl-C.",
    )
    say = parser.add_argument
    say("--recorded", required=True, metavar="FOLDER", help="the folder with v3/ and v4/")
    say("--only", action="append", metavar="TABLE", help="serve only this table; may be repeated")
    say("--port", type=int, default=0, help="of CBS; third parties get the next one (default: any)")
    say("--page-size", type=int, default=10_000, help="rows on a page of v3 (default: 10000)")
    say("--latency", type=float, default=0.0, metavar="SECONDS", help="before each answer")
    say(
        "--fault",
        action="append",
        type=fault,
        default=[],
        metavar="TABLE[:RESOURCE]:FAULT[:page=N][:times=N]",
        help=f"let requests fail, for ever unless times is given; TABLE may be *; FAULT is one of {_FAULTS}",
    )
    options = parser.parse_args(arguments)
    try:
        tables = recorded_tables(options.recorded, options.only)
        cbs = StandIn(tables, port=options.port, page_size=options.page_size, latency=options.latency)
        for one in options.fault:
            cbs.fault(**one)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    # A server that a script runs in the background does not get the Ctrl-C, but is terminated.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with cbs:
        try:
            for name, value in cbs.env.items():
                print(f"export {name}={value}", flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(cbs.requests)} requests", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
