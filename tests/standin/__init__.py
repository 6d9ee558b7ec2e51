"""A stand-in for CBS's OData services on loopback, for tests that must not depend on a network.

It serves recorded tables or synthetic ones over OData v3 (catalogue, feed, API) and v4 as CBS does,
padding, paging, limits and odd cases included, and fails on demand in the ways in which CBS or a network
fails::

    table = V3Table.build("83765NED", dims=["WijkenEnBuurten"], topics=["Inwoners"], rows=[("GM0770",
    19_313)]) with StandIn([table]) as cbs: cbs.fault("83765NED", Fault.SHORT_PAGE, times=None)
    run(env=cbs.env) assert cbs.count("83765NED", "TypedDataSet") == 4

Nothing but the standard library is needed. ``python -m tests.standin --help`` serves from the command line.
"""

from tests.standin.compact import Dim, Group, Missing, Topic
from tests.standin.faults import Fault
from tests.standin.recorded import recorded_tables
from tests.standin.server import Request, StandIn
from tests.standin.table import Table
from tests.standin.v3 import V3Table
from tests.standin.v4 import V4Table

__all__ = [
    "Dim",
    "Fault",
    "Group",
    "Missing",
    "Request",
    "StandIn",
    "Table",
    "Topic",
    "V3Table",
    "V4Table",
    "recorded_tables",
]
