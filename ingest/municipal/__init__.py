"""What municipalities hold themselves: from a delivery to counted-up figures, without a person in them.

A source is a **contract** (:mod:`contract`), one YAML file. A delivery comes through the drop folder or over HTTP
(:mod:`remote`), is read in memory (:mod:`ingest.files`), and is judged (:mod:`intake`): personal data is refused or
reduced (:mod:`personal`), places become region codes (:mod:`region`, :mod:`boundaries`), bad rows go to quarantine without
their values. What was accepted lies in the municipal layer (:mod:`layer`), readable by its owner alone, and is counted up
(:mod:`counting`). Disclosure control (:mod:`disclosure`) happens between that and the snapshot (:mod:`publication`);
:mod:`source` ties them together.
"""
