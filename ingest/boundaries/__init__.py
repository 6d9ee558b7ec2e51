"""Boundaries of municipalities, wijken and buurten by year, from PDOK: what maps are drawn on.

They are no figures: a snapshot of them has layout ``areas``, and becomes ``core.region_boundary`` instead of cells. How a point
or a postcode becomes a buurt is none of this room: that is :mod:`ingest.municipal.boundaries`.
"""
