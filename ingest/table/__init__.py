"""A table at a URL: a CSV, XLSX, ODS, JSON or Parquet file, or a zip of one, as DUO, Vektis, RIVM and provinces publish them.

What belongs here: how such a file is declared (:mod:`declaration`: which column is the region, which the period, which are
measures), and how it lands as a snapshot like any StatLine table (:mod:`landing`).
"""
