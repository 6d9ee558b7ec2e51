"""From snapshots to a release, and from a release to people.

What belongs here: what is declared (:mod:`registry`), making a release (:mod:`making`), the shelf (:mod:`releases`), who may see what
(:mod:`sharing`), reading (:mod:`reading`), files (:mod:`export`) and the services (:mod:`serve`). Knows what was landed and not how;
which imports are allowed is in ``pyproject.toml`` (``tool.importlinter``).
"""
