"""The audit: what must hold of a snapshot, of core and of the marts before anyone sees them, and what was found.

What belongs here: the suites, in code, one module per thing audited (:mod:`snapshots`, :mod:`core`, :mod:`disclosure`, :mod:`mart`); how
a check is declared (:mod:`check`) and run by Great Expectations (:mod:`audit`); and the quality report
(:mod:`report`). Nothing here repairs, chooses or releases: whoever calls decides what a failure means.

Great Expectations takes seconds to import, so only a function that runs checks imports it.
"""

from expectations.candidate import audit_candidate
from expectations.result import CheckResult
from expectations.snapshots import SnapshotFacts, audit_snapshot, audit_snapshots

__all__ = ["CheckResult", "SnapshotFacts", "audit_candidate", "audit_snapshot", "audit_snapshots"]
