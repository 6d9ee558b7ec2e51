"""What municipalities hold themselves: from a delivery to counted-up figures, without a person in them.

A source is a **contract** (:mod:`contract`), one YAML file. A delivery comes through the drop folder or over HTTP
(:mod:`remote`), is read in memory (:mod:`files`), and is judged at the door (:mod:`door`): personal data is refused or
reduced (:mod:`personal`), places become region codes (:mod:`region`, :mod:`boundaries`), bad rows go to quarantine without
their values. What was accepted lies in the municipal layer (:mod:`layer`), readable by its owner alone, and is counted up
(:mod:`count`). Disclosure control happens between that and the snapshot (:mod:`publish`); it is ``ingest.municipal.disclosure.control``,
and ``ingest.municipal.source`` ties the two together.
"""
